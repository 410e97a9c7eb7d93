"""The gallery: what people publish and what lies in the data folder, for everybody; and each picture by itself."""

import datetime as dt
from typing import Any, Final

import flask
from daydream.tasks.v1 import gallery_pb2
from flask_login import current_user
from werkzeug.wrappers import Response

from services.foundation import errors, logs
from services.foundation.bridge import Bridge
from services.foundation.float32 import shortest
from services.web import gate, identifiers, present
from services.web.backends.accounts import Visitor
from services.web.backends.gallery import Gallery

log = logs.logger(__name__)

_PAGE: Final = 24


def blueprint(gallery: Gallery, bridge: Bridge) -> flask.Blueprint:
    """The views."""
    views = flask.Blueprint("gallery", __name__)

    @views.get("/gallery")
    @gate.open_to_all
    def page() -> str:
        cursor = flask.request.args.get("cursor", "")[:512]
        try:
            found = bridge.call(gallery.page(_whoever(), page_token=cursor, page_size=_PAGE))
        except errors.Unavailable as error:
            # The page stands without its pictures: who came to read something else finds the way from here.
            log.warning("no gallery", reason=error.detail_reason)
            return flask.render_template("gallery.html", away=True, pictures=[], first=True, older="")
        return flask.render_template(
            "gallery.html",
            away=False,
            pictures=[shown(each) for each in found.gallery_images],
            first=not cursor,
            older=found.next_page_token,
        )

    @views.get("/gallery/<gallery_id>/view")
    @gate.open_to_all
    def picture(gallery_id: str) -> str:
        found = bridge.call(gallery.get(_whoever(), identifiers.checked(gallery_id)))
        return flask.render_template("gallery-picture.html", picture=shown(found))

    @views.get("/gallery/<gallery_id>/settings")
    @gate.open_to_all
    def settings(gallery_id: str) -> Response:
        found = bridge.call(gallery.get(_whoever(), identifiers.checked(gallery_id)))
        return flask.jsonify(present.parameters(found.parameters) if found.parameters.prompt else {})

    @views.post("/gallery/<gallery_id>/unpublish")
    def unpublish(gallery_id: str) -> Response:
        visitor, asked = gate.visitor(), identifiers.checked(gallery_id)

        async def take_out() -> None:
            found = await gallery.get(visitor, asked)
            if not found.own:
                raise errors.NotFound("There is no such picture of yours in the gallery.")
            await gallery.unpublish(visitor, found.image_id)

        bridge.call(take_out())
        flask.flash("Your picture is no longer in the gallery. You keep it in your timeline.", "ok")
        return flask.redirect(flask.url_for("gallery.page"), 303)

    return views


def _whoever() -> Visitor | None:
    return gate.visitor() if current_user.is_authenticated else None


def shown(value: gallery_pb2.GalleryImage) -> dict[str, Any]:
    """A picture as the templates show it; `settings` is empty for one that says nothing of itself."""
    made = value.parameters
    known = bool(made.prompt)
    return {
        "id": value.gallery_id,
        "width": value.width,
        "height": value.height,
        "published": value.published_time.ToDatetime(dt.UTC),
        "own": value.own,
        "owner": value.owner_user_id,
        "hidden": value.ruling.hidden,
        "ruling": _ruling(value.ruling) if value.HasField("ruling") else None,
        "prompt": made.prompt,
        "negative_prompt": made.negative_prompt,
        "settings": _settings(value) if known else [],
        "seed": made.seed,
        "steps": made.steps,
        # Words for who does not see it.
        "alt": made.prompt or "A picture that does not say how it was made",
    }


def _settings(value: gallery_pb2.GalleryImage) -> list[tuple[str, str]]:
    made = value.parameters
    told = [
        ("Model", made.model),
        ("Sampler", made.sampler),
        ("Size", f"{value.width} × {value.height}"),
        ("Steps", str(made.steps) if made.steps else ""),
        ("Guidance", f"{shortest(made.guidance):g}" if made.HasField("guidance") else ""),
        ("Seed", str(made.seed) if made.HasField("seed") else ""),
    ]
    return [(name, words) for name, words in told if words]


def _ruling(value: gallery_pb2.Ruling) -> dict[str, Any]:
    return {
        "hidden": value.hidden,
        "staff": value.staff_user_id,
        "reason": value.reason,
        "when": value.ruled_time.ToDatetime(dt.UTC),
    }
