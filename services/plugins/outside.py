"""Whoever asks the host by a name that only services know gets answers that speak of it as people do.

In a container network the gateway and the workers reach it as `plugins:8014`, say, and without TLS. What they are told
goes on to browsers: addresses of plugins, tasks and files, which must carry the name and scheme that people know.
"""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_KINDS: Final = frozenset({"http", "websocket"})


class Outside:
    """In front of everything, as what comes after it decides by names."""

    def __init__(self, app: ASGIApp, *, inside: frozenset[str], name: str, scheme: str) -> None:
        """`inside` are the names, host:port in lower case; `name`, host:port too, and `scheme` are how people ask."""
        # Who asks by the outside name may do so without the TLS that ends before the host.
        self._app, self._known = app, inside | {name.lower()}
        self._name, self._scheme = name.encode(), scheme

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and let a request that came by another way look as if it had come from outside."""
        if scope["type"] in _KINDS and _asked_for(scope) in self._known:
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope = {**scope, "scheme": self._scheme, "headers": [(b"host", self._name), *others]}
        await self._app(scope, receive, send)


def _asked_for(scope: Scope) -> str:
    return next((value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"), "")
