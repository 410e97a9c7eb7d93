"""The account at a glance: who you are here, what you have, what you made last."""

import asyncio
import datetime as dt
from collections.abc import Awaitable
from typing import Any, Final, TypeVar

import flask
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.foundation.bridge import Bridge
from services.web import gate, present
from services.web.backends.accounts import Visitor
from services.web.backends.everything import Backends
from services.web.pages.account import entries

T = TypeVar("T")

_ENTRIES: Final = 5
_PICTURES: Final = 8


def add(views: flask.Blueprint, backends: Backends, bridge: Bridge) -> None:
    """Put the tab among the views."""

    async def read(visitor: Visitor) -> dict[str, Any]:
        since = entries.month_began(dt.datetime.now(dt.UTC))
        profile, balance, spending, found, made, newest = await asyncio.gather(
            backends.profiles.get(visitor),
            backends.accounts.balance(visitor),
            backends.purse.spending(visitor, since),
            backends.purse.entries(visitor, page_size=_ENTRIES),
            _or_none(backends.archives.contents(visitor)),
            _or_none(backends.tasks.page(visitor, page_size=_PICTURES)),
        )
        return {
            "profile": profile,
            "since": profile.created_time.ToDatetime(dt.UTC),
            "balance": balance,
            "spending": spending,
            "made": made,
            "pictures": None if newest is None else _pictures(newest),
            "entries": await entries.shown(found.entries, backends.tasks, visitor),
        }

    @views.get("/account")
    def overview() -> str:
        visitor = gate.visitor()
        return flask.render_template("account/overview.html", visitor=visitor, **bridge.call(read(visitor)))


async def _or_none(asked: Awaitable[T]) -> T | None:
    """What was asked of tasks; None while it is away. Who one is and what one has, auth knows without it."""
    try:
        return await asked
    except errors.Unavailable:
        return None


def _pictures(newest: tasks_pb2.ListTasksResponse) -> list[dict[str, Any]]:
    shown = [
        {**present.image(image, present.PAGE_IMAGES), "prompt": task.parameters.prompt}
        for task in newest.tasks
        for image in task.images
    ]
    return shown[:_PICTURES]
