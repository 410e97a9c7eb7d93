"""What is wired to what: one ASGI app, with Flask in threads and the routes that wait beside it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from socket import socket
from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask
from qhana_plugin_runner import create_app
from qhana_plugin_runner.util.config import BadSetting
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from services.foundation import listening, logs, serving
from services.plugins import health
from services.plugins.events import TaskEvents
from services.plugins.generation.wiring import Generation
from services.plugins.identity import checks
from services.plugins.membership import Membership
from services.plugins.outside import Outside
from services.plugins.settings import Settings
from services.plugins.watching import Watch

log = logs.logger(__name__)


def build(
    flask: Flask, *, threads: int, membership: Membership | None = None, generation: Generation | None = None
) -> tuple[ASGIApp, Watch]:
    """The app, and the watch whose streams have to end before its server does.

    With a `membership` people have to sign in; without, the host is alone and open. With `generation`, for which there
    has to be one, plugins may have pictures drawn.
    """
    watch = Watch(flask)

    @contextlib.asynccontextmanager
    async def running(_app: Starlette) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            if membership is not None:
                await stack.enter_async_context(membership.running())
            if generation is not None:
                await stack.enter_async_context(generation)
            await stack.enter_async_context(watch)
            yield

    # The two type systems spell one protocol differently.
    host: Any = flask if membership is None else checks.telling(flask)
    pages: Any = WSGIMiddleware(host, workers=threads)
    prefix = str(flask.config.get("OPENAPI_URL_PREFIX") or "").rstrip("/")
    is_over = None if membership is None else membership.resolver.is_over
    routes = [
        Route("/healthz", health.alive),
        Route("/readyz", health.Ready(flask).answer),
        Route(f"{prefix}/tasks/{{task_id}}/events", TaskEvents(flask, watch, is_over=is_over).answer),
        Mount("/", pages),
    ]
    app = Starlette(routes=routes, lifespan=running)
    return (app if membership is None else membership.gate(app)), watch


def serve(given: Settings) -> None:
    """Serve until told to stop. Raises SystemExit with a sentence when the address cannot be had, BadSetting."""
    listener = listening.listen("PLUGINS_BIND", given.bind)
    flask = create_app()
    if flask.config["REQUIRE_LOGIN"] and not given.service_secret.get_secret_value():
        raise BadSetting("PLUGINS_SERVICE_SECRET: with REQUIRE_LOGIN the host asks auth who calls, and has no secret")
    asyncio.run(_serve(given, flask, listener))


async def _serve(given: Settings, flask: Flask, listener: socket) -> None:
    membership = Membership(given, flask) if flask.config["REQUIRE_LOGIN"] else None
    generation = None if membership is None else _generation(given, flask, membership)
    app, watch = build(flask, threads=given.threads, membership=membership, generation=generation)
    name, scheme = str(flask.config["SERVER_NAME"]), str(flask.config["PREFERRED_URL_SCHEME"])
    known = Outside(app, inside=given.inside, name=name, scheme=scheme)
    server = serving.Server(known, end_streams=watch.close, drain_seconds=given.drain_seconds)
    log.info("listening", address=given.bind, pid=os.getpid())
    await server.serve(sockets=[listener])


def _generation(given: Settings, flask: Flask, membership: Membership) -> Generation | None:
    if not given.tasks_target:
        return None
    generation = Generation(
        flask,
        tasks_target=given.tasks_target,
        grants=membership.grants,
        ourselves=membership.ourselves,
        bridge=membership.bridge,
    )
    membership.consumers.append(generation.consumer)
    return generation
