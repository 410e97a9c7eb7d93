"""The Plugins page, and what its scripts ask for: codes, tokens and links with which plugins are used."""

from typing import Any, Final

import flask
from flask_limiter import Limiter
from werkzeug.wrappers import Response

from services.foundation import errors, logs
from services.foundation.bridge import Bridge
from services.web import gate, identifiers, loopback, plugin_shelf, present, strict_json
from services.web.backends.accounts import Visitor
from services.web.backends.grants import Grants
from services.web.backends.links import Links
from services.web.backends.plugins import Known, Plugins, PluginsUnavailable
from services.web.streams import linked

log = logs.logger(__name__)

PATH: Final = "/plugins"


def blueprint(plugins: Plugins, grants: Grants, links: Links, bridge: Bridge, limiter: Limiter) -> flask.Blueprint:
    """The views."""
    views = flask.Blueprint("plugins", __name__)

    async def known(visitor: Visitor) -> Known:
        return await plugins.known((await grants.plugin_token(visitor)).token)

    @views.get(PATH, defaults={"wanted": ""})
    @views.get(f"{PATH}/<wanted>")
    def page(wanted: str) -> Response:
        visitor, named = gate.visitor(), flask.request.args.get("open", "")
        if named and not wanted:
            # What the choice above the frame sends, where the window is small.
            return flask.redirect(flask.url_for("plugins.page", wanted=named), 303)
        try:
            found = bridge.call(known(visitor))
        except PluginsUnavailable as error:
            # The page stands without its plugins: what else the studio does is not affected.
            return flask.make_response(flask.render_template("plugins.html", away=error.message, boot={}), 503)
        chosen = plugin_shelf.choose(found.plugins, wanted)
        if wanted and chosen is None:
            raise errors.NotFound("There is no such plugin here; it may have been taken out or renamed.")
        boot = {
            "host": loopback.beside(plugins.origin, flask.request.host),
            "hosts": loopback.names_of(plugins.origin),
            "chosen": chosen.identifier if chosen else "",
            "plugins": plugin_shelf.known(found.plugins),
            "user": visitor.user_id,
        }
        page = flask.render_template(
            "plugins.html", away="", boot=boot, chosen=chosen, plugins=found.plugins, icon_of=plugin_shelf.icon
        )
        return flask.make_response(page)

    @views.get("/studio/plugins")
    def listing() -> Response:
        return flask.jsonify({"plugins": plugin_shelf.known(bridge.call(known(gate.visitor())).plugins)})

    @views.post(f"{PATH}/code")
    @limiter.limit("60/minute", key_func=_whose)
    def code() -> Response:
        return flask.jsonify({"code": bridge.call(grants.sign_in_code(gate.visitor()))})

    @views.post(f"{PATH}/token")
    @limiter.limit("60/minute", key_func=_whose)
    def token() -> Response:
        given = bridge.call(grants.plugin_token(gate.visitor()))
        return flask.jsonify({"token": given.token, "expires_at": present.time(given.until)})

    @views.post(f"{PATH}/links")
    @limiter.limit("120/minute", key_func=_whose)
    def link() -> Response:
        made = bridge.call(links.make(gate.visitor(), _image(strict_json.body())))
        address = f"{flask.request.host_url.rstrip('/')}{linked.PATH}{made.link_secret}"
        return flask.jsonify({"url": address, "expires_at": present.time(made.expire_time)})

    return views


def _whose() -> str:
    return gate.visitor().user_id


def _image(body: Any) -> str:
    """The id of the picture that is linked. Raises InvalidInput, NotFound."""
    named = body.get("image") if isinstance(body, dict) and set(body) == {"image"} else None
    if not isinstance(named, str):
        raise errors.InvalidInput.of(errors.FieldViolation(field="image", description="Name one picture by its id."))
    return identifiers.checked(named)
