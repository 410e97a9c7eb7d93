"""API keys: what programs of one's own come with. A secret is shown once, on the page that answers the form."""

import datetime as dt
from typing import Any, Final

import flask
from daydream.auth.v1 import auth_pb2
from flask_limiter import Limiter
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import HiddenField, SelectMultipleField, StringField, validators

from services.foundation import errors
from services.foundation.bridge import Bridge
from services.web import gate, identifiers, refusals, spent
from services.web.backends.keys import Keys

SCOPES: Final = {
    "generate": "Draw: submit and cancel tasks, bring pictures, publish and delete your own. Spends your tokens.",
    "read": "Look: tasks, pictures, the archive, your balance and its entries. Changes nothing.",
    "admin": "Do staff work, and change your account like you in person. Give it to nothing you do not run yourself.",
}
_STAFF_ONLY: Final = "admin"


class KeyForm(FlaskForm):  # type: ignore[misc]
    """A key to make."""

    name = StringField(
        "Name",
        [
            validators.DataRequired("Give it a name, so that you know later what uses it."),
            validators.Length(max=64, message="At most 64 characters."),
        ],
        filters=[lambda text: text.strip() if text else text],
    )
    scopes = SelectMultipleField("What it may do", [validators.InputRequired("Choose what it may do.")])
    once = HiddenField(validators=[validators.InputRequired(), validators.Length(max=64)])


def add(views: flask.Blueprint, api_keys: Keys, bridge: Bridge, limiter: Limiter) -> None:
    """Put the tab among the views."""

    def blank() -> KeyForm:
        form = KeyForm(formdata=None)
        form.scopes.data = ["generate", "read"]
        return form

    def page(form: KeyForm, *, made: auth_pb2.ApiKey | None = None, secret: str = "") -> str:
        visitor = gate.visitor()
        form.once.data = spent.mark()
        return flask.render_template(
            "account/keys.html",
            visitor=visitor,
            form=form,
            offered=_offered(staff=visitor.staff),
            keys=[_key(each) for each in bridge.call(api_keys.listing(visitor))],
            made=made,
            secret=secret,
            server=flask.request.host_url.rstrip("/"),
        )

    @views.get("/account/keys")
    def keys() -> str:
        return page(blank())

    @views.post("/account/keys")
    @limiter.limit("20/hour", key_func=lambda: gate.visitor().user_id)
    def make_key() -> Response | str | tuple[str, int]:
        form = KeyForm()
        form.scopes.choices = list(_offered(staff=gate.visitor().staff).items())
        if not form.validate():
            return page(form), 422
        if spent.is_spent(form.once.data):
            flask.flash("That key was made already; its secret is shown only once. If it is lost, revoke it.", "warn")
            return flask.redirect(flask.url_for("account.keys"), 303)
        try:
            made, secret = bridge.call(api_keys.make(gate.visitor(), name=form.name.data, scopes=form.scopes.data))
        except (errors.InvalidInput, errors.NotAllowed) as error:
            refusals.place(form, error, otherwise="name", by_reason={"NOT_ALLOWED": "scopes"})
            return refusals.answer(page(form), error)
        spent.spend(form.once.data)
        return page(blank(), made=made, secret=secret)

    @views.post("/account/keys/<key_id>/revoke")
    def revoke_key(key_id: str) -> Response:
        if bridge.call(api_keys.revoke(gate.visitor(), identifiers.checked(key_id))):
            flask.flash("That key is revoked; what came with it is refused from now on.", "ok")
        return flask.redirect(flask.url_for("account.keys"), 303)


def _offered(*, staff: bool) -> dict[str, str]:
    return {name: words for name, words in SCOPES.items() if staff or name != _STAFF_ONLY}


def _key(key: auth_pb2.ApiKey) -> dict[str, Any]:
    used = key.last_used_time.ToDatetime(dt.UTC) if key.HasField("last_used_time") else None
    return {
        "id": key.api_key_id,
        "name": key.name,
        "scopes": [each for each in SCOPES if each in key.scopes],
        "prefix": key.prefix,
        "created": key.created_time.ToDatetime(dt.UTC),
        "used": used,
    }
