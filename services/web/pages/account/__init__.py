"""The account, a module a tab: overview, settings, tokens, API keys, sessions, archive."""

import flask
from flask_limiter import Limiter

from services.foundation.bridge import Bridge
from services.web import gate
from services.web.backends.everything import Backends
from services.web.pages.account import archive, keys, overview, sessions, settings, tokens


def blueprint(backends: Backends, guard: gate.Gate, bridge: Bridge, limiter: Limiter) -> flask.Blueprint:
    """The views of all tabs."""
    views = flask.Blueprint("account", __name__)
    overview.add(views, backends, bridge)
    settings.add(views, backends.profiles, guard, bridge, limiter)
    tokens.add(views, backends, bridge, limiter)
    keys.add(views, backends.keys, bridge, limiter)
    sessions.add(views, backends.sessions, bridge)
    archive.add(views, backends.archives, bridge)
    return views
