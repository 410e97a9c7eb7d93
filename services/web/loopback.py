"""The two names that one machine has for itself. To a browser they are sites of their own, which share no cookies."""

from typing import Final
from urllib.parse import urlsplit

NAMES: Final = ("127.0.0.1", "localhost")
"""Without the one of IPv6, which no page's policy can name."""


def names_of(origin: str) -> tuple[str, ...]:
    """The origin, and the same by the other name where it is this machine's own."""
    parts = urlsplit(origin)
    host, _, port = parts.netloc.partition(":")
    if host not in NAMES:
        return (origin,)
    others = (f"{parts.scheme}://{name}{port and ':'}{port}" for name in NAMES if name != host)
    return (origin, *others)


def beside(origin: str, asked: str) -> str:
    """The origin by the name that `asked`, a Host header, has for this machine; as it is where either is another's."""
    wanted = asked.lower().partition(":")[0]
    return next((each for each in names_of(origin) if urlsplit(each).netloc.partition(":")[0] == wanted), origin)
