"""The account: who you are here, where you are signed in, what the purse holds, and every entry of it."""

import asyncio
import datetime as dt
import textwrap
from collections.abc import Mapping
from typing import Any, Final

import flask
from daydream.auth.v1 import auth_pb2
from daydream.tasks.v1 import tasks_pb2
from werkzeug.wrappers import Response

from services.foundation import errors
from services.web import browsers, gate, identifiers
from services.web.backends.accounts import Accounts, Visitor
from services.web.backends.ledger import Tasks
from services.web.backends.sessions import Sessions
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


def blueprint(accounts: Accounts, sessions: Sessions, tasks: Tasks, bridge: Bridge) -> flask.Blueprint:
    """The views."""
    views = flask.Blueprint("account", __name__)

    @views.get("/account")
    def page() -> str:
        visitor = gate.visitor()
        cursor = flask.request.args.get("cursor", "")[:512]

        async def read() -> tuple[
            auth_pb2.GetBalanceResponse, auth_pb2.ListEntriesResponse, list[auth_pb2.Session], _ById
        ]:
            balance, found, signed_in = await asyncio.gather(
                accounts.balance(visitor), accounts.entries(visitor, cursor, _PAGE), sessions.listing(visitor)
            )
            return balance, found, signed_in, await _tasks_of(found, tasks, visitor)

        balance, found, signed_in, known = bridge.call(read())
        return flask.render_template(
            "account.html",
            visitor=visitor,
            balance=balance,
            entries=[_entry(each, known.get(each.task_id)) for each in found.entries],
            first=not cursor,
            older=found.next_page_token,
            sessions=[_session(each, visitor.session_id) for each in signed_in],
        )

    @views.post("/account/sessions/<session_id>/end")
    def end_session(session_id: str) -> Response:
        visitor, asked = gate.visitor(), identifiers.checked(session_id)
        if bridge.call(sessions.end(visitor, asked)):
            # Of the visitor's own session the next page knows by itself, as of every one that is over.
            flask.flash("That session is over.", "ok")
        return _back_to_sessions()

    @views.post("/account/sessions/end-others")
    def end_other_sessions() -> Response:
        ended = bridge.call(sessions.end_others(gate.visitor()))
        flask.flash("1 other session is over." if ended == 1 else f"{ended} other sessions are over.", "ok")
        return _back_to_sessions()

    return views


def _back_to_sessions() -> Response:
    return flask.redirect(flask.url_for("account.page", _anchor="sessions"), 303)


def _session(session: auth_pb2.Session, own: str) -> dict[str, Any]:
    return {
        "id": session.session_id,
        "own": session.session_id == own,
        "browser": browsers.words(session.user_agent),
        "created": session.created_time.ToDatetime(dt.UTC),
        "seen": session.last_seen_time.ToDatetime(dt.UTC),
        "expires": session.expire_time.ToDatetime(dt.UTC),
    }


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
