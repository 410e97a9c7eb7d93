"""auth, tasks, the gateway and NATS as they run, put together in this process; only the worker is made up."""

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc
from pydantic import SecretStr

from services.foundation import migrations
from services.foundation.rpc import client
from services.tasks.__main__ import MIGRATIONS
from services.tasks.bootstrap import Service
from services.tasks.settings import Settings
from services.web.app import Gateway
from services.web.settings import WebSettings
from services.web.streams.sse import Timing
from services.web.visitors import SESSION_COOKIE
from tests.support import gateway
from tests.support.auth import SECRETS, Person, RunningAuth, running_auth
from tests.support.fake_worker import FakeWorker
from tests.support.gateway import PAGE
from tests.support.ledger import address, until, until_it_hears

NO_LOOKS = Timing(recheck=3600)
"""A gateway that does not look at sessions again by itself: what ends a stream then came from auth."""


@dataclass(kw_only=True)
class House:
    """Everything, running."""

    auth: RunningAuth
    """The real auth, publishing its events."""
    ledger: Settings
    """The settings of tasks."""
    worker: FakeWorker
    """What draws."""
    images: Path
    """Where tasks keeps files."""
    url: str
    """Where the gateway is."""
    resources: contextlib.AsyncExitStack = field(repr=False)
    """Closes what a test opened."""

    async def browser(self, person: Person) -> httpx.AsyncClient:
        """A browser in which a person is signed in."""
        http = await self.resources.enter_async_context(httpx.AsyncClient(base_url=self.url, timeout=20))
        http.cookies.set(SESSION_COOKIE, person.secret, domain="127.0.0.1")
        return http

    async def program(self, api_key: str) -> httpx.AsyncClient:
        """A program with a key."""
        headers = {"Authorization": f"Bearer {api_key}"}
        return await self.resources.enter_async_context(
            httpx.AsyncClient(base_url=self.url, timeout=20, headers=headers)
        )


async def form_token(http: httpx.AsyncClient, path: str = "/account") -> str:
    """The token of the forms on a page."""
    page = await http.get(path, headers=PAGE)
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found is not None, page.text[:500]
    return found[1]


@contextlib.asynccontextmanager
async def running(folder: Path, nats_url: str, *, timing: Timing = NO_LOOKS) -> AsyncIterator[House]:
    """All of it on SQLite files in a folder."""
    async with contextlib.AsyncExitStack() as resources:
        auth = await resources.enter_async_context(
            running_auth(f"sqlite+aiosqlite:///{folder}/auth.db", folder, nats_url=nats_url)
        )
        await resources.enter_async_context(auth.parts.telling())
        worker = FakeWorker(address(), fetch_keys=client.key_fetcher(auth.channel))
        await worker.start()
        resources.push_async_callback(worker.stop)
        ledger = Settings(
            bind=address(),
            database_url=f"sqlite+aiosqlite:///{folder}/tasks.db",
            images_url=str(folder / "images"),
            service_secret=SECRETS["tasks"],
            lease_seconds=5.0,
            drain_seconds=1,
            auth_target=auth.target,
            gpu_targets=worker.address,
            nats_url=nats_url,
        )
        await migrations.upgrade(ledger.database, MIGRATIONS)
        service = Service(ledger)
        await service.start()
        resources.push_async_callback(service.stop)
        web = WebSettings(service_secret=SecretStr(SECRETS["web"]), auth_target=auth.target, tasks_target=ledger.bind)
        door = Gateway(web, secret_key="k" * 40, timing=timing)
        port, _ = await resources.enter_async_context(gateway.listening(door))
        house = House(
            auth=auth,
            ledger=ledger,
            worker=worker,
            images=folder / "images",
            url=f"http://127.0.0.1:{port}",
            resources=await resources.enter_async_context(contextlib.AsyncExitStack()),
        )

        await _until_a_worker_answers(auth, ledger)
        await until_it_hears(service)
        yield house


async def _until_a_worker_answers(auth: RunningAuth, ledger: Settings) -> None:
    async with client.channel(ledger.bind) as channel:
        stub = tasks_pb2_grpc.TaskServiceStub(channel)

        async def look() -> bool:
            try:
                answer = await stub.GetCapabilities(tasks_pb2.GetCapabilitiesRequest(), metadata=auth.web)
            except grpc.aio.AioRpcError:
                return False
            return answer.workers > 0

        await until(look)
