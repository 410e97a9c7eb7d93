"""Tokens given and taken: to whoever is named, and what was done of it so far."""

from typing import Any, Final

import flask
from daydream.auth.v1 import audit_pb2
from werkzeug.wrappers import Response

from services.foundation.bridge import Bridge
from services.web import gate
from services.web.backends.names import Names
from services.web.backends.people import Nobody, People
from services.web.pages.people import forms, words
from services.web.pages.people.person import Refused, granted, told

_PAGE: Final = 20
_GRANTS: Final = (audit_pb2.DEED_KIND_TOKENS_GRANTED,)


def install(views: flask.Blueprint, people: People, names: Names, bridge: Bridge) -> None:
    """The views."""

    @views.get("/tokens")
    def tokens() -> Response:
        return show(forms.GrantSomebodyForm(formdata=None), 200)

    @views.post("/tokens")
    def grant_somebody() -> Response:
        visitor, form = gate.visitor(), forms.GrantSomebodyForm()
        if not form.validate_on_submit():
            return show(form, 422)
        try:
            person = bridge.call(people.find(visitor, form.who.data))
            entry = bridge.call(granted(people, visitor, person.user_id, form))
        except Nobody as error:
            form.who.errors = [error.message]
            return show(form, 422)
        except Refused as refused:
            return show(form, refused.status)
        flask.flash(f"{person.email}: {told(entry)}", "ok")
        return flask.redirect(flask.url_for("people.tokens"), 303)

    def show(form: forms.GrantSomebodyForm, status: int) -> Response:
        visitor, cursor = gate.visitor(), flask.request.args.get("cursor", "")[:512]

        async def read() -> tuple[list[dict[str, Any]], str]:
            found = await people.deeds(visitor, kinds=_GRANTS, page_token=cursor, page_size=_PAGE)
            ids = {each.staff_id for each in found.deeds} | {each.user_id for each in found.deeds}
            known = await names.of(visitor, ids)
            return [words.deed(each, known) for each in found.deeds], found.next_page_token

        deeds, older = bridge.call(read())
        page = flask.render_template("admin/tokens.html", form=form, deeds=deeds, first=not cursor, older=older)
        return flask.make_response(page, status)
