"""A plugin host behind its gate, on a real port: the app in this process, its server in a thread, auth made up."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from flask import Flask
from pydantic import SecretStr
from qhana_plugin_runner.db.db import DB

from services.foundation import listening
from services.foundation.serving import Server
from services.plugins.membership import Membership
from services.plugins.serving import build
from services.plugins.settings import Settings
from tests.support import fake_grants, ports, small_host
from tests.support.fake_grants import FakeGrants, Person

STUDIO = "http://studio.test:8000"
PLUGINS = Path(__file__).parent / "guarded_plugins"


@dataclass(kw_only=True)
class GuardedHost:
    """Where it is and what stands behind it."""

    url: str
    auth: FakeGrants
    flask: Flask
    membership: Membership

    def client(self, person: Person | None = None, *, headers: Mapping[str, str] | None = None) -> httpx.Client:
        """A browser of somebody who came through /sign-in; None for nobody's."""
        cookies = {"dd_plugins": self.auth.sign_in(person)} if person is not None else {}
        return httpx.Client(base_url=self.url, cookies=cookies, headers=headers, timeout=60)

    def program(self, person: Person) -> httpx.Client:
        """A program with a token of theirs."""
        return self.client(headers={"Authorization": f"Bearer {person.token(session=False)}"})


@contextlib.contextmanager
def running(folder: Path, *, auth_target: str = "", nats_url: str = "", **config: Any) -> Iterator[GuardedHost]:
    """One that answers; by default with a made-up auth, and a NATS that is away."""
    port, auth_port = ports.free_port(), ports.free_port()
    flask = small_host.make(
        folder,
        **{
            "REQUIRE_LOGIN": True,
            "PLUGIN_FOLDERS": [str(PLUGINS)],
            "PLUGIN_HOST_ORIGINS": [STUDIO],
            "SERVER_NAME": f"127.0.0.1:{port}",
            "OWN_URL_ORIGINS": [f"http://127.0.0.1:{port}", f"http://localhost:{port}"],
            "PREFERRED_URL_SCHEME": "http",
            **config,
        },
    )
    given = Settings(
        data_dir=folder,
        service_secret=SecretStr(fake_grants.SECRET),
        auth_target=auth_target or f"127.0.0.1:{auth_port}",
        nats_url=nats_url or f"nats://127.0.0.1:{ports.free_port()}",
    )
    began: concurrent.futures.Future[tuple[GuardedHost, Server]] = concurrent.futures.Future()

    async def serve() -> None:
        auth = FakeGrants()  # type: ignore[abstract]
        await auth.start(f"127.0.0.1:{auth_port}")
        membership = Membership(given, flask)
        app, watch = build(flask, threads=16, membership=membership)
        server = Server(app, end_streams=watch.close, drain_seconds=1)
        host = GuardedHost(url=f"http://127.0.0.1:{port}", auth=auth, flask=flask, membership=membership)
        listener = listening.listen("PLUGINS_BIND", f"127.0.0.1:{port}")
        began.set_result((host, server))
        await server.serve(sockets=[listener])
        await auth.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    host, server = began.result(90)
    try:
        yield host
    finally:
        server.should_exit = True
        thread.join(60)
        with flask.app_context():
            DB.session.remove()
            DB.engine.dispose()
