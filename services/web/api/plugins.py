"""The plugin host for programs: where it is, and a token that it believes."""

# flask-smorest's decorators carry no types.
# mypy: disable-error-code="untyped-decorator"

from flask_limiter import Limiter
from flask_smorest import Blueprint

from services.foundation.bridge import Bridge
from services.web import gate, present
from services.web.api.schemas import PluginTokenSchema
from services.web.backends.grants import Grants
from services.web.backends.plugins import Plugins


def blueprint(plugins: Plugins, grants: Grants, bridge: Bridge, limiter: Limiter) -> Blueprint:
    """The views."""
    views = Blueprint("plugin-access", __name__, description="The plugin host, for programs")

    @views.route("/plugins/token", methods=["POST"])
    @limiter.limit("60/minute", key_func=lambda: gate.visitor().user_id)
    @views.doc(summary="Get a token for the plugin host")
    @views.response(
        200,
        PluginTokenSchema,
        description="Send it there as `Authorization: Bearer`; ask again before it ends. The host describes its own "
        "interface at `/api-spec.json`.",
    )
    def token() -> dict[str, str]:
        given = bridge.call(grants.plugin_token(gate.visitor()))
        return {"token": given.token, "expires_at": present.time(given.until), "url": plugins.origin}

    return views
