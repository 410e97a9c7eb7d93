"""What is wired to what: one ASGI app, with Flask in threads and the routes that wait beside it."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from types import FrameType
from typing import Any

import uvicorn
from a2wsgi import WSGIMiddleware
from flask import Flask
from qhana_plugin_runner import create_app
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from services.foundation import listening, logs
from services.plugins import health
from services.plugins.events import TaskEvents
from services.plugins.settings import Settings
from services.plugins.watching import Watch

log = logs.logger(__name__)


def build(flask: Flask, *, threads: int) -> tuple[Starlette, Watch]:
    """The app, and the watch whose streams have to end before its server does."""
    watch = Watch(flask)

    @contextlib.asynccontextmanager
    async def running(_app: Starlette) -> AsyncIterator[None]:
        async with watch:
            yield

    # The two type systems spell one protocol differently.
    pages: Any = WSGIMiddleware(flask, workers=threads)  # type: ignore[arg-type]
    prefix = str(flask.config.get("OPENAPI_URL_PREFIX") or "").rstrip("/")
    routes = [
        Route("/healthz", health.alive),
        Route("/readyz", health.Ready(flask).answer),
        Route(f"{prefix}/tasks/{{task_id}}/events", TaskEvents(flask, watch).answer),
        Mount("/", pages),
    ]
    return Starlette(routes=routes, lifespan=running), watch


class Server(uvicorn.Server):
    """uvicorn that ends the open event streams first when it stops, instead of waiting for what never ends."""

    def __init__(self, flask: Flask, *, threads: int, drain_seconds: float) -> None:
        """`drain_seconds` is how long other requests may still take."""
        app, self._watch = build(flask, threads=threads)
        super().__init__(
            uvicorn.Config(
                app,
                http="h11",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=max(1, round(drain_seconds)),
                timeout_keep_alive=20,
            )
        )

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, and leave with 0 after it."""
        del frame
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, then drain."""
        self._watch.close()
        await super().shutdown(sockets)


def serve(given: Settings) -> None:
    """Serve until told to stop. Raises SystemExit with a sentence when the address cannot be had."""
    listener = listening.listen("PLUGINS_BIND", given.bind)
    flask = create_app()
    server = Server(flask, threads=given.threads, drain_seconds=given.drain_seconds)
    log.info("listening", address=given.bind, pid=os.getpid())
    asyncio.run(server.serve(sockets=[listener]))
