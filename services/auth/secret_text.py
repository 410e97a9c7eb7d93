"""Secrets that are given out once and kept only as a hash.

They are 256 random bits, so nobody guesses them and a fast hash is enough: what leaks from the database opens nothing.
"""

import hashlib
import secrets


def new_secret() -> str:
    """256 random bits in 43 characters that a URL or header takes as they are."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """What is kept: SHA-256 in hexadecimal, 64 characters."""
    return hashlib.sha256(secret.encode()).hexdigest()
