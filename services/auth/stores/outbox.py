"""Events that other services must still be told, in SQL: written with what they speak of, removed once published."""

import datetime as dt
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.auth.models import EventRow
from services.auth.stores import rows
from services.auth.values import Event
from services.foundation import outbox, outbox_table
from services.foundation.database import utc_now
from services.foundation.shielding import whole

Encode = Callable[[Event], tuple[str, bytes]]
"""Gives the subject and the body of an event."""
Transaction = Callable[[], AbstractAsyncContextManager[AsyncSession]]


class SqlOutbox:
    """Where a transaction leaves its events."""

    def __init__(self, session: AsyncSession, encode: Encode) -> None:
        """Works within the session's transaction."""
        self._session, self._encode = session, encode
        self.used = False

    async def add(self, event: Event) -> None:
        """Write down an event; it is published once the transaction is committed."""
        subject, payload = self._encode(event)
        await self._session.execute(
            sa.insert(EventRow).values(
                event_id=event.event_id, subject=subject, payload=payload, attempts=0, due=utc_now()
            )
        )
        self.used = True


class SqlEvents:
    """The same events, as the relay takes them.

    Due times are this machine's: replicas whose clocks differ tell an event twice at worst, which does no harm.
    """

    def __init__(self, *, read: Transaction, write: Transaction) -> None:
        """Transactions that read, and that write."""
        self._read, self._write = read, write

    @whole
    async def take_events(self, most: int) -> Sequence[outbox.Event]:
        """Take events that are due."""
        now = utc_now()
        async with self._read() as session:
            if not await outbox_table.any_due(session, EventRow, now):
                return ()
        async with self._write() as session:
            return [
                outbox.Event(event_id=row.event_id, subject=row.subject, payload=row.payload, attempts=row.attempts)
                for row in await outbox_table.take(session, EventRow, most=most, now=now)
            ]

    @whole
    async def published(self, event_id: str) -> None:
        """JetStream has the event."""
        async with self._write() as session:
            await rows.count_changed(session, sa.delete(EventRow).where(EventRow.event_id == event_id))

    @whole
    async def postpone_event(self, event_id: str, *, seconds: float) -> None:
        """Try again later."""
        due = utc_now() + dt.timedelta(seconds=seconds)
        async with self._write() as session:
            await rows.count_changed(session, sa.update(EventRow).where(EventRow.event_id == event_id).values(due=due))
