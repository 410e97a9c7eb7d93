"""What an id in an address may look like. Anything else is not found, without asking anybody."""

import re
from typing import Final

from services.foundation import errors

_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def checked(value: str) -> str:
    """The id, or NotFound for what cannot be one."""
    if not _ID.fullmatch(value):
        raise errors.NotFound
    return value
