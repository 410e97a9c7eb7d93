"""Tokens: what is free, what is held, every entry of the ledger, and codes that add some."""

import asyncio
import datetime as dt
from typing import Any, Final

import flask
from flask_limiter import Limiter
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField, validators

from services.foundation import errors
from services.foundation.bridge import Bridge
from services.web import gate, refusals
from services.web.backends.accounts import Visitor
from services.web.backends.everything import Backends
from services.web.backends.purse import Part
from services.web.pages.account import entries

_PAGE: Final = 30
_PARTS: Final[dict[str, Part]] = {"added": "added", "spent": "spent"}


class CodeForm(FlaskForm):  # type: ignore[misc]
    """A code, as the person typed it."""

    text = StringField(
        "Code from staff",
        [
            validators.DataRequired("Enter the code that you were given."),
            validators.Length(max=128, message="At most 128 characters."),
        ],
        filters=[lambda text: text.strip() if text else text],
    )


def add(views: flask.Blueprint, backends: Backends, bridge: Bridge, limiter: Limiter) -> None:
    """Put the tab among the views; the ledger as a file comes from `streams.statements`."""

    async def read(visitor: Visitor, part: Part, cursor: str) -> dict[str, Any]:
        since = entries.month_began(dt.datetime.now(dt.UTC))
        balance, spending, found = await asyncio.gather(
            backends.accounts.balance(visitor),
            backends.purse.spending(visitor, since),
            backends.purse.entries(visitor, part=part, page_token=cursor, page_size=_PAGE),
        )
        return {
            "balance": balance,
            "spending": spending,
            "entries": await entries.shown(found.entries, backends.tasks, visitor),
            "older": found.next_page_token,
        }

    def page(form: CodeForm) -> str:
        visitor = gate.visitor()
        part = _PARTS.get(flask.request.args.get("show", ""), "all")
        cursor = flask.request.args.get("cursor", "")[:512]
        return flask.render_template(
            "account/tokens.html",
            visitor=visitor,
            form=form,
            part=part,
            first=not cursor,
            **bridge.call(read(visitor, part, cursor)),
        )

    @views.get("/account/tokens")
    def tokens() -> str:
        return page(CodeForm(formdata=None))

    @views.post("/account/tokens")
    @limiter.limit("10/minute;60/hour", key_func=lambda: gate.visitor().user_id)
    def redeem() -> Response | tuple[str, int]:
        form = CodeForm()
        if not form.validate():
            return page(form), 422
        try:
            entry = bridge.call(backends.purse.redeem(gate.visitor(), form.text.data))
        except (errors.NotFound, errors.AlreadyExists, errors.InvalidInput) as error:
            refusals.place(form, error, otherwise="text", by_reason={})
            return refusals.answer(page(form), error)
        added = "1 token was" if entry.amount == 1 else f"{entry.amount} tokens were"
        flask.flash(f"{added} added; you have {entry.balance_after} now.", "ok")
        return flask.redirect(flask.url_for("account.tokens"), 303)
