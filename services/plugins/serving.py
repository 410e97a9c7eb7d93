"""What is wired to what: one ASGI app, with Flask in threads and the routes that wait beside it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask
from qhana_plugin_runner import create_app
from starlette.applications import Starlette
from starlette.routing import Mount, Route

from services.foundation import listening, logs, serving
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


def serve(given: Settings) -> None:
    """Serve until told to stop. Raises SystemExit with a sentence when the address cannot be had."""
    listener = listening.listen("PLUGINS_BIND", given.bind)
    app, watch = build(create_app(), threads=given.threads)
    server = serving.Server(app, end_streams=watch.close, drain_seconds=given.drain_seconds)
    log.info("listening", address=given.bind, pid=os.getpid())
    asyncio.run(server.serve(sockets=[listener]))
