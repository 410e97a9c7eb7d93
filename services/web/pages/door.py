"""Signing up, in and out, and a new password for one that was lost."""

import time
from typing import Final

import flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import BooleanField, Field, HiddenField, PasswordField, StringField, validators

from services.foundation import errors, paths
from services.foundation.bridge import Bridge
from services.web import gate, refusals
from services.web.backends.accounts import Accounts, SignUpTerms

_AFTER: Final = "/studio"
_MODE_SECONDS: Final = 30.0
_AWAY_SECONDS: Final = 5.0
# The field that a refusal without a field of its own speaks of, where that is not the password.
_SPEAKS_OF: Final = {"EMAIL_TAKEN": "email", "INVITATION_NEEDED": "code", "CODE_NOT_VALID": "code"}


def _one_address(_form: FlaskForm, field: Field) -> None:
    """Refuse what is no single line with an @ in it; what auth accepts beyond that is for auth to say."""
    text: str = field.data or ""
    if text.count("@") != 1 or any(character.isspace() or not character.isprintable() for character in text):
        raise validators.ValidationError("Enter an email address, like name@example.org.")


class SignInForm(FlaskForm):  # type: ignore[misc]
    """Two fields and a tick."""

    email = StringField(
        "Email",
        [
            validators.InputRequired("Enter your email address."),
            validators.Length(max=128, message="At most 128 characters."),
            _one_address,
        ],
        filters=[lambda text: text.strip(" ") if text else text],
    )
    password = PasswordField(
        "Password",
        [
            validators.InputRequired("Enter your password."),
            validators.Length(max=256, message="At most 256 characters."),
        ],
    )
    stay = BooleanField("Stay signed in on this device")
    next = HiddenField()


class SignUpForm(SignInForm):
    """The same, for a new account."""

    password = PasswordField(
        "Password",
        [
            validators.InputRequired("Choose a password."),
            validators.Length(min=8, max=256, message="Use 8 to 256 characters."),
        ],
    )
    stay = None
    code = StringField(
        "Invitation code",
        [validators.Length(max=128, message="At most 128 characters.")],
        filters=[lambda text: text.strip() if text else text],
    )


class NewPasswordForm(FlaskForm):  # type: ignore[misc]
    """A reset link's secret, and the password it is used for."""

    token = HiddenField(validators=[validators.InputRequired("This link is not complete."), validators.Length(max=256)])
    password = PasswordField(
        "New password",
        [
            validators.InputRequired("Choose a password."),
            validators.Length(min=8, max=256, message="Use 8 to 256 characters."),
        ],
    )


class Terms:
    """On what terms one signs up, asked of auth now and then; open while it is away, which the form says itself."""

    def __init__(self, accounts: Accounts, bridge: Bridge) -> None:
        """Asks nothing yet."""
        self._accounts, self._bridge = accounts, bridge
        self._known = SignUpTerms(mode="open", tokens=None)
        self._until = 0.0

    def __call__(self) -> SignUpTerms:
        """The terms, at most half a minute old."""
        if time.monotonic() >= self._until:
            try:
                self._known = self._bridge.call(self._accounts.sign_up_terms())
            except errors.Unavailable:
                # One that hangs is not asked again by every page: each would keep a thread for seconds.
                self._until = time.monotonic() + _AWAY_SECONDS
                return self._known
            self._until = time.monotonic() + _MODE_SECONDS
        return self._known


def blueprint(accounts: Accounts, bridge: Bridge, guard: gate.Gate, limiter: Limiter) -> flask.Blueprint:
    """The views."""
    views = flask.Blueprint("door", __name__)
    terms = Terms(accounts, bridge)

    @views.app_context_processor
    def door() -> dict[str, Terms]:
        return {"sign_up": terms}

    def onward() -> str:
        return paths.local(flask.request.values.get("next"), default=_AFTER)

    @views.route("/sign-in", methods=["GET", "POST"])
    @gate.open_to_all
    # One who guesses at an account is slowed at once; many behind one address hardly notice.
    @limiter.limit("20/minute;100/hour", key_func=_address_and_email, methods=["POST"])
    @limiter.limit("120/minute;1000/hour", methods=["POST"])
    def sign_in() -> Response | str | tuple[str, int]:
        if current_user.is_authenticated:
            return flask.redirect(onward(), 303)
        form = SignInForm()
        if not form.validate_on_submit():
            return _door("sign-in.html", form)
        try:
            opened = bridge.call(
                accounts.sign_in(
                    email=form.email.data, password=form.password.data, stay=form.stay.data, user_agent=_browser()
                )
            )
        except (errors.InvalidInput, errors.NotAuthenticated, errors.NotAllowed, errors.TooMuch) as error:
            return _refused("sign-in.html", form, error)
        response = flask.redirect(onward(), 303)
        guard.let_in(response, opened, stay=form.stay.data)
        return response

    @views.route("/sign-up", methods=["GET", "POST"])
    @gate.open_to_all
    @limiter.limit("30/hour", methods=["POST"])
    def sign_up() -> Response | str | tuple[str, int]:
        if current_user.is_authenticated:
            return flask.redirect(onward(), 303)
        form = SignUpForm()
        if not form.validate_on_submit():
            return _door("sign-up.html", form)
        try:
            opened = bridge.call(
                accounts.sign_up(
                    email=form.email.data,
                    password=form.password.data,
                    code=form.code.data or "",
                    user_agent=_browser(),
                )
            )
        except (errors.InvalidInput, errors.AlreadyExists, errors.NotAllowed, errors.NotFound, errors.TooMuch) as error:
            return _refused("sign-up.html", form, error)
        response = flask.redirect(onward(), 303)
        guard.let_in(response, opened, stay=False)
        flask.flash(f"Welcome. You start with {opened.visitor.tokens} tokens.", "ok")
        return response

    @views.route("/reset-password", methods=["GET", "POST"])
    @gate.open_to_all
    @limiter.limit("30/hour", methods=["POST"])
    def reset_password() -> Response | str | tuple[str, int]:
        form = NewPasswordForm()
        if flask.request.method == "GET":
            form.token.data = flask.request.args.get("token", "")[:256]
        if not form.validate_on_submit():
            return _door("reset-password.html", form)
        try:
            bridge.call(accounts.reset_password(secret=form.token.data, password=form.password.data))
        except (errors.InvalidInput, errors.NotFound, errors.TooMuch) as error:
            return _refused("reset-password.html", form, error)
        flask.flash("Your new password is set. Sign in with it.", "ok")
        return flask.redirect(flask.url_for("door.sign_in"), 303)

    @views.post("/sign-out")
    @gate.open_to_all
    def sign_out() -> Response:
        response = flask.redirect(flask.url_for("public.landing"), 303)
        guard.let_out(response)
        flask.flash("You are signed out.", "ok")
        return response

    return views


def _address_and_email() -> str:
    email = flask.request.form.get("email", "").strip().lower()[:128]
    return f"{get_remote_address()} {email}"


def _browser() -> str:
    return flask.request.headers.get("User-Agent", "")[:256]


def _door(template: str, form: FlaskForm) -> str | tuple[str, int]:
    shown = flask.render_template(template, form=form)
    return (shown, 422) if form.is_submitted() else shown


def _refused(template: str, form: FlaskForm, error: errors.DaydreamError) -> Response:
    refusals.place(form, error, otherwise="password", by_reason=_SPEAKS_OF)
    return refusals.answer(flask.render_template(template, form=form), error)
