"""What a text may be that is kept and shown: not too long, and made of characters that are text."""

import unicodedata
from collections.abc import Iterator
from typing import Final

from services.foundation.errors import FieldViolation

_LINE_WHITESPACE: Final = "\t\n\r"


def violations(field: str, text: str, *, most: int, empty: str = "") -> Iterator[FieldViolation]:
    """What is wrong with a text of at most `most` characters; `empty` is said of one without any, where it needs some.

    The field's name, as words, begins each sentence.
    """
    label = field.replace("_", " ").capitalize()
    if len(text) > most:
        # Nothing looks at its characters: there may be millions, and everybody else would wait.
        yield FieldViolation(field=field, description=f"{label} must be at most {most} characters; it has {len(text)}.")
        return
    if empty and not text.strip():
        yield FieldViolation(field=field, description=empty)
    # Control characters and halves of surrogate pairs, which workers refuse, and databases some of them.
    if any(unicodedata.category(each) in {"Cc", "Cs"} and each not in _LINE_WHITESPACE for each in text):
        yield FieldViolation(field=field, description=f"{label} contains a character that is not text.")
