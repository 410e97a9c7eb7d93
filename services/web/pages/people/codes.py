"""Codes: worth tokens to whoever redeems one, or a way in for somebody new."""

import datetime as dt
from typing import Any, Final

import flask
from daydream.auth.v1 import codes_pb2
from google.protobuf.timestamp_pb2 import Timestamp
from werkzeug.wrappers import Response

from services.foundation import errors
from services.foundation.bridge import Bridge
from services.web import gate, identifiers, refusals, spent
from services.web.backends.codes import Codes
from services.web.backends.names import Names
from services.web.pages.people import forms, words

_PAGE: Final = 20
_KINDS: Final = {"tokens": codes_pb2.CODE_KIND_TOKENS, "invitation": codes_pb2.CODE_KIND_INVITATION}


def install(views: flask.Blueprint, codes: Codes, names: Names, bridge: Bridge) -> None:
    """The views."""

    @views.get("/codes", endpoint="codes")
    def listing() -> Response:
        return show(forms.CodeForm(formdata=None), 200)

    @views.post("/codes")
    def issue_code() -> Response:
        form = forms.CodeForm()
        if not form.validate_on_submit():
            return show(form, 422)
        if spent.is_spent(form.once.data):
            flask.flash("That code was made already; its text is shown only once. If it is lost, withdraw it.", "warn")
            return flask.redirect(flask.url_for("people.codes"), 303)
        kind = _KINDS[form.kind.data]
        try:
            issued = bridge.call(
                codes.issue(
                    gate.visitor(),
                    kind=kind,
                    tokens=form.tokens.data if kind == codes_pb2.CODE_KIND_TOKENS else 0,
                    reason=form.reason.data,
                    uses=form.max_redemptions.data,
                    expires=_end_of(form.expire_time.data),
                )
            )
        except errors.InvalidInput as error:
            refusals.place(form, error, otherwise="reason", by_reason={})
            return show(form, 422)
        spent.spend(form.once.data)
        return show(forms.CodeForm(formdata=None), 200, text=issued.text)

    @views.post("/codes/<code_id>/withdraw")
    def withdraw_code(code_id: str) -> Response:
        code = bridge.call(codes.withdraw(gate.visitor(), identifiers.checked(code_id)))
        flask.flash(f"The code {code.prefix}-… is worth nothing any more.", "ok")
        return flask.redirect(flask.url_for("people.codes"), 303)

    def show(form: forms.CodeForm, status: int, *, text: str = "") -> Response:
        visitor, cursor = gate.visitor(), flask.request.args.get("cursor", "")[:512]

        async def read() -> tuple[list[dict[str, Any]], str]:
            found = await codes.listing(visitor, page_token=cursor, page_size=_PAGE)
            known = await names.of(visitor, {each.created_by for each in found.codes})
            now = dt.datetime.now(dt.UTC)
            return [words.code(each, known, now) for each in found.codes], found.next_page_token

        rows, older = bridge.call(read())
        page = flask.render_template(
            "admin/codes.html", form=form, codes=rows, first=not cursor, older=older, text_once=text
        )
        return flask.make_response(page, status)


def _end_of(day: dt.date | None) -> Timestamp | None:
    """The end of a day in UTC: a code is good on its last one."""
    if day is None:
        return None
    stamp = Timestamp()
    stamp.FromDatetime(dt.datetime.combine(day, dt.time(23, 59, 59), dt.UTC))
    return stamp
