"""A plugin host in this process whose plugins have a made-up studio draw."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from flask import Flask
from qhana_plugin_runner.db.db import DB
from werkzeug.test import TestResponse

from services.foundation.bridge import Bridge
from services.foundation.consumer import Heard
from services.foundation.identity import Caller, Role, Scope
from services.plugins.generation import finishing
from services.plugins.generation.asking import EXTENSION, Easel
from services.plugins.generation.course import Course
from services.plugins.generation.follower import Follower
from services.plugins.generation.models import Drawing, DrawingPart
from services.plugins.generation.store import Drawings
from services.plugins.generation.threads import Threads
from services.plugins.generation.values import Held
from services.plugins.identity.callers import ENVIRON
from services.plugins.settings import BUNDLED_STUDIO
from tests.support import small_host
from tests.support.fake_studio import FakeGrants, FakeLedger

PERSON: Final = Caller(subject="somebody", role=Role.USER, scopes=frozenset({Scope.GENERATE}), token="of theirs")
SECONDS: Final = 120.0
TEXT: Final = "/plugins/text-to-image@v1-0-0/process/"
STARTED: Final = "/plugins/image-to-image@v1-0-0/process/"
MATRIX: Final = "/plugins/prompt-matrix@v1-0-0/process/"


@dataclass(kw_only=True)
class DrawingHost:
    """The host, and who is behind it."""

    app: Flask
    bridge: Bridge = field(default_factory=Bridge)
    ledger: FakeLedger = field(default_factory=FakeLedger)
    grants: FakeGrants = field(default_factory=FakeGrants)
    store: Callable[..., None] = finishing.end_well
    """How a drawing ends well."""
    _wakes: list[Callable[[], None]] = field(default_factory=list)

    async def ask(
        self, method: str, path: str, data: Any = None, *, caller: Caller | None = PERSON, **more: Any
    ) -> TestResponse:
        """A request, in a thread as Flask has them."""
        client = self.app.test_client()
        return await asyncio.to_thread(
            client.open, path, method=method, data=data, environ_overrides={ENVIRON: caller}, **more
        )

    async def task(self, address: str) -> dict[str, Any]:
        """A task as its address tells it."""
        told: dict[str, Any] = (await self.ask("GET", address)).get_json()
        return told

    async def ended(self, address: str) -> dict[str, Any]:
        """The task once it is finished."""
        task: dict[str, Any] = await until(lambda: self._finished(address))
        return task

    async def _finished(self, address: str) -> dict[str, Any] | None:
        task = await self.task(address)
        return task if task["status"] != "PENDING" else None

    @contextlib.asynccontextmanager
    async def following(self, holder: str = "first", *, lease_seconds: float = 30.0) -> AsyncIterator[Follower]:
        """A process that follows drawings, while the block lasts."""
        threads = Threads()
        drawings = Drawings(self.app, holder=holder, lease_seconds=lease_seconds)

        async with Follower(drawings, partial(self.course, drawings, threads), threads, every=0.05) as follower:
            self._wakes.append(follower.wake)
            yield follower
        threads.close()

    def course(self, drawings: Drawings, threads: Threads, held: Held) -> Course:
        """What follows one drawing for a process."""
        return Course(
            held, drawings=drawings, store=partial(self.store, self.app, drawings), ledger=self.ledger,
            grants=self.grants, threads=threads, pause=0.02,
        )  # fmt: skip

    def wake(self) -> None:
        """New drawings are looked for."""
        for each in self._wakes:
            each()


async def until(look: Callable[[], Any]) -> Any:
    """What `look` gives once it is not None."""
    async with asyncio.timeout(SECONDS):
        while True:
            if (found := await look()) is not None:
                return found
            # A pause between looks at a condition.
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def running(folder: Path, **config: Any) -> AsyncIterator[DrawingHost]:
    """One, with the plugins that draw, on SQLite unless `config` says otherwise; nothing follows yet."""
    memory = {"broker_url": "memory://", "result_backend": "cache+memory://"}
    app = small_host.make(folder, **{"PLUGIN_FOLDERS": [str(BUNDLED_STUDIO)], "CELERY": memory, **config})
    host = DrawingHost(app=app)
    host.bridge.attach(asyncio.get_running_loop())
    app.extensions[EXTENSION] = Easel(bridge=host.bridge, grants=host.grants, capabilities=lambda: None, wake=host.wake)
    yield host
    with app.app_context():
        DB.session.remove()
        DB.engine.dispose()


def heard(payload: bytes) -> Heard:
    """An event as a consumer hears it."""
    return Heard(event_id="an-event", payload=payload, deliveries=1)


async def begun(host: DrawingHost, path: str = TEXT, **fields: Any) -> tuple[str, str]:
    """A task that was asked for: its address, and its public id, which is the request id of a single picture."""
    answer = await host.ask("POST", path, {"prompt": "a red boat", **fields})
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"], answer.headers["Location"].rstrip("/").rpartition("/")[2]


async def forgotten(host: DrawingHost) -> None:
    """Return when nothing is left to be done for any drawing."""

    async def look() -> bool | None:
        with host.app.app_context():
            rows = DB.session.scalar(sa.select(sa.func.count()).select_from(Drawing))
            return None if rows or DB.session.scalar(sa.select(DrawingPart.number)) is not None else True

    await until(look)


async def held_at_the_ledger(host: DrawingHost, request_id: str) -> None:
    """Return when the ledger has been asked for it."""

    async def look() -> bool | None:
        return request_id in host.ledger.tasks or None

    await until(look)


async def told(host: DrawingHost, request_id: str) -> None:
    """Return when whoever watches has been told how the task is now, and again."""
    revision = host.ledger.tasks[request_id].revision

    async def look() -> bool | None:
        return host.ledger.seen.get(request_id, 0) >= revision or None

    await until(look)
