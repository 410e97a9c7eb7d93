"""Transactions and the steps that several of them share: count a change, leave the line, end a task."""

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.foundation import database
from services.tasks import models, states, values
from services.tasks.states import State
from services.tasks.store import rows

QUEUE_ID: Final = 1
EncodeEnded = Callable[[str, values.Task], bytes]
"""Writes the completion event of a task: (event id, ended task) → the outbox row's body."""


class Database:
    """Opens transactions on either database."""

    def __init__(self, engine: AsyncEngine, *, encode_ended: EncodeEnded) -> None:
        """`encode_ended` keeps this layer from knowing the wire."""
        self._sessions = database.make_sessions(engine)
        self._readers = database.make_readers(engine)
        self._postgresql = engine.dialect.name == "postgresql"
        self._encode_ended = encode_ended
        self._turn = database.WritersTurn(engine)

    @property
    def is_postgresql(self) -> bool:
        """Whether statements go to PostgreSQL; else to SQLite."""
        return self._postgresql

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A transaction that commits at the end of the block. Raises Unavailable when the database does not answer."""
        with database.translated():
            async with self._turn, self._sessions.begin() as session:
                # Rows are written where a flush says so, never by the way: a task that is written before its owner is
                # locked blocks an admission at the unique request_id, while that admission holds the owner's lock.
                with session.no_autoflush:
                    yield session

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A transaction that changes nothing. Raises Unavailable when the database does not answer."""
        with database.translated():
            async with self._readers() as session:
                yield session

    async def now(self, session: AsyncSession) -> dt.datetime:
        """The database's time: leases written by one machine are judged by another, whose clock may differ.

        An SQLite file lives on one machine, whose clock serves.
        """
        if self._postgresql:
            time: dt.datetime = (await session.execute(sa.select(sa.func.clock_timestamp()))).scalar_one()
            return time.astimezone(dt.UTC)
        return database.utc_now()

    async def lock_owner(self, session: AsyncSession, user_id: str) -> None:
        """Keep other changes of the owner's away until the end of the transaction."""
        insert = (postgresql.insert if self._postgresql else sqlite.insert)(models.Owner)
        # A conflict that does nothing would lock nothing either.
        await session.execute(
            insert.values(user_id=user_id, revision=0).on_conflict_do_update(
                index_elements=[models.Owner.user_id], set_={"revision": models.Owner.revision}
            )
        )

    async def touch(self, session: AsyncSession, row: models.Task) -> values.Task:
        """Give a changed task the owner's next revision; the task as it will be committed.

        The owner's row stays locked until then, so a watcher that has seen a revision has seen all below it.
        """
        insert = (postgresql.insert if self._postgresql else sqlite.insert)(models.Owner)
        upsert = insert.values(user_id=row.user_id, revision=1).on_conflict_do_update(
            index_elements=[models.Owner.user_id], set_={"revision": models.Owner.revision + 1}
        )
        row.revision = (await session.execute(upsert.returning(models.Owner.revision))).scalar_one()
        # The row itself is locked already, and is written once, with what else changes in this transaction.
        return rows.to_task(row)

    async def move(self, session: AsyncSession, row: models.Task, state: State) -> None:
        """Set the state and keep the count of those that wait. Comes after `touch`, as the queue is locked last."""
        old = State(row.state)
        states.require(old, state)
        row.state = state
        await session.flush()
        if (change := int(state.waits) - int(old.waits)) != 0:
            # Back to the line needs no admission: the bound was kept when the task was accepted.
            await session.execute(
                sa.update(models.Queue).where(models.Queue.id == QUEUE_ID).values(waiting=models.Queue.waiting + change)
            )

    async def stop(self, session: AsyncSession, row: models.Task) -> values.Task | None:
        """End a waiting task, or note on a running one that it is to stop; None when there is nothing to stop."""
        if State(row.state) is State.QUEUED:
            return await self.end(session, row, State.CANCELLED)
        if State(row.state) is State.RUNNING and not row.cancel_requested:
            row.cancel_requested = True
            return await self.touch(session, row)
        return None

    async def end(
        self, session: AsyncSession, row: models.Task, state: State, failure: values.Failure | None = None
    ) -> values.Task:
        """Set a terminal state with everything that follows from it, all in the caller's transaction."""
        now = await self.now(session)
        row.finished = now
        row.timer = None if row.started is None else max(0, round((now - row.started).total_seconds() * 1000))
        # The price is a whole number of tokens an image, so the division leaves nothing.
        row.charged = row.price // row.samples * rows.delivered(row)
        row.lease_owner = row.lease_until = row.worker = None
        if failure is not None:
            row.blame, row.error_reason, row.error_message = failure.blame, failure.reason, failure.message[:1024]
        # The owner's lock comes before the queue's; what `touch` reads it reads again below.
        await self.touch(session, row)
        await self.move(session, row, state)
        ended = rows.to_task(row)
        event_id = f"ended-{row.uuid}"
        session.add_all(
            (
                models.Event(event_id=event_id, payload=self._encode_ended(event_id, ended), due=now),
                models.Settlement(
                    hold_id=row.uuid,
                    user_id=row.user_id,
                    charge=row.charged,
                    reason=f"{rows.delivered(row)} of {row.samples} images delivered",
                    due=now,
                ),
            )
        )
        return ended
