"""The plugins, for staff: what is loaded, what is not and why."""

import flask

from services.foundation.bridge import Bridge
from services.web import gate, plugin_shelf
from services.web.backends.grants import Grants
from services.web.backends.plugins import Known, Plugins, PluginsUnavailable


def install(views: flask.Blueprint, plugins: Plugins, grants: Grants, bridge: Bridge) -> None:
    """The view."""

    async def known() -> Known:
        return await plugins.known((await grants.plugin_token(gate.visitor())).token, for_staff=True)

    @views.get("/plugins", endpoint="plugins")
    def page() -> flask.Response:
        try:
            found, away = bridge.call(known()), ""
        except PluginsUnavailable as error:
            found, away = Known(plugins=(), failures=()), error.message
        shown = flask.render_template(
            "admin/plugins.html",
            away=away,
            plugins=found.plugins,
            failures=found.failures,
            icon_of=plugin_shelf.icon,
            host=plugins.origin,
        )
        return flask.make_response(shown, 503 if away else 200)
