"""A plugin host as a process of its own, connected with the real auth and ledger, and somebody who uses both."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nats
import sqlalchemy as sa
from daydream.auth.v1 import grants_pb2
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.foundation import events, migrations
from services.foundation.rpc import client
from services.plugins.__main__ import MIGRATIONS
from services.plugins.generation import completions
from tests.support import house, ports
from tests.support.auth import SECRETS, Person
from tests.support.drawing_host import until
from tests.support.house import House
from tests.support.program import Program
from tests.support.sabotage import Fault


@dataclass(frozen=True, kw_only=True)
class ConnectedHost:
    """The host, its worker, and what is behind them."""

    house: House
    """auth, the ledger, a worker that draws."""
    database: str
    """The host's."""
    program: Program
    """What serves."""
    worker: Program
    """Celery's."""
    port: int
    person: Person
    http: httpx.AsyncClient
    """The person's program."""

    async def start(self, *faults: Fault) -> None:
        """Start the host; returns when it answers."""
        self.program.start(*faults)
        await asyncio.to_thread(ports.wait_for_port, self.port, seconds=240)

    async def start_with_worker(self) -> None:
        """Start both; returns when the worker is ready as well."""
        self.worker.start()
        await self.start()

        async def ready() -> bool | None:
            return "ready." in self.worker.log or not self.worker.runs or None

        await until(ready)
        assert self.worker.runs, self.worker.log

    async def ask(self, path: str, **fields: Any) -> str:
        """Ask for pictures; the task's address."""
        answer = await self.http.post(path, data={"prompt": "a red boat", **fields})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def task(self, address: str) -> dict[str, Any]:
        """A task as its address tells it."""
        told: dict[str, Any] = (await self.http.get(address)).json()
        return told

    async def ended(self, address: str) -> dict[str, Any]:
        """The task once it is finished."""

        async def look() -> dict[str, Any] | None:
            task = await self.task(address)
            return task if task["status"] != "PENDING" else None

        ended: dict[str, Any] = await until(look)
        return ended

    async def at_the_ledger(self) -> list[tasks_pb2.Task]:
        """What the ledger has of the person's, the newest hundred."""
        async with client.channel(self.house.ledger.bind) as channel:
            stub = tasks_pb2_grpc.TaskServiceStub(channel)
            request = tasks_pb2.ListTasksRequest(page_size=100)
            return list((await stub.ListTasks(request, metadata=self.person.metadata)).tasks)

    async def nothing_is_left(self) -> None:
        """Return when the host has forgotten its drawings, and auth has ended the delegations of its tasks."""

        async def look() -> bool | None:
            drawings = await asyncio.to_thread(self._select, "SELECT task_id FROM drawing")
            known = {row[0] for row in await asyncio.to_thread(self._select, "SELECT public_id FROM processing_task")}
            is_open = await self.house.auth.sql("SELECT reference FROM delegations WHERE end_time IS NULL")
            # One whose task was never written, as the host died in the request, ends by itself after a day.
            return None if drawings or known & {row[0] for row in is_open} else True

        await until(look)

    async def events_were_heard(self) -> None:
        """Return when the host has acknowledged a completion event."""

        async def look() -> bool | None:
            connection = await events.connect(self.house.ledger.nats_url, "a test")
            try:
                consumer = await connection.jetstream().consumer_info(events.TASKS_STREAM, completions.NAME)
            except nats.js.errors.NotFoundError:
                return None
            finally:
                await connection.close()
            return bool(consumer.ack_floor and consumer.ack_floor.stream_seq) or None

        await until(look)

    def _select(self, statement: str) -> list[Any]:
        engine = sa.create_engine(self.database)
        with engine.connect() as connection:
            return list(connection.execute(sa.text(statement)))


def reference_of(address: str) -> str:
    """The public id of the task at an address."""
    return address.rstrip("/").rpartition("/")[2]


@contextlib.asynccontextmanager
async def running(folder: Path, nats_url: str) -> AsyncIterator[ConnectedHost]:
    """All of it below a folder; the host and its worker do not run yet."""
    (folder / "plugins").mkdir()
    database = f"sqlite:///{folder}/plugins/plugins.db"
    await migrations.upgrade(database.replace("sqlite:", "sqlite+aiosqlite:"), MIGRATIONS)
    async with house.running(folder, nats_url) as behind:
        port = ports.free_port()
        shared = {
            "DAYDREAM_DATA_DIR": str(folder),
            "PLUGINS_BIND": f"127.0.0.1:{port}",
            "PLUGIN_PROBE_SECONDS": "0",
            "TASK_LEASE_SECONDS": "1.5",
            "TASK_SWEEP_SECONDS": "0.5",
            "REQUIRE_LOGIN": "true",
        }
        connections = {
            "AUTH_TARGET": behind.auth.target,
            "TASKS_TARGET": behind.ledger.bind,
            "NATS_URL": nats_url,
            "PLUGINS_SERVICE_SECRET": SECRETS["plugins"],
        }
        person = await behind.auth.staff()
        token = await behind.auth.grants.IssuePluginToken(
            grants_pb2.IssuePluginTokenRequest(), metadata=person.metadata
        )
        headers = {"Authorization": f"Bearer {token.identity_token.token}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as http:
            host = ConnectedHost(
                house=behind,
                database=database,
                program=Program("plugins", ("services.plugins",), shared | connections, folder),
                worker=Program("worker", ("services.plugins", "worker"), shared, folder),
                port=port,
                person=person,
                http=http,
            )
            try:
                yield host
            finally:
                host.program.kill()
                host.worker.kill()
