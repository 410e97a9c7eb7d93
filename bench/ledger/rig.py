"""The services as they are deployed, each a process: auth, NATS, and as many ledgers, workers, gateways as needed.

PostgreSQL is on disk and syncs; so does SQLite, by the services' own settings; NATS has the deployed configuration.
"""

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from bench.ledger import processes
from bench.ledger.processes import Program
from services.foundation.rpc import client
from services.web.backends.accounts import Accounts, Opened, Visitor
from tests.support import ports
from tests.support.auth_process import PASSWORD, WEB_SECRET, Command, wait_until_serving
from tests.support.nats import Nats
from tests.support.postgres import Postgres

TASKS_SECRET: Final = "tasks-of-the-bench"  # noqa: S105
TOKENS: Final = 1_000_000
READY_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A fake worker at work."""

    program: Program
    """Its process."""
    target: str
    """Where it listens."""
    notes: Path
    """Where it writes when what began."""


@dataclass(frozen=True, kw_only=True)
class Replica:
    """A ledger at work."""

    program: Program
    """Its process."""
    target: str
    """Where it listens."""
    channel: grpc.aio.Channel
    """To it."""
    stub: Any
    """TaskService there."""


@dataclass(kw_only=True)
class Person:
    """Somebody with an account."""

    opened: Opened
    """Their session."""
    visitor: Visitor
    """Who they are, with a token that holds for five minutes."""

    @property
    def metadata(self) -> grpc.aio.Metadata:
        """What a call in their name carries."""
        return client.bearer(self.visitor.identity)


class Rig:
    """Begun by `running`; what it starts ends with that block."""

    def __init__(self, folder: Path, *, postgres: Postgres | None) -> None:
        """Databases are new ones on `postgres`, or SQLite files in `folder`, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.stack = contextlib.ExitStack()
        self._channels: list[grpc.aio.Channel] = []
        self._nats = Nats()
        self.stack.callback(self._nats.remove)
        self.auth_url = postgres.new_url() if postgres else f"sqlite+aiosqlite:///{folder}/auth.db"
        self.tasks_url = postgres.new_url() if postgres else f"sqlite+aiosqlite:///{folder}/tasks.db"
        self._auth = Command(
            folder,
            AUTH_DATABASE_URL=self.auth_url,
            AUTH_SERVICE_SECRETS=f"web={WEB_SECRET},tasks={TASKS_SECRET}",
            AUTH_SIGNUP_TOKENS=str(TOKENS),
            NATS_URL=self._nats.url,
            DAYDREAM_LOG_LEVEL="WARNING",
        )
        self.auth_target = f"127.0.0.1:{self._auth.port}"

    async def start(self) -> None:
        """Migrate both databases, start auth and be ready to call it."""
        await asyncio.to_thread(self._start)
        self.auth = self.channel(self.auth_target)
        self.accounts = Accounts(self.auth, client.ServiceIdentity(self.auth, service="web", secret=WEB_SECRET))

    def _start(self) -> None:
        done = self._auth.run("migrate")
        if done.returncode:
            raise RuntimeError(f"auth cannot migrate: {done.stderr}")
        with processes.running(
            [sys.executable, "-m", "services.tasks", "migrate"],
            environment=self._environment(bind="127.0.0.1:1", gpus="127.0.0.1:1", settings={}),
            log=self.folder / "migrate.log",
        ) as migrating:
            if migrating.process.wait(timeout=READY_SECONDS):
                raise RuntimeError(f"tasks cannot migrate: {migrating.log.read_text()}")
        self.stack.enter_context(self._auth.serving())
        with grpc.insecure_channel(self.auth_target) as channel:
            wait_until_serving(channel)

    def channel(self, target: str) -> grpc.aio.Channel:
        """A channel that is closed at the end."""
        opened = client.channel(target)
        self._channels.append(opened)
        return opened

    async def people(self, count: int, *, called: str = "p") -> list[Person]:
        """So many new accounts, each signed in."""
        found = []
        for number in range(count):
            opened = await self.accounts.sign_up(
                email=f"{called}{number}@example.org", password=PASSWORD, code="", user_agent="bench"
            )
            found.append(Person(opened=opened, visitor=opened.visitor))
        return found

    async def renew(self, people: list[Person]) -> None:
        """Give each a token that was just made."""
        for person in people:
            visitor = await self.accounts.of_session(person.opened.secret)
            assert visitor is not None
            person.visitor = visitor

    def worker(
        self, *, slots: int = 8, model: str = "mini", pace: float = 0.0, together: int = 1, target: str = ""
    ) -> Worker:
        """Start a fake worker; returns when it listens."""
        target = target or f"127.0.0.1:{ports.free_port()}"
        port = target.rsplit(":", 1)[1]
        notes = self.folder / f"worker-{port}.notes"
        command = [sys.executable, "-m", "bench.ledger.drawing", target, self.auth_target, notes]
        options = [f"--slots={slots}", f"--model={model}", f"--pace={pace}", f"--together={together}"]
        program = self._run([*command, *options], dict(os.environ), f"worker-{port}.log")
        program.wait_until_it_listens(int(port))
        return Worker(program=program, target=target, notes=notes)

    async def ledger(self, *gpus: str, **settings: str) -> Replica:
        """Start a replica; returns when it answers and, if it was given workers, knows one of them."""
        target = f"127.0.0.1:{ports.free_port()}"
        environment = self._environment(bind=target, gpus=",".join(gpus) or "127.0.0.1:1", settings=settings)
        name = f"tasks-{target.rsplit(':', 1)[1]}.log"
        program = self._run([sys.executable, "-m", "services.tasks"], environment, name)
        await asyncio.to_thread(program.wait_until_it_listens, int(target.rsplit(":", 1)[1]))
        channel = self.channel(target)
        stub: Any = tasks_pb2_grpc.TaskServiceStub(channel)
        replica = Replica(program=program, target=target, channel=channel, stub=stub)
        if gpus:
            await self._worker_seen(replica)
        return replica

    async def gateway(self, tasks: Replica) -> tuple[Program, int]:
        """Start a gateway; its process and its port."""
        port = ports.free_port()
        environment = {
            **os.environ, "DAYDREAM_DATA_DIR": str(self.folder / "web"), "WEB_BIND": f"127.0.0.1:{port}",
            "WEB_SERVICE_SECRET": WEB_SECRET, "AUTH_TARGET": self.auth_target, "TASKS_TARGET": tasks.target,
            "DAYDREAM_LOG_LEVEL": "WARNING",
        }  # fmt: skip
        program = self._run([sys.executable, "-m", "services.web"], environment, "web.log")
        await asyncio.to_thread(program.wait_until_it_listens, port)
        return program, port

    async def close(self) -> None:
        """End everything."""
        for channel in self._channels:
            await channel.close()
        await asyncio.to_thread(self.stack.close)

    def _run(self, command: list[Any], environment: dict[str, str], log: str) -> Program:
        return self.stack.enter_context(processes.running(command, environment=environment, log=self.folder / log))

    def _environment(self, *, bind: str, gpus: str, settings: dict[str, str]) -> dict[str, str]:
        return {
            **os.environ,
            "DAYDREAM_DATA_DIR": str(self.folder),
            "DAYDREAM_DRAIN_SECONDS": "1",
            "DAYDREAM_LOG_LEVEL": "WARNING",
            "TASKS_BIND": bind,
            "TASKS_DATABASE_URL": self.tasks_url,
            "TASKS_SERVICE_SECRET": TASKS_SECRET,
            # No bound is to be met: what is measured is what is accepted.
            "TASKS_QUEUE_LIMIT": "100000",
            "TASKS_QUEUE_LIMIT_PER_USER": "100000",
            "AUTH_TARGET": self.auth_target,
            "GPU_TARGETS": gpus,
            "NATS_URL": self._nats.url,
            **settings,
        }

    async def _worker_seen(self, replica: Replica) -> None:
        (person,) = await self.people(1, called=f"looker-{replica.target.rsplit(':', 1)[1]}-")
        request = tasks_pb2.GetCapabilitiesRequest()
        async with asyncio.timeout(READY_SECONDS):
            while True:
                with contextlib.suppress(grpc.RpcError):
                    answer = await replica.stub.GetCapabilities(request, metadata=person.metadata)
                    if answer.workers:
                        return
                # A pause between looks at a condition elsewhere, which no event of ours could tell.
                await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running(folder: Path, *, postgres: Postgres | None) -> AsyncIterator[Rig]:
    """A rig with auth and NATS, for as long as the block lasts."""
    rig = Rig(folder, postgres=postgres)
    try:
        await rig.start()
        yield rig
    finally:
        await rig.close()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def durable_postgres() -> Iterator[Postgres]:
    """A PostgreSQL of our own that syncs."""
    server = Postgres(durable=True)
    try:
        yield server
    finally:
        server.stop()
