"""Auth, the ledger and its workers as processes, on databases and a NATS that the test gives: what faults are tried on.

Everything speaks over the ports it would in deployment. The workers draw what no model has to (`drawing_worker`).
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from daydream.auth.v1 import accounts_pb2, accounts_pb2_grpc, auth_pb2, auth_pb2_grpc
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.auth import bootstrap as auth_bootstrap
from services.foundation import migrations
from services.foundation.rpc import client
from services.tasks.__main__ import MIGRATIONS
from tests.support import ports
from tests.support.ledger import Person, until
from tests.support.patience import CALL_SECONDS
from tests.support.program import Program
from tests.support.sabotage import Fault

WEB_SECRET: Final = "web-secret-of-these-processes"
TASKS_SECRET: Final = "tasks-secret-of-these-processes"
PASSWORD: Final = "correct horse battery"
LEASE_SECONDS: Final = 5.0
"""Whoever lives renews it in time, on a busy machine as well."""
TOKENS: Final = 1000


class Member(Person):
    """A person with an account, who calls a replica in auth's own words."""

    def __init__(self, target: str, opened: auth_pb2.OpenedSession) -> None:
        """Connects at the first call."""
        self.name = opened.user.user_id
        self.secret = opened.session_secret
        self.session_id = opened.session.session_id
        self.token = opened.identity_token.token
        self.metadata = client.bearer(self.token)
        self.reach(target)

    def reach(self, target: str) -> None:
        """Call this replica from now on."""
        self.channel = client.channel(target, seconds=CALL_SECONDS)
        self.stub = tasks_pb2_grpc.TaskServiceStub(self.channel)

    def at(self, target: str) -> "Member":
        """The same person at another replica."""
        other = object.__new__(Member)
        other.__dict__.update(self.__dict__)
        other.reach(target)
        return other


@dataclass(frozen=True, kw_only=True)
class Places:
    """Where a system keeps what it knows."""

    auth_url: str
    """auth's database."""
    tasks_url: str
    """The ledger's database."""
    nats_url: str
    """NATS."""
    folder: Path
    """Everything else: image files in `images`, logs, the signing key."""


