"""Secrets that are given out once and kept only as a hash.

They are 256 random bits, or 125 where people type them, so nobody guesses them and a fast hash is enough: what leaks
from the database opens nothing.
"""

import hashlib
import secrets
from typing import Final

# Crockford's base 32: no letter that looks like a digit, and none that makes words by accident.
_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MEANT: Final = str.maketrans("OIL", "011", "- ")
GROUP_CHARACTERS: Final = 5
_GROUPS: Final = 5
# As people type it, with more dashes and blanks than anybody needs.
_TYPED_CHARACTERS: Final = 64


def new_secret() -> str:
    """256 random bits in 43 characters that a URL or header takes as they are."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is kept: SHA-256 in hexadecimal, 64 characters."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_code() -> str:
    """125 random bits that a person can type: five groups of five letters and digits, `7GK2M-…`."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(GROUP_CHARACTERS)) for _ in range(_GROUPS))
    return "-".join(groups)


def normal_code(typed: str) -> str | None:
    """The one form of a typed code: upper case, without dashes and blanks, O for 0 forgiven. None if it is no code."""
    if len(typed) > _TYPED_CHARACTERS:
        return None
    normal = typed.upper().translate(_MEANT)
    is_code = len(normal) == _GROUPS * GROUP_CHARACTERS and set(normal) <= set(_LETTERS)
    return normal if is_code else None
