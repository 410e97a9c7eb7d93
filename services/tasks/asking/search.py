"""Checks the words that tasks are searched by; finding them is the store's business."""

import unicodedata
from typing import Final

from services.foundation.errors import FieldViolation, InvalidInput

MAX_CHARS: Final = 512
"""As long as a prompt: nothing longer is in one."""


def check(words: str) -> str:
    """The words without blanks at the ends. Raises InvalidInput for more than 512 characters, or what is no text."""
    if len(words) > MAX_CHARS:
        raise _wrong(f"A search has at most {MAX_CHARS} characters; this one has {len(words)}.")
    words = words.strip()
    # Characters that no prompt holds, and that one database chokes on.
    if any(unicodedata.category(each) in {"Cc", "Cs"} and not each.isspace() for each in words):
        raise _wrong("The search contains a character that is not text.")
    return words


def _wrong(description: str) -> InvalidInput:
    return InvalidInput.of(FieldViolation(field="query", description=description))
