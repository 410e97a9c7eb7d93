"""Settings: profile, password, appearance, and leaving for good."""

from collections.abc import Callable
from typing import Final

import flask
from daydream.auth.v1 import auth_pb2
from flask_limiter import Limiter
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField, StringField, validators

from services.foundation import errors
from services.foundation.bridge import Bridge
from services.web import gate, refusals
from services.web.backends.profiles import Profiles

_PROFILE: Final = ("email", "username", "first_name", "last_name", "mobile")


def _trimmed(text: str | None) -> str | None:
    return text.strip() if text else text


def _line(words: str, most: int) -> StringField:
    length = validators.Length(max=most, message=f"At most {most} characters.")
    return StringField(words, [length], filters=[_trimmed])


def _secret(words: str, missing: str, *, at_least: int = 0) -> PasswordField:
    size = f"Use {at_least} to 256 characters." if at_least else "At most 256 characters."
    return PasswordField(
        words, [validators.InputRequired(missing), validators.Length(min=at_least or -1, max=256, message=size)]
    )


class ProfileForm(FlaskForm):  # type: ignore[misc]
    """What others and the sign-in know of one. What an address or a number may be, auth says."""

    email = StringField(
        "Email",
        [
            validators.DataRequired("Enter your email address."),
            validators.Length(max=128, message="At most 128 characters."),
        ],
        filters=[_trimmed],
    )
    username = _line("Name shown", 32)
    first_name = _line("First name", 32)
    last_name = _line("Last name", 32)
    mobile = _line("Mobile", 12)


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """The password that holds, and the one that will."""

    current_password = _secret("Current password", "Enter the password you have now.")
    new_password = _secret("New password", "Choose a new password.", at_least=8)


class DeleteForm(FlaskForm):  # type: ignore[misc]
    """The word of the person themselves."""

    password = _secret("Your password", "Enter your password.")


def add(views: flask.Blueprint, profiles: Profiles, guard: gate.Gate, bridge: Bridge, limiter: Limiter) -> None:
    """Put the tab among the views."""
    # Whoever sits down at an open browser shall not guess the password there.
    few = limiter.shared_limit("10/minute;40/hour", scope="own-password", key_func=lambda: gate.visitor().user_id)

    def page(refused: FlaskForm | None = None) -> str:
        visitor = gate.visitor()
        profile = bridge.call(profiles.get(visitor))
        kept = {name: getattr(profile, name) for name in _PROFILE}
        forms = {
            "profile_form": ProfileForm(formdata=None, data=kept),
            "password_form": PasswordForm(formdata=None),
            "delete_form": DeleteForm(formdata=None),
        }
        for name, form in forms.items():
            if isinstance(refused, type(form)):
                forms[name] = refused
        return flask.render_template("account/settings.html", visitor=visitor, profile=profile, **forms)

    def back() -> Response:
        return flask.redirect(flask.url_for("account.settings"), 303)

    @views.get("/account/settings")
    def settings() -> str:
        return page()

    @views.get("/account/settings/profile")
    @views.get("/account/settings/password")
    @views.get("/account/settings/delete")
    def settings_again() -> Response:
        # The address of a form that was refused, opened by itself.
        return back()

    @views.post("/account/settings/profile")
    def change_profile() -> Response | tuple[str, int]:
        form = ProfileForm()
        if not form.validate():
            return page(form), 422
        visitor = gate.visitor()
        changes = _changes(form, bridge.call(profiles.get(visitor)))
        if not changes:
            flask.flash("Everything is as it was.", "ok")
            return back()
        try:
            changed = bridge.call(profiles.change(visitor, changes))
        except (errors.InvalidInput, errors.AlreadyExists) as error:
            refusals.place(form, error, otherwise="email", by_reason={})
            return refusals.answer(page(form), error)
        flask.flash(f"Saved. Sign in as {changed.email} from now on." if "email" in changes else "Saved.", "ok")
        return back()

    @views.post("/account/settings/password")
    @few
    def change_password() -> Response | tuple[str, int]:
        form = PasswordForm()
        if not form.validate():
            return page(form), 422
        try:
            ended = bridge.call(
                profiles.change_password(gate.visitor(), current=form.current_password.data, new=form.new_password.data)
            )
        except (errors.InvalidInput, errors.NotAuthenticated, errors.TooMuch) as error:
            return _refused(form, error, "current_password", page)
        others = "1 other session is over" if ended == 1 else f"{ended} other sessions are over"
        flask.flash(f"Your password is changed; {others if ended else 'no other session was open'}.", "ok")
        return back()

    @views.post("/account/settings/delete")
    @few
    def delete_account() -> Response | tuple[str, int]:
        form = DeleteForm()
        if not form.validate():
            return page(form), 422
        try:
            bridge.call(profiles.delete(gate.visitor(), password=form.password.data))
        except (errors.NotPossibleNow, errors.NotAuthenticated, errors.TooMuch) as error:
            return _refused(form, error, "password", page)
        response = flask.redirect(flask.url_for("public.landing"), 303)
        guard.let_out(response)
        flask.flash("Your account is deleted. Your pictures go within minutes.", "ok")
        return response


def _changes(form: ProfileForm, profile: auth_pb2.User) -> dict[str, str]:
    """The fields that are to be other than they are."""
    wanted = {name: form[name].data or "" for name in _PROFILE}
    return {name: value for name, value in wanted.items() if value != getattr(profile, name)}


def _refused(
    form: FlaskForm, error: errors.DaydreamError, otherwise: str, page: Callable[[FlaskForm], str]
) -> Response:
    # That the session itself is over is no word about the password: the page for it says so.
    if isinstance(error, errors.NotAuthenticated) and error.detail_reason != "WRONG_CREDENTIALS":
        raise error
    refusals.place(form, error, otherwise=otherwise, by_reason={})
    return refusals.answer(page(form), error)
