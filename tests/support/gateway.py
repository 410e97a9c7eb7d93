"""The gateway before made-up backends: its app in the test's own loop, or a real server on a free port."""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import httpx
from daydream.tasks.v1 import tasks_pb2
from pydantic import SecretStr

from services.foundation.serving import Server
from services.web.app import Gateway
from services.web.backends.plugin_sayings import Patience
from services.web.settings import WebSettings
from services.web.streams.sse import Timing
from services.web.visitors import SESSION_COOKIE
from tests.support import gateway_accounts, gateway_backends
from tests.support.gateway_backends import Backends

ADA_KEY = {"Authorization": "Bearer dd_ada_key_0123456789"}
BOB_KEY = {"Authorization": "Bearer dd_bob_key_0123456789"}
QUICK = Timing(heartbeat=0.05, recheck=0.1, retry=0.05, first_back_off=0.02, last_back_off=0.1)
PAGE = {"Accept": "text/html"}


@dataclass(kw_only=True)
class Site:
    """A gateway to talk to."""

    http: httpx.AsyncClient
    """A browser that keeps cookies, or a program."""
    backends: Backends
    """What stands behind it."""
    gateway: Gateway
    """The app itself."""

    def sign_in_as(self, email: str = "ada@example.org") -> str:
        """Give the browser a session of its own; the session's public id."""
        secret, session_id = self.backends.auth.open(email)
        self.http.cookies.set(SESSION_COOKIE, secret)
        return session_id

    async def form_token(self, path: str = "/sign-in") -> str:
        """The hidden token of the form on a page."""
        page = await self.http.get(path, headers=PAGE)
        found = re.search(r'name="csrf(?:_token"[^>]*value|-token" content)="([^"]+)"', page.text)
        assert found is not None, page.text[:500]
        return found[1]

    async def script_headers(self) -> dict[str, str]:
        """What the studio's scripts send with every change."""
        return {"X-CSRFToken": await self.form_token("/studio"), "Accept": "application/json"}


def settings(backends: Backends, *, plugins_url: str = "", plugins_target: str = "") -> WebSettings:
    """Settings for a gateway before these backends, with plugins of another origin where one is named."""
    return WebSettings(
        plugins_url=plugins_url,
        plugins_target=plugins_target,
        service_secret=SecretStr(gateway_accounts.SERVICE_SECRET),
        auth_target=backends.auth_target,
        tasks_target=backends.tasks_target,
    )


@contextlib.asynccontextmanager
async def in_process(*, plugins_url: str = "", plugins_target: str = "") -> AsyncIterator[Site]:
    """The app without a socket."""
    async with gateway_backends.running() as backends:
        given = settings(backends, plugins_url=plugins_url, plugins_target=plugins_target)
        gateway = Gateway(given, secret_key="k" * 40, timing=QUICK)
        transport = httpx.ASGITransport(app=gateway.app, raise_app_exceptions=False)
        async with (
            gateway.running(),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
        ):
            yield Site(http=http, backends=backends, gateway=gateway)


@dataclass(kw_only=True)
class Served(Site):
    """A gateway behind a real socket."""

    port: int
    """Where it listens."""
    server: Server
    """What serves it."""


@contextlib.asynccontextmanager
async def served(
    draw: Callable[[tasks_pb2.Task, int], bytes] | None = None,
    *,
    trusted_proxies: Sequence[str] = (),
    timing: Timing = QUICK,
    plugins_url: str = "",
    port: int = 0,
    drain_seconds: float = 2,
    patience: Patience | None = None,
) -> AsyncIterator[Served]:
    """The app under uvicorn, on a free port where none is named; `draw` makes the files of images.

    Requests that are open when it stops are waited for `drain_seconds` at most; `patience` is had with a plugin host.
    """
    async with gateway_backends.running(draw) as backends:
        given = settings(backends, plugins_url=plugins_url)
        gateway = Gateway(given, secret_key="k" * 40, timing=timing, patience=patience)
        async with (
            listening(gateway, trusted_proxies=trusted_proxies, port=port, drain_seconds=drain_seconds) as listens,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{listens[0]}", timeout=60) as http,
        ):
            heard_at, server = listens
            yield Served(http=http, backends=backends, gateway=gateway, port=heard_at, server=server)


@contextlib.asynccontextmanager
async def listening(
    gateway: Gateway, *, trusted_proxies: Sequence[str] = (), port: int = 0, drain_seconds: float = 2
) -> AsyncIterator[tuple[int, Server]]:
    """The port a gateway listens on, a free one where none is given, and what serves it."""
    listener = socket.create_server(("127.0.0.1", port))
    server = Server(
        gateway.app, end_streams=gateway.hub.close, drain_seconds=drain_seconds, trusted_proxies=trusted_proxies
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await until(lambda: server.started)
    try:
        yield listener.getsockname()[1], server
    finally:
        server.should_exit = True
        await serving


async def until(holds: Callable[[], bool], *, seconds: float = 60) -> None:
    """Return as soon as it holds; fail when it does not in time."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 (a look at a condition that sets no event)
            await asyncio.sleep(0.005)
