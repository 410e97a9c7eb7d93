"""Who asks, for both halves of the gateway: the session cookie of browsers, the bearer key of programs.

Nothing is kept between requests: a session that was ended elsewhere is over at the very next one.
"""

import re
from typing import Final

from services.foundation import errors
from services.web.backends.accounts import Accounts, Visitor

SESSION_COOKIE: Final = "dd_session"
_KEY: Final = re.compile(r"dd_[A-Za-z0-9_-]{8,200}")
_SECRET: Final = re.compile(r"[A-Za-z0-9._~-]{8,256}")


class SignInFirst(errors.NotAuthenticated):
    """Sign in first; the session is over or never was."""

    reason = "SESSION_ENDED"


class KeyNeeded(errors.NotAuthenticated):
    """Send your API key: Authorization: Bearer dd_…"""

    reason = "UNKNOWN_API_KEY"


def session_secret(cookies: str) -> str | None:
    """The session secret in a Cookie header; None when there is none that could be ours.

    Two cookies of our name mean that somebody else set one, so neither is believed.
    """
    found = []
    for pair in cookies.split(";"):
        name, _, value = pair.strip().partition("=")
        if name == SESSION_COOKIE:
            found.append(value.strip('"'))
    return found[0] if len(found) == 1 and _SECRET.fullmatch(found[0]) else None


async def of_cookies(accounts: Accounts, cookies: str) -> Visitor | None:
    """Whose session a Cookie header names; None for nobody's."""
    secret = session_secret(cookies)
    return None if secret is None else await accounts.of_session(secret)


async def of_authorization(accounts: Accounts, header: str) -> Visitor:
    """Whose key an Authorization header shows. Raises KeyNeeded or what auth says of the key."""
    scheme, _, key = header.partition(" ")
    if scheme.lower() != "bearer" or not _KEY.fullmatch(key.strip()):
        raise KeyNeeded
    return await accounts.of_key(key.strip())
