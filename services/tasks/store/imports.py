"""Imported pictures in SQL: tasks that have ended when they come, and what a person may have of them."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.foundation.errors import Unavailable
from services.foundation.shielding import whole
from services.tasks import models, values
from services.tasks.files.imports import Bounds, Full, is_emptied
from services.tasks.states import State
from services.tasks.store import rows
from services.tasks.store.base import Database


class Imports:
    """Writes imports."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def full(self, user_id: str, bounds: Bounds) -> Full | None:
        """Which of the bounds a person has reached, if any; of both, the one that does not pass by itself."""
        async with self._database.read() as session:
            return await self._full(session, user_id, bounds)

    @whole
    async def add(self, new: values.NewTask, image: values.Image, bounds: Bounds) -> values.Task | Full:
        """Insert a task that has succeeded, with its image, whose files are there, unless the bounds forbid it.

        A request_id that is there already gives its task; one whose picture was deleted gives its request_id up where
        the content is the same. Raises Unavailable when that one is just being undone.
        """
        try:
            async with self._database.write() as session:
                # Behind this lock no other import of the owner's is under way, so that the count is exact.
                await self._database.lock_owner(session, new.user_id)
                before = await self._before(session, new)
                if before is not None and not (before.digest == new.digest and is_emptied(before)):
                    return before
                if (full := await self._full(session, new.user_id, bounds)) is not None:
                    return full
                if before is not None:
                    await self._give_up_request(session, before.task_id)
                row = rows.from_new(new)
                now = await self._database.now(session)
                # It was never in the queue, so that it takes no place there.
                row.state, row.place, row.date, row.finished = State.SUCCEEDED, 0, now, now
                row.images = [rows.from_image(image)]
                session.add(row)
                await session.flush()
                return await self._database.touch(session, row)
        except IntegrityError as error:
            # A submission with the same request_id, of which nobody knows yet what becomes.
            raise Unavailable(retry_after=1) from error

    @staticmethod
    async def _before(session: AsyncSession, new: values.NewTask) -> values.Task | None:
        found = await session.scalar(
            sa.select(models.Task).where(models.Task.user_id == new.user_id, models.Task.request_id == new.request_id)
        )
        return None if found is None else rows.to_task(found)

    @staticmethod
    async def _give_up_request(session: AsyncSession, task_id: str) -> None:
        # Beginning with what no caller's begins with, it is nobody's. Who has the row locked does not ask for the
        # owner's lock any more: only a task that has ended and has no image comes here.
        free = sa.update(models.Task).where(models.Task.uuid == task_id).values(request_id=f"\n{task_id}")
        await session.execute(free)

    async def _full(self, session: AsyncSession, user_id: str, bounds: Bounds) -> Full | None:
        counted = (
            sa.select(
                sa.func.count(models.Task.id),
                sa.func.count(models.Image.id),
                sa.func.coalesce(sa.func.sum(models.Image.bytes), 0),
            )
            .select_from(models.Task)
            .outerjoin(models.Image, models.Image.task_id == models.Task.id)
            .where(models.Task.user_id == user_id, models.Task.imported_from.is_not(None))
        )
        _, number, size = (await session.execute(counted)).one()
        if number >= bounds.pictures_kept or int(size) >= bounds.bytes_kept:
            return Full.IN_ALL
        since: dt.datetime = await self._database.now(session) - bounds.within
        # Here those count too whose picture was deleted since.
        number, _, size = (await session.execute(counted.where(models.Task.date > since))).one()
        return Full.LATELY if number >= bounds.pictures or int(size) >= bounds.bytes else None
