"""The forms of the pages for looking after people. Fields have the names auth gives them: its refusals find them so."""

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any, Final

from flask_wtf import FlaskForm
from wtforms import DateField, HiddenField, IntegerField, RadioField, StringField, validators
from wtforms.fields.choices import SelectChoice

from services.web import spent

MOST_TOKENS: Final = 1_000_000_000
MOST_USES: Final = 100_000
_PROFILE: Final = ("email", "username", "first_name", "last_name", "mobile")


def _stripped(text: str | None) -> str | None:
    return text.strip() if text else text


def _request_id() -> str:
    return uuid.uuid4().hex


def _length(most: int) -> validators.Length:
    return validators.Length(max=most, message=f"At most {most} characters.")


class Whole(IntegerField):  # type: ignore[misc]
    """A whole number, refused in words that people use."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed."""
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError("Enter a whole number, like 50.") from error


class Day(DateField):  # type: ignore[misc]
    """A day, refused in words that people use."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read what was typed."""
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError("Enter a day, like 2030-12-31.") from error


class GrantForm(FlaskForm):  # type: ignore[misc]
    """Tokens given or taken. Each form that is shown carries an id of its own: pressed twice it counts once."""

    direction = RadioField(
        "What to do", choices=[SelectChoice("give", "Give"), SelectChoice("take", "Take")], default="give"
    )
    amount = Whole(
        "Tokens",
        [
            validators.InputRequired("Enter how many."),
            validators.NumberRange(1, MOST_TOKENS, message=f"From 1 to {MOST_TOKENS:,}."),
        ],
    )
    reason = StringField(
        "Reason",
        [validators.DataRequired("Say why; the person reads it in their ledger."), _length(200)],
        filters=[_stripped],
    )
    request_id = HiddenField(
        default=_request_id, validators=[validators.InputRequired(), validators.Regexp(r"[A-Za-z0-9-]{1,64}\Z")]
    )

    @property
    def signed(self) -> int:
        """Whole tokens, negative to take."""
        amount: int = self.amount.data
        return -amount if self.direction.data == "take" else amount

    def renew(self) -> None:
        """Take another id: what is sent from now on is something else."""
        self.request_id.data = _request_id()


class GrantSomebodyForm(GrantForm):
    """The same, for whoever is named."""

    who = StringField(
        "Email or id",
        [validators.DataRequired("Enter whose tokens these are."), _length(128)],
        filters=[_stripped],
    )


class ProfileForm(FlaskForm):  # type: ignore[misc]
    """What an account says of its person."""

    email = StringField(
        "Email", [validators.DataRequired("Enter an email address."), _length(128)], filters=[_stripped]
    )
    username = StringField("Shown name", [_length(32)], filters=[_stripped])
    first_name = StringField("First name", [_length(32)], filters=[_stripped])
    last_name = StringField("Last name", [_length(32)], filters=[_stripped])
    mobile = StringField("Phone", [_length(12)], filters=[_stripped])

    def changes(self, current: object) -> Mapping[str, str]:
        """The fields that differ from what `current` has under the same names."""
        typed = {name: self[name].data or "" for name in _PROFILE}
        return {name: text for name, text in typed.items() if text != getattr(current, name)}


class ResetLinkForm(FlaskForm):  # type: ignore[misc]
    """Nothing but what it is known again by."""

    once = HiddenField(default=spent.mark, validators=[validators.InputRequired(), _length(64)])


class DeleteForm(FlaskForm):  # type: ignore[misc]
    """The address of who is to be deleted, typed by hand."""

    typed = StringField(
        "Their email, to be sure", [validators.DataRequired("Type their email."), _length(128)], filters=[_stripped]
    )


class CodeForm(FlaskForm):  # type: ignore[misc]
    """A code to make."""

    kind = RadioField(
        "What for",
        choices=[SelectChoice("tokens", "Tokens"), SelectChoice("invitation", "Invitation")],
        default="tokens",
    )
    tokens = Whole("Tokens each", default=100)
    max_redemptions = Whole(
        "How many may use it",
        [
            validators.InputRequired("Enter how many."),
            validators.NumberRange(1, MOST_USES, message=f"From 1 to {MOST_USES:,}."),
        ],
        default=1,
    )
    expire_time = Day("Last day", [validators.Optional()])
    reason = StringField("Reason", [validators.DataRequired("Say what it is for."), _length(150)], filters=[_stripped])
    once = HiddenField(default=spent.mark, validators=[validators.InputRequired(), _length(64)])

    def validate_tokens(self, field: Any) -> None:
        """What an invitation is worth is nobody's to say, and its field is hidden; of tokens there are some."""
        if self.kind.data == "invitation":
            field.errors = []
            raise validators.StopValidation
        if not field.errors and (field.data is None or not 1 <= field.data <= MOST_TOKENS):
            raise validators.ValidationError(f"From 1 to {MOST_TOKENS:,}.")

    def validate_expire_time(self, field: Any) -> None:
        """A code that is over already is worth nothing to anybody."""
        if field.data is not None and field.data < dt.datetime.now(dt.UTC).date():
            raise validators.ValidationError("This day is over.")
