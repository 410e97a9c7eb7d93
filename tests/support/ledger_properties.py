"""The real ledger on a real database for a property test, which is not asynchronous itself, and all that it holds."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa
from daydream.tasks.v1 import tasks_pb2

from services.foundation.errors import DaydreamError
from services.tasks import models
from services.tasks.errors import AuthUnavailable
from services.tasks.queue.ledger import Ledger
from services.tasks.states import State
from services.tasks.values import Image
from tests.support import fake_auth
from tests.support.fake_parts import MODEL, FakePurse, Notes
from tests.support.ledger_model import OK
from tests.support.ledger_rows import new_image, open_store

MODELS: Final = (MODEL, replace(MODEL, name="maxi"))
WORKERS: Final[Mapping[str, tuple[int, tuple[str, ...]]]] = {"gpu-1": (1, ("mini",)), "gpu-2": (2, ("mini", "maxi"))}
"""Slots, and the models that a worker runs."""
LIMIT: Final = 4
LIMIT_EACH: Final = 3
TOKENS: Final = 14


class WeatheredPurse(FakePurse):
    """A purse that can be away, or take a hold and lose its own answer."""

    weather = "fine"

    def __init__(self) -> None:
        """Everybody has the same few tokens."""
        super().__init__()
        self.kept = fake_auth.Purse(default_balance=TOKENS)

    async def hold(self, *, hold_id: str, user_id: str, tokens: int, reason: str) -> None:
        """Take tokens aside."""
        if self.weather == "auth is away":
            raise AuthUnavailable
        await super().hold(hold_id=hold_id, user_id=user_id, tokens=tokens, reason=reason)
        if self.weather == "the answer is lost":
            raise AuthUnavailable


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Everything the database holds, in one transaction."""

    tasks: Mapping[str, models.Task]
    """By id, with their images."""
    waiting: int
    """What the queue's row says."""
    letters: Mapping[str, tuple[str, int]]
    """Settlements that wait: user and charge, by task."""
    events: Mapping[str, str]
    """Completion events that wait: the state they tell, by task."""
    revisions: Mapping[str, int]
    """Each owner's counter of changes."""


class World:
    """One ledger, made empty for every run of the machine."""

    def __init__(self, url: str) -> None:
        """Migrates the database."""
        self._runner = asyncio.Runner()
        self.store = self.run(open_store(url))
        self.purse = WeatheredPurse()
        self.published: dict[str, State] = {}

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait for it."""
        return self._runner.run(work)

    def outcome(self, work: Coroutine[Any, Any, Any]) -> tuple[str, Any]:
        """What came of a call: the answer, or the reason it was refused for."""
        try:
            return OK, self.run(work)
        except DaydreamError as error:
            return error.detail_reason, None

    def close(self) -> None:
        """Let go of everything."""
        self.run(self.store.engine.dispose())
        self._runner.close()

    def empty(self) -> None:
        """Forget every task, and fill the purses."""
        self.purse = WeatheredPurse()
        self.ledger = Ledger(
            tasks=self.store.tasks,
            purse=self.purse,
            announcer=Notes(),
            models=lambda: MODELS,
            queue_limit=LIMIT,
            queue_limit_per_user=LIMIT_EACH,
            settle_now=lambda: None,
        )
        self.published = {}
        self.run(self._empty())

    async def _empty(self) -> None:
        async with self.store.database.write() as session:
            for table in (models.Image, models.Task, models.Settlement, models.Event, models.Owner):
                await session.execute(sa.delete(table))
            await session.execute(sa.update(models.Queue).values(waiting=0, last_place=0))
        for target in WORKERS:
            await self.store.workers.save(target, b"")

    def rows(self) -> Rows:
        """What there is."""
        found: Rows = self.run(self._rows())
        return found

    async def _rows(self) -> Rows:
        async with self.store.database.read() as session:
            tasks = (await session.scalars(sa.select(models.Task))).all()
            waiting = await session.scalar(sa.select(models.Queue.waiting)) or 0
            letters = (await session.scalars(sa.select(models.Settlement))).all()
            owners = (await session.scalars(sa.select(models.Owner))).all()
            events = (await session.scalars(sa.select(models.Event))).all()
        return Rows(
            tasks={row.uuid: row for row in tasks},
            waiting=waiting,
            letters={row.hold_id: (row.user_id, row.charge) for row in letters},
            events=dict(_told(row.payload) for row in events),
            revisions={row.user_id: row.revision for row in owners},
        )

    def take_settlements(self, *, crash: bool) -> None:
        """Tell auth of every end; a crash comes after auth has acted and before that is noted."""
        self.run(self._settle(crash))

    async def _settle(self, crash: bool) -> None:
        for letter in await self.store.outbox.take_settlements(100):
            await self.purse.settle(
                hold_id=letter.hold_id, user_id=letter.user_id, charge=letter.charge, reason=letter.reason
            )
            if crash:
                # As after the time for which a letter is in hand.
                await self.store.outbox.postpone_settlement(letter.hold_id, seconds=-1)
            else:
                await self.store.outbox.settled(letter.hold_id)

    def take_events(self, *, crash: bool) -> None:
        """Publish every end where a second copy is refused; a crash comes before that is noted."""
        self.run(self._publish(crash))

    async def _publish(self, crash: bool) -> None:
        for event in await self.store.outbox.take_events(100):
            task_id, state = _told(event.payload)
            self.published.setdefault(task_id, State(state))
            if crash:
                await self.store.outbox.postpone_event(event.event_id, seconds=-1)
            else:
                await self.store.outbox.published(event.event_id)


def _told(payload: bytes) -> tuple[str, str]:
    ended = tasks_pb2.TaskEnded.FromString(payload)
    return ended.task.task_id, tasks_pb2.TaskState.Name(ended.task.state).removeprefix("TASK_STATE_")


def image_of(task_id: str, index: int, attempt: int) -> Image:
    """The image an attempt delivers: the same path whenever it is delivered again."""
    return replace(new_image(index), path=f"{task_id[:2]}/{task_id}/{index}-{attempt}.png")