class System:
    """The processes of one studio."""

    def __init__(
        self,
        places: Places,
        *,
        replicas: int = 1,
        workers: int = 1,
        slots: int = 1,
        step_ms: int = 20,
        hold_after: int | None = None,
        lease_seconds: float = LEASE_SECONDS,
        queue_limit: int = 100,
        faults: Mapping[str, Sequence[Fault]] | None = None,
        clocks: Mapping[str, float] | None = None,
        model: str = "",
        **environment: str,
    ) -> None:
        """Nothing runs yet.

        `faults` are planted by program in its first life alone, `clocks` are seconds that a program's is ahead in it;
        with a `model` the workers are real ones, which draw with it; others stand still in every task after
        `hold_after` steps, of which an image has four, until `let_draw`. `environment` is for auth and the ledger,
        before what they find.
        """
        self.places = places
        self._faults, self._clocks = dict(faults or {}), dict(clocks or {})
        self.slots = slots
        self.queue_limit = queue_limit
        folder = places.folder
        self.auth_target = f"127.0.0.1:{ports.free_port()}"
        self.targets = [f"127.0.0.1:{ports.free_port()}" for _ in range(replicas)]
        self.gpu_targets = [f"127.0.0.1:{ports.free_port()}" for _ in range(workers)]
        shared = {
            "AUTH_SIGNUP_TOKENS": str(TOKENS),
            "DAYDREAM_DATA_DIR": str(folder),
            "DAYDREAM_DRAIN_SECONDS": "2",
            "AUTH_TARGET": self.auth_target,
            "NATS_URL": places.nats_url,
            **environment,
        }
        self.auth = Program(
            "auth",
            ("services.auth",),
            {
                **shared,
                "AUTH_BIND": self.auth_target,
                "AUTH_DATABASE_URL": places.auth_url,
                "AUTH_SERVICE_SECRETS": f"web={WEB_SECRET},tasks={TASKS_SECRET}",
            },
            folder,
        )
        self.tasks = [
            Program(
                f"tasks-{number}",
                ("services.tasks",),
                {
                    **shared,
                    "TASKS_BIND": target,
                    "TASKS_DATABASE_URL": places.tasks_url,
                    "TASKS_SERVICE_SECRET": TASKS_SECRET,
                    "TASKS_LEASE_SECONDS": str(lease_seconds),
                    "TASKS_QUEUE_LIMIT": str(queue_limit),
                    "TASKS_QUEUE_LIMIT_PER_USER": str(queue_limit),
                    "GPU_TARGETS": ",".join(self.gpu_targets),
                },
                folder,
            )
            for number, target in enumerate(self.targets)
        ]
        self._let_draw = folder / "let-draw"
        hold = () if hold_after is None else (str(hold_after), str(self._let_draw))
        drawing = ("services.gpu",) if model else ("tests.support.drawing_worker", str(slots), str(step_ms), *hold)
        self.workers = [
            Program(
                f"gpu-{number}",
                drawing,
                {
                    "AUTH_TARGET": self.auth_target,
                    "GPU_BIND": target,
                    "GPU_MODEL": model,
                    "GPU_SLOTS": str(slots),
                    "GPU_THREADS": "1",
                    "GPU_DEVICE": "cpu",
                    "HF_HUB_OFFLINE": "1",
                },
                folder,
            )
            for number, target in enumerate(self.gpu_targets)
        ]
        self._web_port = ports.free_port()
        self.web = Program(
            "web",
            ("services.web",),
            {
                **shared,
                "WEB_BIND": f"127.0.0.1:{self._web_port}",
                "WEB_SERVICE_SECRET": WEB_SECRET,
                "TASKS_TARGET": self.targets[0],
            },
            folder,
        )
        self._members: list[Member] = []
        self._emails = itertools.count(1)

    @property
    def programs(self) -> list[Program]:
        """All of them."""
        return [self.auth, *self.tasks, *self.workers, self.web]

    async def migrate(self) -> None:
        """Bring both databases to the newest schema."""
        await migrations.upgrade(self.places.auth_url, auth_bootstrap.MIGRATIONS)
        await migrations.upgrade(self.places.tasks_url, MIGRATIONS)

    async def start(self) -> None:
        """Start what is not running yet, web excepted; returns when a task could be submitted to every replica."""
        for program in (self.auth, *self.workers, *self.tasks):
            if not program.runs:
                program.start(*self._faults.pop(program.name, ()), clock=self._clocks.pop(program.name, 0))
        await asyncio.to_thread(self._wait_for_ports)

    def let_draw(self) -> None:
        """Let every worker go on that stands still, now and from now on."""
        self._let_draw.touch()

    def _wait_for_ports(self) -> None:
        for target in (self.auth_target, *self.gpu_targets, *self.targets):
            ports.wait_for_port(int(target.rpartition(":")[2]), seconds=240)

    async def sign_up(self, replica: int = 0) -> Member:
        """A new person, at one of the replicas."""
        request = auth_pb2.SignUpRequest(email=f"person-{next(self._emails)}@example.org", password=PASSWORD)
        opened = (await self._as_web(lambda stub, metadata: stub.SignUp(request, metadata=metadata))).opened
        member = Member(self.targets[replica], opened)
        self._members.append(member)
        return member

    async def renew(self, member: Member) -> None:
        """A fresh identity token, as the gateway fetches one for every request."""
        request = auth_pb2.ResolveSessionRequest(session_secret=member.secret)
        answer = await self._as_web(lambda stub, metadata: stub.ResolveSession(request, metadata=metadata))
        member.token = answer.identity_token.token
        member.metadata = client.bearer(member.token)

    async def sign_out(self, member: Member) -> None:
        """End the member's session."""
        request = auth_pb2.SignOutRequest(session_secret=member.secret)
        await self._as_web(lambda stub, metadata: stub.SignOut(request, metadata=metadata))

    async def delete(self, member: Member) -> None:
        """Delete the member's account."""
        async with client.channel(self.auth_target, seconds=CALL_SECONDS) as channel:
            request = accounts_pb2.DeleteUserRequest(password=PASSWORD)
            await accounts_pb2_grpc.AccountServiceStub(channel).DeleteUser(request, metadata=member.metadata)

    async def api_key(self, member: Member) -> str:
        """A key for programs, of the member's."""
        async with client.channel(self.auth_target, seconds=CALL_SECONDS) as channel:
            stub = auth_pb2_grpc.AuthServiceStub(channel)
            request = auth_pb2.CreateApiKeyRequest(name="a program")
            return str((await stub.CreateApiKey(request, metadata=member.metadata)).secret)

    async def start_web(self, *faults: Fault) -> str:
        """Start the gateway; its address."""
        self.web.start(*faults)
        await asyncio.to_thread(ports.wait_for_port, self._web_port, seconds=240)
        return f"http://127.0.0.1:{self._web_port}"

    async def _as_web(self, call: Callable[[Any, grpc.aio.Metadata], Any]) -> Any:
        async with client.channel(self.auth_target, seconds=CALL_SECONDS) as channel:
            with client.translated():
                await asyncio.wait_for(channel.channel_ready(), timeout=30)
                own = client.ServiceIdentity(channel, service="web", secret=WEB_SECRET)
                return await call(auth_pb2_grpc.AuthServiceStub(channel), await own.metadata())

    async def ready(self, member: Member, *, workers: int | None = None, seconds: float = 90) -> None:
        """Return once the member's replica knows so many workers that answer, all of them unless said otherwise."""
        wanted = len(self.workers) if workers is None else workers

        async def look() -> bool:
            try:
                answer = await member.stub.GetCapabilities(
                    tasks_pb2.GetCapabilitiesRequest(), metadata=member.metadata, wait_for_ready=True, timeout=5
                )
            except grpc.RpcError:
                return False
            return bool(answer.workers >= wanted)

        await until(look, seconds=seconds)

    async def stop(self) -> None:
        """Kill whatever runs."""
        for member in self._members:
            await member.channel.close()
        for program in self.programs:
            program.kill()


@contextlib.asynccontextmanager
async def running(system: System) -> AsyncIterator[System]:
    """The system, migrated and started; killed at the end."""
    system.places.folder.mkdir(parents=True, exist_ok=True)
    await system.migrate()
    try:
        await system.start()
        yield system
    finally:
        await system.stop()


async def patiently(call: Callable[[], Any], *, seconds: float = 90) -> Any:
    """What a call gives once it is answered: what a client does that is told to try again, or that hears nothing."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await call()
        except Exception:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
