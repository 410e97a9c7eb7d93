"""What a request shows of who sends it, and whether it may be believed where it comes from."""

import base64
import binascii
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers

COOKIE: Final = "dd_plugins"
"""Carries the sign-in secret; this host's own, beside the studio's, which it never reads."""
_SECRET: Final = re.compile(r"[A-Za-z0-9._~-]{8,256}")
_TOKEN: Final = re.compile(r"[A-Za-z0-9._=+/-]{1,8192}")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What `Authorization` says; both are empty for one that says nothing this host understands."""

    token: str = field(default="", repr=False)
    """An identity token of auth's."""
    own: str = field(default="", repr=False)
    """A token of this host's, which calls itself."""


def authorization(value: str, *, own_user: str) -> Shown:
    """Read the header: a bearer token, or Basic with the user name of the host's own calls."""
    scheme, _, given = value.partition(" ")
    given = given.strip()
    if not _TOKEN.fullmatch(given):
        return Shown()
    if scheme.lower() == "bearer":
        return Shown(token=given)
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(given, validate=True).decode("ascii").partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return Shown()
        return Shown(own=password if user == own_user else "")
    return Shown()


def sign_in_secret(headers: Headers) -> str | None:
    """The secret in the cookie of this host; None when there is none that could be ours.

    Two cookies of our name mean that somebody else set one, so neither is believed.
    """
    found = []
    for header in headers.getlist("cookie"):
        for pair in header.split(";"):
            name, _, value = pair.strip().partition("=")
            if name == COOKIE:
                found.append(value.strip('"'))
    return found[0] if len(found) == 1 and _SECRET.fullmatch(found[0]) else None


def cookie_counts(method: str, headers: Headers, own_origins: Collection[str]) -> bool:
    """Whether the cookie says who sends this: not where a page of another origin has the browser send it.

    Another port of this machine, or another name of this domain, is the same site to a browser, which sends the
    cookie. The studio's frames are opened by a GET that navigates; all else comes from the host's own pages.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        navigates = headers.get("sec-fetch-mode") == "navigate" and method in _SAFE
        return site in {"same-origin", "none"} or navigates
    # Browsers leave the above out where there is no TLS; who writes is told by the origin there.
    origin = headers.get("origin")
    return origin is None or origin in own_origins or urlsplit(origin).netloc == headers.get("host")
