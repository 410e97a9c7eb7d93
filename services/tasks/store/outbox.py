"""What other services must still be told: settlements and completion events."""

import datetime as dt
from collections.abc import Sequence
from typing import TypeVar

import sqlalchemy as sa

from services.foundation import events, outbox, outbox_table
from services.foundation.shielding import whole
from services.tasks import models, values
from services.tasks.store.base import Database

Row = TypeVar("Row", models.Settlement, models.Event)


class Outbox:
    """Settlements and events that wait."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def take_settlements(self, most: int) -> Sequence[values.Settlement]:
        """Take settlements that are due."""
        return [
            values.Settlement(
                hold_id=row.hold_id, user_id=row.user_id, charge=row.charge, reason=row.reason, attempts=row.attempts
            )
            for row in await self._take(models.Settlement, most)
        ]

    @whole
    async def take_events(self, most: int) -> Sequence[outbox.Event]:
        """Take events that are due."""
        return [
            outbox.Event(event_id=row.event_id, subject=events.TASK_ENDED, payload=row.payload, attempts=row.attempts)
            for row in await self._take(models.Event, most)
        ]

    @whole
    async def settled(self, hold_id: str) -> values.Task | None:
        """Auth acknowledged: note the time on the task, which is returned; None where the task was undone."""
        async with self._database.write() as session:
            row = await session.scalar(sa.select(models.Task).where(models.Task.uuid == hold_id).with_for_update())
            await session.execute(sa.delete(models.Settlement).where(models.Settlement.hold_id == hold_id))
            if row is None:
                return None
            row.settled = row.settled or await self._database.now(session)
            return await self._database.touch(session, row)

    @whole
    async def published(self, event_id: str) -> None:
        """JetStream has the event."""
        async with self._database.write() as session:
            await session.execute(sa.delete(models.Event).where(models.Event.event_id == event_id))

    @whole
    async def postpone_settlement(self, hold_id: str, *, seconds: float) -> None:
        """Try again later."""
        async with self._database.write() as session:
            due = await self._database.now(session) + dt.timedelta(seconds=seconds)
            await session.execute(
                sa.update(models.Settlement).where(models.Settlement.hold_id == hold_id).values(due=due)
            )

    @whole
    async def postpone_event(self, event_id: str, *, seconds: float) -> None:
        """Try again later."""
        async with self._database.write() as session:
            due = await self._database.now(session) + dt.timedelta(seconds=seconds)
            await session.execute(sa.update(models.Event).where(models.Event.event_id == event_id).values(due=due))

    async def _take(self, kind: type[Row], most: int) -> Sequence[Row]:
        async with self._database.read() as session:
            now = await self._database.now(session)
            if not await outbox_table.any_due(session, kind, now):
                return ()
        async with self._database.write() as session:
            return await outbox_table.take(session, kind, most=most, now=now)
