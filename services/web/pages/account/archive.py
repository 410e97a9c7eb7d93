"""Everything one has made, to take along."""

import asyncio

import flask
from daydream.tasks.v1 import tasks_pb2

from services.foundation.bridge import Bridge
from services.web import gate
from services.web.backends.accounts import Visitor
from services.web.backends.archives import Archives


def add(views: flask.Blueprint, archives: Archives, bridge: Bridge) -> None:
    """Put the tab among the views; the file itself comes from `streams.archives`."""

    async def contents(visitor: Visitor) -> tuple[tasks_pb2.Archive, tasks_pb2.Archive]:
        return await asyncio.gather(
            archives.contents(visitor), archives.contents(visitor, session_id=visitor.session_id)
        )

    @views.get("/account/archive")
    def archive() -> str:
        visitor = gate.visitor()
        everything, this_session = bridge.call(contents(visitor))
        return flask.render_template(
            "account/archive.html", visitor=visitor, everything=everything, this_session=this_session, size=size
        )


def size(count: int) -> str:
    """Bytes as people read them."""
    if count < 1000:
        return f"{count} bytes"
    amount = float(count)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.5 or unit == "GB":
            break
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:,.0f} {unit}"
