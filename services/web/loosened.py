"""Where the site's own policy opens towards the plugin host, and how far: three places, and nothing beside them."""

from collections.abc import Mapping
from typing import Final

from services.web import assets, loopback
from services.web.shield import POLICY, Exceptions
from services.web.streams import linked

FRAMES: Final = "frame/"
"""The style sheets that are lent to plugins' pages, among our files."""
_LENT: Final = {"Cross-Origin-Resource-Policy": "cross-origin"}


def towards(host: str) -> Exceptions:
    """The exceptions for a plugin host of this origin; none where it is empty."""
    page = {"Content-Security-Policy": _policy(host)}
    lent = f"{assets.root()}/{FRAMES}"

    def of(path: str) -> Mapping[str, str]:
        if path == "/plugins" or path.startswith("/plugins/"):
            return page
        if path.startswith(linked.PATH):
            return linked.CROSS_ORIGIN
        return _LENT if path.startswith(lent) else {}

    return of if host else (lambda _path: {})


def _policy(host: str) -> str:
    """The usual one, with frames, calls and pictures of the host. No script of its origin is ever run here."""
    hosts = " ".join(loopback.names_of(host))
    return f"{POLICY}; frame-src {hosts}; connect-src 'self' {hosts}; img-src 'self' {hosts}"
