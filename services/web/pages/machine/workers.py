"""The workers: who answers, how much each has to do, and what became of the tasks of those that fell silent."""

import datetime as dt

import flask

from services.foundation.bridge import Bridge
from services.web import gate, machinery
from services.web.backends.machine import Machine


def install(views: flask.Blueprint, machine: Machine, bridge: Bridge) -> None:
    """The view."""

    @views.get("/workers", endpoint="workers")
    def workers() -> str:
        found, now = bridge.call(machine.workers(gate.visitor())), dt.datetime.now(dt.UTC)
        return flask.render_template(
            "admin/workers.html",
            workers=[machinery.worker(each, now) for each in found],
            ready=machinery.ready(found),
        )
