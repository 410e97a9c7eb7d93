"""Page sizes and tokens. A token is opaque to callers, so that what lies in it can change."""

import base64
import binascii
import re

from services.foundation.errors import FieldViolation, InvalidInput


def check_size(size: int) -> int:
    """The size, if it is one. Raises InvalidInput for a negative one."""
    if size < 0:
        raise InvalidInput.of(FieldViolation(field="page_size", description="page_size is not negative."))
    return size


def make_token(before: int | None) -> str:
    """A token for the page that begins before a row; empty when there is none."""
    return "" if before is None else base64.urlsafe_b64encode(f"b{before}".encode()).decode()


def read_token(token: str) -> int | None:
    """The row that a token names. Raises InvalidInput for one that was not made here."""
    if not token:
        return None
    try:
        text = base64.urlsafe_b64decode(token.encode()).decode()
    except (ValueError, binascii.Error):
        text = ""
    if re.fullmatch("b[0-9]{1,18}", text) is None:
        raise InvalidInput.of(
            FieldViolation(field="page_token", description="page_token is not one that an earlier page gave.")
        )
    return int(text[1:])
