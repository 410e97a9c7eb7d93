"""What everybody may see: landing, gallery, documentation, terms."""

import json
from typing import Any, Final

import flask

from services.web import assets, gate

# What search engines would find behind these is the door, over and over.
_ROBOTS: Final = "".join(
    f"{line}\n"
    for line in ("User-agent: *", *(f"Disallow: {path}" for path in ("/studio", "/account", "/admin/", "/api/")))
)


def blueprint() -> flask.Blueprint:
    """The views."""
    views = flask.Blueprint("public", __name__)
    # Pictures and their prompts lie side by side in static/art: whoever hangs others there changes no code.
    art: dict[str, Any] = json.loads((assets.OURS / "art" / "art.json").read_text(encoding="utf-8"))

    @views.app_context_processor
    def pictures() -> dict[str, Any]:
        return {"art": art}

    @views.get("/")
    @gate.open_to_all
    def landing() -> str:
        return flask.render_template("landing.html")

    @views.get("/docs")
    @gate.open_to_all
    def docs() -> str:
        return flask.render_template("docs.html")

    @views.get("/terms")
    @gate.open_to_all
    def terms() -> str:
        return flask.render_template("terms.html")

    @views.get("/robots.txt")
    @gate.open_to_all
    def robots() -> flask.Response:
        return flask.Response(_ROBOTS, mimetype="text/plain")

    return views
