"""One person as staff see them: profile, balance, every entry of the ledger, what was done to their account."""

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import Any, Final

import flask
from daydream.auth.v1 import auth_pb2
from werkzeug.wrappers import Response

from services.foundation import errors
from services.foundation.bridge import Bridge
from services.web import gate, identifiers, problems, refusals
from services.web.backends.accounts import Visitor
from services.web.backends.counts import Counts
from services.web.backends.names import Names
from services.web.backends.people import People
from services.web.pages.people import forms, words

_ENTRIES: Final = 10
_DEEDS: Final = 10


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a page shows beside what is always there: a form that was refused, what is told this once."""

    profile: forms.ProfileForm | None = None
    """The profile as it was typed."""
    grant: forms.GrantForm | None = None
    """The tokens as they were typed."""
    delete: forms.DeleteForm | None = None
    """The address as it was typed."""
    link: str = field(default="", repr=False)
    """A reset link's whole address."""
    link_ends: dt.datetime | None = None
    """When that link stops being good."""
    alert: str = ""
    """Why something was refused that has no field."""
    status: int = 200
    """HTTP status."""


class Page:
    """Reads all of it and shows it."""

    def __init__(self, people: People, names: Names, counts: Counts, bridge: Bridge) -> None:
        """What is asked."""
        self._people, self._names, self._counts, self._bridge = people, names, counts, bridge

    def show(self, user_id: str, shown: Shown) -> Response:
        """The page of a person. Raises NotFound."""
        visitor, cursor = gate.visitor(), flask.request.args.get("cursor", "")[:512]
        user, balance, entries, deeds, names, pictures = self._bridge.call(self._read(visitor, user_id, cursor))
        person = words.person(user, dt.datetime.now(dt.UTC))
        person["pictures"] = None if pictures is None else pictures.get(user_id, 0)
        page = flask.render_template(
            "admin/person.html",
            person=person,
            own=user_id == visitor.user_id,
            balance=balance,
            entries=[words.entry(each) for each in entries.entries],
            first=not cursor,
            older=entries.next_page_token,
            deeds=[words.deed(each, names) for each in deeds.deeds],
            profile=shown.profile or forms.ProfileForm(formdata=None, obj=user),
            grant=shown.grant or forms.GrantForm(formdata=None),
            delete=shown.delete or forms.DeleteForm(formdata=None),
            reset=forms.ResetLinkForm(formdata=None),
            shown=shown,
        )
        return flask.make_response(page, shown.status)

    async def _read(self, visitor: Visitor, user_id: str, cursor: str) -> tuple[Any, ...]:
        people = self._people
        user, balance, entries, deeds, pictures = await asyncio.gather(
            people.user(visitor, user_id),
            people.balance(visitor, user_id),
            people.entries(visitor, user_id, page_token=cursor, page_size=_ENTRIES),
            people.deeds(visitor, user_id=user_id, page_size=_DEEDS),
            self._counts.of(visitor, [user_id]),
        )
        names = await self._names.of(visitor, {each.staff_id for each in deeds.deeds})
        return user, balance, entries, deeds, names, pictures


def install(views: flask.Blueprint, page: Page, people: People, bridge: Bridge) -> None:
    """The views."""

    @views.get("/users/<user_id>")
    def person(user_id: str) -> Response:
        return page.show(identifiers.checked(user_id), Shown())

    @views.post("/users/<user_id>/profile")
    def change_profile(user_id: str) -> Response:
        visitor, asked, form = gate.visitor(), identifiers.checked(user_id), forms.ProfileForm()
        if not form.validate_on_submit():
            return page.show(asked, Shown(profile=form, status=422))
        # Only what was changed here is sent: the log names the fields, and others may be changing the rest.
        changes = form.changes(bridge.call(people.user(visitor, asked)))
        try:
            if changes:
                bridge.call(people.change(visitor, asked, changes))
        except (errors.InvalidInput, errors.AlreadyExists) as error:
            refusals.place(form, error, otherwise="email", by_reason={})
            return page.show(asked, Shown(profile=form, status=problems.of_error(error).status))
        flask.flash("The profile is changed." if changes else "Nothing was different; nothing is changed.", "ok")
        return flask.redirect(flask.url_for("people.person", user_id=asked), 303)

    @views.post("/users/<user_id>/tokens")
    def grant_tokens(user_id: str) -> Response:
        visitor, asked, form = gate.visitor(), identifiers.checked(user_id), forms.GrantForm()
        if not form.validate_on_submit():
            return page.show(asked, Shown(grant=form, status=422))
        try:
            entry = bridge.call(granted(people, visitor, asked, form))
        except Refused as refused:
            return page.show(asked, Shown(grant=form, status=refused.status))
        flask.flash(told(entry), "ok")
        return flask.redirect(flask.url_for("people.person", user_id=asked), 303)


class Refused(Exception):
    """A grant that was not made; its form says why."""

    def __init__(self, status: int) -> None:
        """`status` is what the page is answered with."""
        super().__init__()
        self.status = status


async def granted(people: People, visitor: Visitor, user_id: str, form: forms.GrantForm) -> auth_pb2.Entry:
    """Give or take what a form says; the line in the ledger. Raises Refused, the reason under a field, and NotFound."""
    try:
        return await people.grant(
            visitor, user_id, request_id=form.request_id.data, amount=form.signed, reason=form.reason.data
        )
    except errors.Unavailable as error:
        # It may have been done. With the id that it had, sending it again does it once at most.
        sentence = "No answer came, so it may have been done. Press again: it is not counted twice."
        form.amount.errors = [sentence]
        raise Refused(problems.of_error(error).status) from error
    except (errors.InvalidInput, errors.NotPossibleNow) as error:
        if error.detail_reason == "REQUEST_ID_REUSED":
            form.amount.errors = [
                "This form was sent before, with other content. Look at the ledger, then press again."
            ]
        elif error.detail_reason == "NOT_ENOUGH_TOKENS":
            form.amount.errors = [f"There are {error.metadata.get('balance', 'too few')} to take; nothing was taken."]
        else:
            refusals.place(form, error, otherwise="amount", by_reason={})
        form.renew()
        raise Refused(422) from error


def told(entry: auth_pb2.Entry) -> str:
    """What came of a grant, in a sentence."""
    count = abs(entry.amount)
    done = "given" if entry.amount > 0 else "taken"
    return f"{count:,} {'token' if count == 1 else 'tokens'} {done}. The balance is {entry.balance_after:,} now."
