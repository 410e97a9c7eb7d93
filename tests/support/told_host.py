"""A plugin host that answers what a test tells it to, over real HTTP."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.foundation.serving import Server
from tests.support import gateway, ports

PALETTE = {
    "title": "Palette of a picture",
    "description": "Finds the colours.",
    "name": "palette",
    "version": "v1.0.0",
    "type": "processing",
    "tags": ["image"],
    "entryPoint": {
        "href": "./process/",
        "uiHref": "./ui/",
        "dataInput": [{"parameter": "imageUrl", "dataType": "image/*", "contentType": ["image/png"], "required": True}],
    },
}


class ToldHost:
    """Two plugins, one of them twice, until it is told otherwise."""

    def __init__(self, origin: str, outside: str) -> None:
        """`outside` is the origin in its answers."""
        self.origin, self.outside = origin, outside
        self.plugins: list[Any] = [
            self.listed("palette", "v1.0.0"),
            self.listed("palette", "v2.0.0"),
            self.listed("viewer", "v0.1.0", description="Shows <b>one</b> picture."),
        ]
        self.failed: list[Any] = [{"name": "broken", "cause": "RuntimeError: no", "trace": "Traceback: here"}]
        self.about: dict[str, Any] = {
            "/plugins/palette@v1-0-0/": PALETTE,
            "/plugins/palette@v2-0-0/": {**PALETTE, "title": "Palette, anew", "version": "v2.0.0"},
        }
        self.asked: list[tuple[str, str, str]] = []
        """Path, Host and Authorization of each request."""

    def listed(self, name: str, version: str, **more: Any) -> dict[str, Any]:
        """An entry of the list."""
        identifier = f"{name}@{version.replace('.', '-')}"
        root = f"{self.outside}/plugins/{identifier}/"
        about = {"name": name, "version": version, "identifier": identifier, "apiRoot": root, "tags": [name]}
        return {**about, "description": f"{name} it is.", **more}

    async def answer(self, request: Request) -> Response:
        """From what it was told; 500 for what it was not."""
        path = request.url.path
        self.asked.append((path, request.headers["host"], request.headers.get("authorization", "")))
        if path == "/plugins/":
            return _json({"plugins": self.plugins, "failed": self.failed})
        return _json(self.about[path]) if path in self.about else Response(status_code=500)


def _json(answer: Any) -> Response:
    # In ASCII, which carries halves of characters as well.
    return Response(json.dumps(answer), media_type="application/json")


@contextlib.asynccontextmanager
async def running(outside: str) -> AsyncIterator[ToldHost]:
    """One that answers."""
    port = ports.free_port()
    host = ToldHost(f"http://127.0.0.1:{port}", outside)
    server = Server(Starlette(routes=[Route("/{path:path}", host.answer)]), end_streams=lambda: None, drain_seconds=1)
    listener: socket.socket = ports.listener(port)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await gateway.until(lambda: server.started)
    try:
        yield host
    finally:
        server.should_exit = True
        await serving
