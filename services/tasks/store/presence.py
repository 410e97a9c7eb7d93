"""Leases of sessions in which the studio is open, and what their owners chose, in SQL."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from services.foundation.shielding import whole
from services.tasks import models, values
from services.tasks.states import State
from services.tasks.store.base import Database


class Presences:
    """Reads and writes leases of sessions."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def renew(self, user_id: str, session_id: str, *, seconds: float) -> None:
        """The session is here for so long from now on."""
        async with self._database.write() as session:
            until = await self._database.now(session) + dt.timedelta(seconds=seconds)
            insert = (postgresql.insert if self._database.is_postgresql else sqlite.insert)(models.Presence)
            await session.execute(
                insert.values(session_id=session_id, user_id=user_id, until=until).on_conflict_do_update(
                    index_elements=[models.Presence.session_id], set_={"until": until, "user_id": user_id}
                )
            )

    @whole
    async def cancels(self, user_id: str) -> bool:
        """Whether this person's tasks are cancelled when they leave."""
        async with self._database.read() as session:
            chosen = sa.select(models.Owner.cancel_on_leave).where(models.Owner.user_id == user_id)
            return bool(await session.scalar(chosen))

    @whole
    async def choose(self, user_id: str, *, cancel: bool) -> None:
        """Keep a choice."""
        async with self._database.write() as session:
            await self._database.lock_owner(session, user_id)
            await session.execute(
                sa.update(models.Owner).where(models.Owner.user_id == user_id).values(cancel_on_leave=cancel)
            )

    @whole
    async def leave_one(self) -> values.Left | None:
        """Do one step for one session whose lease lapsed; None when there is none that nobody else deals with.

        A step cancels one task of the session, or, when none is left to cancel, removes the lease. One task at a time,
        as each locks its owner and the queue, which whoever has another task locked may be waiting for.
        """
        async with self._database.read() as session:
            now = await self._database.now(session)
            # Asked first, in a transaction that only reads, as mostly there is nobody.
            lapsed = sa.select(models.Presence.until).where(models.Presence.until < now).limit(1)
            if await session.scalar(lapsed) is None:
                return None
        async with self._database.write() as session:
            # Locked until the end, so a lease that is renewed now counts before the step or after it.
            lease = await session.scalar(
                sa.select(models.Presence)
                .where(models.Presence.until < now)
                .order_by(models.Presence.until)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if lease is None:
                return None
            chosen = sa.select(models.Owner.cancel_on_leave).where(models.Owner.user_id == lease.user_id)
            row = await self._next(session, lease) if await session.scalar(chosen) else None
            if row is None:
                await session.delete(lease)
                return values.Left(session_id=lease.session_id, task=None)
            if State(row.state) is State.QUEUED:
                task = await self._database.end(session, row, State.CANCELLED)
            else:
                row.cancel_requested = True
                task = await self._database.touch(session, row)
            return values.Left(session_id=lease.session_id, task=task)

    @staticmethod
    async def _next(session: AsyncSession, lease: models.Presence) -> models.Task | None:
        return await session.scalar(
            sa.select(models.Task)
            .where(
                models.Task.user_id == lease.user_id,
                models.Task.sessionid == lease.session_id,
                models.Task.from_studio,
                models.Task.state.in_((State.QUEUED, State.RUNNING)),
                models.Task.cancel_requested.is_(False),
            )
            .order_by(models.Task.place)
            .limit(1)
            .with_for_update()
        )
