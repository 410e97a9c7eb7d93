"""A gateway and a plugin host beside each other, as a browser finds them: made-up auth and tasks, a real host.

The host is the service's own app behind its own gate; only auth, which it would ask over gRPC, is asked within the
process. Its plugins work within their requests, so no worker is needed.
"""

import asyncio
import concurrent.futures
import contextlib
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import httpx
import structlog
from playwright.sync_api import Page
from qhana_plugin_runner import create_app
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.cli import create_db_function
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.util.plugins import FAILURES
from starlette.types import ASGIApp

from services.foundation import errors, identity
from services.foundation.serving import Server
from services.plugins import serving
from services.plugins.identity.answers import Answers
from services.plugins.identity.gate import Gate
from services.plugins.identity.resolving import Resolver
from services.plugins.identity.sign_in import SignInRoute
from services.plugins.membership import Membership
from services.plugins.peers.grants import SignIn
from services.plugins.settings import BUNDLED
from services.web.backends.plugin_sayings import Patience
from services.web.visitors import SESSION_COOKIE
from tests.support import gateway, ports, studio_page, threaded_gateway
from tests.support import identity as signing
from tests.support.gateway_plugins import FakeGrants
from tests.support.threaded_gateway import Running

PROMPT: Final = "a red house under a yellow sun"
PLUGINS: Final = Path(__file__).parent / "framed_plugins"
UNHURRIED: Final = Patience(listing=60.0, view=60.0, turn=60.0, answer=60.0)
"""The gateway's with the host: how long it waits for one that is slow is no matter of the pages'."""


class Entrance:
    """What makes the host ask who calls, auth being a fake of this process."""

    def __init__(self, flask: Any, grants: FakeGrants) -> None:
        """`grants` gives the codes."""
        self._flask, self._grants = flask, grants
        self._numbers = itertools.count(1)
        self._sign_ins: dict[str, identity.Caller] = {}
        verifier = identity.Verifier(audience="plugins", fetch_keys=signing.fetch_keys)
        self.resolver = Resolver(self, verifier)

    async def redeem_code(self, code: str) -> SignIn:
        """Once."""
        caller = self._grants.codes.pop(code, None)
        if caller is None:
            raise errors.NotAuthenticated("", reason="SIGN_IN_CODE_NOT_VALID")
        secret = f"sign-in-{next(self._numbers)}"
        self._sign_ins[secret] = caller
        return SignIn(secret=secret, expires=time.time() + 3600, token=self._grants.token(caller))

    async def resolve_sign_in(self, secret: str) -> str:
        """Whose it is."""
        if secret not in self._sign_ins:
            raise errors.NotAuthenticated("", reason="SESSION_ENDED")
        return self._grants.token(self._sign_ins[secret])

    def gate(self, app: ASGIApp) -> ASGIApp:
        """The host behind its gate."""
        answers = Answers(self._flask.config["PLUGIN_HOST_ORIGINS"])
        door = SignInRoute(self, self.resolver, answers, secure=False)
        return Gate(app, flask=self._flask, resolver=self.resolver, answers=answers, sign_in_route=door)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Nothing to connect to."""
        yield


@dataclass(kw_only=True)
class Framed(Running):
    """Both of them."""

    plugins: str
    """The host's origin."""
    host: Server
    """What serves it."""


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Framed]:
    """Both, in a thread; the host keeps its database and files below `folder`."""
    structlog.configure(
        # The servers run beside the test: their logs go to the standard library's, which pytest keeps.
        processors=[structlog.stdlib.render_to_log_kwargs],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    failures = list(FAILURES)
    web, plugins = (f"http://127.0.0.1:{ports.free_port()}" for _ in range(2))
    flask = _host(folder, web=web, plugins=plugins)
    began: concurrent.futures.Future[Framed] = concurrent.futures.Future()
    stop = asyncio.Event()

    async def serve() -> None:
        port = int(web.rpartition(":")[2])
        async with gateway.served(
            draw=threaded_gateway.picture, plugins_url=plugins, port=port, patience=UNHURRIED
        ) as served:
            entrance = Entrance(flask, served.backends.grants)
            app, watch = serving.build(flask, threads=8, membership=cast(Membership, entrance))
            server = Server(app, end_streams=watch.close, drain_seconds=1)
            listener = ports.listener(int(plugins.rpartition(":")[2]))
            serving_host = asyncio.create_task(server.serve(sockets=[listener]))
            worker = asyncio.create_task(threaded_gateway.draw_everything(served.backends, 0))
            await gateway.until(lambda: server.started)
            began.set_result(
                Framed(
                    url=web,
                    plugins=plugins,
                    backends=served.backends,
                    hub=served.gateway.hub,
                    loop=asyncio.get_running_loop(),
                    host=server,
                )
            )
            await stop.wait()
            worker.cancel()
            server.should_exit = True
            await asyncio.gather(worker, serving_host, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    found = began.result(threaded_gateway.HANGS_AFTER)
    try:
        yield found
    finally:
        found.loop.call_soon_threadsafe(stop.set)
        thread.join(threaded_gateway.HANGS_AFTER)
        structlog.reset_defaults()
        with flask.app_context():
            DB.session.remove()
            DB.engine.dispose()
        # The next host of this process has a queue of its own, and nothing of this one's to complain of.
        CELERY._pool = None
        FAILURES[:] = failures


def _host(folder: Path, *, web: str, plugins: str) -> Any:
    flask = create_app(
        {
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder}/plugins.db",
            "SECRET_KEY": "of tests",
            "PLUGIN_FOLDERS": [str(BUNDLED), str(PLUGINS)],
            "FILE_STORE_ROOT_PATH": str(folder / "files"),
            "DEFAULT_FILE_STORE": "local_filesystem",
            "SERVER_NAME": plugins.removeprefix("http://"),
            "PLUGIN_HOST_ORIGINS": [web],
            "ALLOWED_URL_ORIGINS": [web],
            "OWN_URL_ORIGINS": [plugins],
            "REQUIRE_LOGIN": True,
            "PLUGIN_PROBE_SECONDS": 0,
        }
    )
    with flask.app_context():
        create_db_function(flask)
    return flask


def cancel(world: Framed, task_id: str) -> None:
    """A task of Ada's is stopped by a program of hers."""
    caller = identity.Caller(subject=world.backends.auth.ada.user_id, role=identity.Role.USER)
    headers = {"Authorization": f"Bearer {world.backends.grants.token(caller)}"}
    address = f"{world.plugins}/tasks/{task_id}/"
    httpx.post(address, json={"command": "cancel"}, headers=headers, timeout=60).raise_for_status()


def come_in(page: Page, world: Framed, path: str, *, pictures: int = 0) -> None:
    """Open a page in a session of Ada's own, who has so many pictures."""
    secret, session_id = world.backends.auth.open(studio_page.ADA)
    ada = world.backends.auth.ada.user_id
    if pictures:
        hang = studio_page.hang(world.backends.tasks, ada, session_id, tasks=1, samples=pictures, prompt=PROMPT)
        world.do(hang)
    page.context.add_cookies([{"name": SESSION_COOKIE, "value": secret, "url": world.url}])
    page.goto(f"{world.url}{path}")
