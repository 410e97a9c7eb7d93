"""The ledger's store on a fresh database, and what a test puts into it."""

import datetime as dt
import itertools
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.foundation import database, migrations
from services.tasks import models
from services.tasks.__main__ import MIGRATIONS
from services.tasks.asking.ingredients import Parameters
from services.tasks.store.base import Database
from services.tasks.store.leases import Leases
from services.tasks.store.outbox import Outbox
from services.tasks.store.tasks import Tasks
from services.tasks.store.workers import Workers
from services.tasks.values import Image, Lease, NewTask
from services.tasks.wire import messages

_NUMBERS = itertools.count(1)
PARAMETERS = Parameters(
    prompt="a red circle",
    negative_prompt="",
    model="mini",
    sampler="DDIM",
    steps=4,
    guidance=2.5,
    width=64,
    height=64,
    seed=None,
    samples=2,
)


def new_task(user_id: str = "ada", **changes: Any) -> NewTask:
    """A submission that nothing is wrong with."""
    number = next(_NUMBERS)
    usual = NewTask(
        task_id=f"task-{number}",
        user_id=user_id,
        session_id="session-1",
        request_id=f"request-{number}",
        digest="d",
        parameters=PARAMETERS,
        price=2,
    )
    return replace(usual, **changes)


def new_image(index: int) -> Image:
    """An image whose file need not be there."""
    number = next(_NUMBERS)
    return Image(
        image_id=f"image-{number}",
        index=index,
        path=f"aa/{number}/{index}-1.png",
        seed=7 + index,
        width=64,
        height=64,
        bytes=100,
        sha256="0" * 64,
        created=dt.datetime.now(dt.UTC),
    )


class Store:
    """Every part of the store on one database."""

    def __init__(self, engine: AsyncEngine) -> None:
        """The schema is there already."""
        self.engine = engine
        self.database = Database(engine, encode_ended=messages.to_task_ended)
        self.tasks = Tasks(self.database)
        self.outbox = Outbox(self.database)
        self.workers = Workers(self.database)

    def leases(self, owner: str = "replica-1", *, seconds: float = 3600) -> Leases:
        """Leases as one dispatcher has them; no test outlives them unless it says so."""
        return Leases(self.database, owner=owner, seconds=seconds)

    async def queued(self, user_id: str = "ada", **changes: Any) -> str:
        """The id of a task that waits, its price held."""
        task = await self.tasks.admit(new_task(user_id, **changes), limit=1000)
        assert task is not None
        assert await self.tasks.confirm(task.task_id) is not None
        return task.task_id

    async def count(self, table: Any, *conditions: Any) -> int:
        """Rows of a table."""
        async with self.database.read() as session:
            return await session.scalar(sa.select(sa.func.count()).select_from(table).where(*conditions)) or 0

    async def presences(self) -> list[tuple[str, str]]:
        """Who has a lease for which session."""
        async with self.database.read() as session:
            rows = await session.execute(sa.select(models.Presence.user_id, models.Presence.session_id))
            return sorted((user_id, session_id) for user_id, session_id in rows)

    async def waiting(self) -> int:
        """What the queue's own row says."""
        async with self.database.read() as session:
            return await session.scalar(sa.select(models.Queue.waiting)) or 0


async def open_store(url: str) -> Store:
    """A store on a freshly migrated database; its engine is the caller's to dispose of."""
    await migrations.upgrade(url, MIGRATIONS)
    return Store(database.open_engine(url))


async def claim(store: Store, target: str = "gpu-1", *, owner: str = "replica-1", slots: int = 1) -> Lease:
    """The lease of the task that a worker gets next; there must be one."""
    claimed = await store.leases(owner).claim(target, model_names=["mini"], slots=slots)
    assert claimed is not None
    return claimed[0]
