"""Services that ask the host by a name of their own are answered in terms of the outside one."""

from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from services.plugins.outside import Outside


class Listener:
    """An app that notes what it was asked."""

    def __init__(self) -> None:
        self.heard: Scope = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.heard = scope


async def _receive() -> Any:
    raise AssertionError("nobody reads")


async def _send(_message: Any) -> None:
    raise AssertionError("nobody answers")


@pytest.mark.parametrize(
    ("asked", "heard"),
    [
        (b"plugins:8014", ("https", b"plugins.example.org")),
        (b"Plugins:8014", ("https", b"plugins.example.org")),
        (b"plugins.example.org", ("https", b"plugins.example.org")),
        (b"127.0.0.1:8014", ("http", b"127.0.0.1:8014")),
        (b"plugins:80", ("http", b"plugins:80")),
    ],
)
async def test_who_asks_by_an_inside_name_or_without_tls_is_answered_as_if_it_had_come_from_outside(
    asked: bytes, heard: tuple[str, bytes]
) -> None:
    app = Listener()
    host = Outside(app, inside=frozenset({"plugins:8014"}), name="plugins.example.org", scheme="https")
    scope = {"type": "http", "scheme": "http", "headers": [(b"host", asked), (b"accept", b"*/*")]}

    await host(scope, _receive, _send)

    headers = dict(app.heard["headers"])
    assert (app.heard["scheme"], headers[b"host"]) == heard
    assert headers[b"accept"] == b"*/*"


async def test_what_is_no_request_passes() -> None:
    app = Listener()

    await Outside(app, inside=frozenset({""}), name="n", scheme="https")({"type": "lifespan"}, _receive, _send)

    assert app.heard == {"type": "lifespan"}
