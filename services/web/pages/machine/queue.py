"""The queue: what runs and what waits, and below it every task there ever was, to be searched."""

from typing import Any, Final

import flask
from daydream.tasks.v1 import admin_pb2

from services.foundation.bridge import Bridge
from services.web import gate, machinery
from services.web.backends.machine import Machine
from services.web.backends.names import Names
from services.web.backends.people import People
from services.web.pages.machine import whom

_PAGE: Final = 20
_MOST_WORDS: Final = 512


def install(views: flask.Blueprint, machine: Machine, people: People, names: Names, bridge: Bridge) -> None:
    """The view."""

    @views.get("/queue", endpoint="queue")
    def queue() -> str:
        visitor, asked = gate.visitor(), _asked()
        cursor = flask.request.args.get("cursor", "")[:512]

        async def read() -> dict[str, Any]:
            user_id, nobody = await whom.chosen(people, visitor, asked["who"])
            found = admin_pb2.ListAllTasksResponse()
            if not nobody:
                states = [machinery.STATES[asked["state"]]] if asked["state"] else []
                found = await machine.tasks(
                    visitor, user_id=user_id, states=states, query=asked["q"], page_token=cursor, page_size=_PAGE
                )
            line = await machine.line(visitor)
            known = await names.of(visitor, {each.user_id for each in (*found.tasks, *line.tasks)})
            return {
                "rows": sorted((machinery.row(each, known) for each in line.tasks), key=lambda each: each["at"]),
                "counts": machinery.in_line(line.queued, line.running),
                "hidden": line.queued + line.running - len(line.tasks),
                "tasks": [machinery.task(each, known) for each in found.tasks],
                "older": found.next_page_token,
                "nobody": nobody,
            }

        return flask.render_template(
            "admin/queue.html",
            **bridge.call(read()),
            asked=asked,
            searched=any(asked.values()),
            first=not cursor,
            states=list(machinery.STATES),
            here=flask.request.full_path.rstrip("?"),
        )


def _asked() -> dict[str, str]:
    """What is searched for; a state that there is not is none."""
    state = flask.request.args.get("state", "")
    return {
        "q": flask.request.args.get("q", "").strip()[:_MOST_WORDS],
        "who": flask.request.args.get("who", "").strip()[: whom.MOST_CHARACTERS],
        "state": state if state in machinery.STATES else "",
    }
