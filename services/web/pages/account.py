"""The account: who you are here, what the purse holds, and every entry of it."""

import asyncio
import datetime as dt
import textwrap
from collections.abc import Mapping
from typing import Any, Final

import flask
from daydream.auth.v1 import auth_pb2
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.web import gate
from services.web.backends import Accounts, Tasks, Visitor
from services.web.bridge import Bridge

_PAGE: Final = 30
_PROMPT_CHARS: Final = 80
_WORDS: Final = {
    auth_pb2.ENTRY_KIND_SIGN_UP: "Signed up",
    auth_pb2.ENTRY_KIND_HOLD: "Pictures",
    auth_pb2.ENTRY_KIND_RETURN: "Returned",
    auth_pb2.ENTRY_KIND_GRANT: "From staff",
    auth_pb2.ENTRY_KIND_CODE: "Code redeemed",
}

_ById = Mapping[str, tasks_pb2.Task]


def blueprint(accounts: Accounts, tasks: Tasks, bridge: Bridge) -> flask.Blueprint:
    """The views."""
    views = flask.Blueprint("account", __name__)

    @views.get("/account")
    def page() -> str:
        visitor = gate.visitor()
        cursor = flask.request.args.get("cursor", "")[:512]

        async def read() -> tuple[auth_pb2.GetBalanceResponse, auth_pb2.ListEntriesResponse, _ById]:
            balance, found = await asyncio.gather(accounts.balance(visitor), accounts.entries(visitor, cursor, _PAGE))
            return balance, found, await _tasks_of(found, tasks, visitor)

        balance, found, known = bridge.call(read())
        return flask.render_template(
            "account.html",
            visitor=visitor,
            balance=balance,
            entries=[_entry(each, known.get(each.task_id)) for each in found.entries],
            first=not cursor,
            older=found.next_page_token,
        )

    return views


async def _tasks_of(found: auth_pb2.ListEntriesResponse, tasks: Tasks, visitor: Visitor) -> _ById:
    """The tasks that entries belong to. The ledger stands without them: what cannot be read is left out."""

    async def read(task_id: str) -> tasks_pb2.Task | None:
        try:
            return await tasks.get(visitor, task_id)
        except errors.DaydreamError:
            return None

    ids = sorted({each.task_id for each in found.entries if each.task_id})
    read_tasks = await asyncio.gather(*(read(each) for each in ids))
    return {task.task_id: task for task in read_tasks if task is not None}


def _entry(entry: auth_pb2.Entry, task: tasks_pb2.Task | None) -> dict[str, Any]:
    # auth writes a hold once and never changes it; whether it still is one, its task knows.
    held = entry.kind == auth_pb2.ENTRY_KIND_HOLD and task is not None and not task.HasField("settled_time")
    return {
        "words": "Held for pictures" if held else _WORDS.get(entry.kind, "Entry"),
        "about": _first_words(task.parameters.prompt) if task is not None else entry.reason,
        "when": entry.created_time.ToDatetime(dt.UTC),
        "amount": entry.amount,
        "balance": entry.balance_after,
        "held": held,
    }


def _first_words(prompt: str) -> str:
    return textwrap.shorten(prompt, _PROMPT_CHARS, placeholder=" …")
