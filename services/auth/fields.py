"""What a request's fields may hold. Every wrong field of a request is told at once."""

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import email_validator

from services.foundation import errors

EMAIL_CHARACTERS: Final = 128
PASSWORD_CHARACTERS: Final = (8, 256)
NAME_CHARACTERS: Final = 32
MOBILE_CHARACTERS: Final = 12
USER_AGENT_CHARACTERS: Final = 256
REASON_CHARACTERS: Final = 200
ID_CHARACTERS: Final = 64
# Far above any use, far below where a sum could leave 64 bits or the whole numbers that JSON clients hold exactly.
MOST_TOKENS_AT_ONCE: Final = 1_000_000_000

_ID: Final = re.compile(rf"[\x21-\x7e]{{1,{ID_CHARACTERS}}}")
_MOBILE: Final = re.compile(r"[0-9+()/ -]*")
# These turn text round for the eye, so that one name can look like another.
_BIDI_CONTROLS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

# A studio at home may well live under .local or .test; whether mail gets there is its people's affair. The library
# reads this list and no argument (`test_environment` lets .test alone through); nobody else here asks the library.
email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def is_id(text: str) -> bool:
    """Whether it could be an id at all; one that could not is never looked up."""
    return _ID.fullmatch(text) is not None


def normal_email(address: str) -> str | None:
    """The one form an address is kept and looked up in, lower case; None if it is no address."""
    if len(address) > 2 * EMAIL_CHARACTERS:
        return None
    try:
        valid = email_validator.validate_email(
            address.strip(" "), check_deliverability=False, globally_deliverable=False, allow_smtputf8=False
        )
    except email_validator.EmailNotValidError:
        return None
    lowered = valid.normalized.lower()
    return lowered if len(lowered) <= EMAIL_CHARACTERS else None


def cut_user_agent(text: str) -> str:
    """A header from a browser is no reason to refuse a person: what is too much or unprintable is left out."""
    return "".join(letter for letter in text if not _is_control(letter))[:USER_AGENT_CHARACTERS]


def _is_control(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cs", "Zl", "Zp"} or letter in _BIDI_CONTROLS


class Fields:
    """Checks fields one by one and remembers what is wrong. A value that was refused must not be used."""

    def __init__(self) -> None:
        """Nothing is wrong yet."""
        self._wrong: list[errors.FieldViolation] = []

    def refuse(self, field: str, description: str) -> None:
        """Note that a field is wrong."""
        self._wrong.append(errors.FieldViolation(field=field, description=description))

    def email(self, field: str, value: str) -> str:
        """An address in its normal form."""
        normal = normal_email(value)
        if normal is None:
            self.refuse(field, f"This is not an email address of at most {EMAIL_CHARACTERS} characters.")
        return normal or ""

    def password(self, field: str, value: str) -> str:
        """A password worth hashing. 256 characters are at most 1,024 bytes in UTF-8."""
        low, high = PASSWORD_CHARACTERS
        if not low <= len(value) <= high:
            self.refuse(field, f"A password has {low} to {high} characters.")
        return value

    def text(self, field: str, value: str, *, at_most: int, at_least: int = 0) -> str:
        """A line of text without control characters, blanks at the ends removed."""
        # The length first: nothing is done with a megabyte of text.
        if len(value) > 4 * at_most or not at_least <= len(value.strip()) <= at_most:
            size = f"{at_least} to {at_most}" if at_least else f"at most {at_most}"
            self.refuse(field, f"The {field.replace('_', ' ')} has {size} characters.")
            return ""
        if any(_is_control(letter) for letter in value):
            self.refuse(field, f"The {field.replace('_', ' ')} holds control characters.")
        return value.strip()

    def mobile(self, field: str, value: str) -> str:
        """A phone number, or nothing."""
        value = self.text(field, value, at_most=MOBILE_CHARACTERS)
        if not _MOBILE.fullmatch(value):
            self.refuse(field, "A phone number holds digits, blanks and + ( ) / - only.")
        return value

    def id(self, field: str, value: str) -> str:
        """An id that a client made up."""
        if not is_id(value):
            self.refuse(field, f"The {field} has 1 to {ID_CHARACTERS} printable ASCII characters without blanks.")
        return value

    def whole(self, field: str, value: int, *, at_least: int, at_most: int = MOST_TOKENS_AT_ONCE) -> int:
        """A whole number within bounds."""
        if not at_least <= value <= at_most:
            self.refuse(field, f"The value of {field} must be a whole number from {at_least} to {at_most}.")
        return value

    def done(self) -> None:
        """Raise InvalidInput with every field that is wrong, if any is."""
        if self._wrong:
            raise errors.InvalidInput.of(*self._wrong)


@contextmanager
def checked() -> Iterator[Fields]:
    """Check fields in the block; what is wrong is raised at its end."""
    fields = Fields()
    yield fields
    fields.done()
