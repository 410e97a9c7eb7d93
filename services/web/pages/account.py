"""The account: who you are here, what the purse holds, and every entry of it."""

import asyncio
import datetime as dt
from typing import Any, Final

import flask
from daydream.auth.v1 import auth_pb2

from services.web import gate
from services.web.backends import Accounts
from services.web.bridge import Bridge

_PAGE: Final = 30
_WORDS: Final = {
    auth_pb2.ENTRY_KIND_SIGN_UP: "Signed up",
    auth_pb2.ENTRY_KIND_HOLD: "Held for pictures",
    auth_pb2.ENTRY_KIND_RETURN: "Returned",
    auth_pb2.ENTRY_KIND_GRANT: "From staff",
    auth_pb2.ENTRY_KIND_CODE: "Code redeemed",
}


def blueprint(accounts: Accounts, bridge: Bridge) -> flask.Blueprint:
    """The views."""
    views = flask.Blueprint("account", __name__)

    @views.get("/account")
    def page() -> str:
        visitor = gate.visitor()
        cursor = flask.request.args.get("cursor", "")[:512]

        async def read() -> tuple[auth_pb2.GetBalanceResponse, auth_pb2.ListEntriesResponse]:
            return await asyncio.gather(accounts.balance(visitor), accounts.entries(visitor, cursor, _PAGE))

        balance, found = bridge.call(read())
        return flask.render_template(
            "account.html",
            visitor=visitor,
            balance=balance,
            entries=[_entry(each) for each in found.entries],
            first=not cursor,
            older=found.next_page_token,
        )

    return views


def _entry(entry: auth_pb2.Entry) -> dict[str, Any]:
    return {
        "words": _WORDS.get(entry.kind, "Entry"),
        "reason": entry.reason,
        "when": entry.created_time.ToDatetime(dt.UTC),
        "amount": entry.amount,
        "balance": entry.balance_after,
        "held": entry.kind == auth_pb2.ENTRY_KIND_HOLD,
    }
