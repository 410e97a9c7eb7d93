"""Whether somebody may come in: suspending, restoring, a link for a new password, deleting."""

import datetime as dt
from collections.abc import Callable, Coroutine
from typing import Any

import flask
from werkzeug.wrappers import Response

from services.foundation import errors, paths
from services.foundation.bridge import Bridge
from services.web import gate, identifiers, problems, spent
from services.web.backends.people import People
from services.web.pages.people import forms
from services.web.pages.people.person import Page, Shown


def install(views: flask.Blueprint, page: Page, people: People, bridge: Bridge) -> None:
    """The views."""

    def back(user_id: str) -> Response:
        own = flask.url_for("people.person", user_id=user_id)
        return flask.redirect(paths.local(flask.request.form.get("back"), default=own), 303)

    def set_standing(user_id: str, change: Callable[..., Coroutine[Any, Any, None]], sentence: str) -> Response:
        visitor, asked = gate.visitor(), identifiers.checked(user_id)
        try:
            bridge.call(change(visitor, asked))
        except errors.NotPossibleNow as error:
            return page.show(asked, Shown(alert=error.message, status=problems.of_error(error).status))
        flask.flash(sentence, "ok")
        return back(asked)

    @views.post("/users/<user_id>/suspend")
    def suspend(user_id: str) -> Response:
        return set_standing(user_id, people.suspend, "The account is suspended; every session of it is over.")

    @views.post("/users/<user_id>/restore")
    def restore(user_id: str) -> Response:
        return set_standing(user_id, people.restore, "The account is restored; its person may sign in again.")

    @views.post("/users/<user_id>/reset-link")
    def make_reset_link(user_id: str) -> Response:
        asked, form = identifiers.checked(user_id), forms.ResetLinkForm()
        if not form.validate_on_submit():
            return page.show(asked, Shown(alert="This form was not complete. Try again.", status=422))
        if spent.is_spent(form.once.data):
            flask.flash("That link was made already; it is shown only once. If it is lost, make another one.", "warn")
            return flask.redirect(flask.url_for("people.person", user_id=asked), 303)
        made = bridge.call(people.reset_link(gate.visitor(), asked))
        spent.spend(form.once.data)
        # Shown in this answer and nowhere else: an address to be led on to would keep the secret in the history.
        address = flask.url_for("door.reset_password", token=made.secret, _external=True)
        return page.show(asked, Shown(link=address, link_ends=made.expire_time.ToDatetime(dt.UTC)))

    @views.post("/users/<user_id>/delete")
    def delete(user_id: str) -> Response:
        visitor, asked, form = gate.visitor(), identifiers.checked(user_id), forms.DeleteForm()
        if asked == visitor.user_id:
            sentence = "This is your own account. You delete it on your account page, with your password."
            return page.show(asked, Shown(alert=sentence, status=409))
        email = bridge.call(people.user(visitor, asked)).email
        if form.validate_on_submit() and form.typed.data.lower() != email:
            form.typed.errors = ["This is not their email; nothing was deleted."]
        if form.errors:
            return page.show(asked, Shown(delete=form, status=422))
        try:
            bridge.call(people.delete(visitor, asked))
        except errors.NotPossibleNow as error:
            return page.show(asked, Shown(alert=error.message, status=problems.of_error(error).status))
        flask.flash(f"{email} is deleted. What they made goes with them in a moment.", "ok")
        return flask.redirect(flask.url_for("people.users"), 303)
