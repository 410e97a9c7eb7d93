"""Page sizes and page tokens. A token says which list it continues and after what, and nothing about anyone."""

import base64
import binascii
from typing import Final, TypeVar

from services.auth.storage import Listing
from services.auth.values import Page
from services.foundation import errors

T = TypeVar("T")

DEFAULT_SIZE: Final = 20
LARGEST_SIZE: Final = 100
_LARGEST_CURSOR: Final = 2**63 - 1


def limit(page_size: int) -> int:
    """How many items to read; 0 means 20, more than 100 means 100. Raises InvalidInput below 0."""
    if page_size < 0:
        raise errors.InvalidInput.of(
            errors.FieldViolation(field="page_size", description="The page size is 0 or more.")
        )
    return min(page_size or DEFAULT_SIZE, LARGEST_SIZE)


def cursor(page_token: str, name: str) -> int | None:
    """Where the list called `name` goes on; None for its start. Raises InvalidInput for a token not made for it."""
    if not page_token:
        return None
    try:
        kind, _, number = base64.b64decode(page_token.encode("ascii"), altchars=b"-_", validate=True).partition(b":")
        position = int(number) if number.isdigit() else 0
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise _bad_token() from error
    if kind != name.encode() or not 0 < position <= _LARGEST_CURSOR:
        raise _bad_token()
    return position


def page(listing: Listing[T], name: str) -> Page[T]:
    """A listing as a page of the list called `name`."""
    if listing.next_cursor is None:
        return Page(items=listing.items)
    token = base64.urlsafe_b64encode(f"{name}:{listing.next_cursor}".encode()).decode()
    return Page(items=listing.items, next_page_token=token)


def _bad_token() -> errors.InvalidInput:
    return errors.InvalidInput.of(
        errors.FieldViolation(field="page_token", description="The page token is not one this list gave out.")
    )
