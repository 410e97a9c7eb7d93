"""The machine, for staff: the queue with everybody's tasks, the workers, the plugins, and the log of what staff did.

Nobody else gets in, here as at tasks and auth. Each module says one page.
"""

import flask

from services.foundation.bridge import Bridge
from services.web import gate
from services.web.backends.everything import Backends
from services.web.pages.machine import audit, plugins, queue, stopping, workers


def blueprint(backends: Backends, bridge: Bridge) -> flask.Blueprint:
    """The views."""
    views = flask.Blueprint("machine", __name__, url_prefix="/admin")
    gate.for_staff(views)
    machine, people, names = backends.machine, backends.people, backends.names
    queue.install(views, machine, people, names, bridge)
    stopping.install(views, machine, names, bridge)
    workers.install(views, machine, bridge)
    audit.install(views, machine, people, names, bridge)
    if backends.plugins is not None:
        plugins.install(views, backends.plugins, backends.grants, bridge)
    return views
