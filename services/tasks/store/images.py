"""Images across tasks, as their owners deal with them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.foundation.shielding import whole
from services.tasks import models, values
from services.tasks.files.archive import Choice
from services.tasks.store import rows
from services.tasks.store.base import Database
from services.tasks.store.gallery import lock_image


class Images:
    """Reads and deletes images."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def totals(self, choice: Choice) -> tuple[int, int]:
        """How many images are meant, and the bytes of their files."""
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(models.Image.bytes), 0))
        async with self._database.read() as session:
            count, size = (await session.execute(_of(query.select_from(models.Image), choice))).one()
        return count, int(size)

    @whole
    async def chosen(self, choice: Choice, *, after: int, size: int) -> tuple[Sequence[values.Image], int | None]:
        """Up to `size` of the images meant, the oldest first, and what to give as `after` for more; None at the end."""
        query = _of(sa.select(models.Image), choice).where(models.Image.id > after)
        async with self._database.read() as session:
            found = (await session.scalars(query.order_by(models.Image.id).limit(size))).all()
        following = found[-1].id if len(found) == size else None
        return [rows.to_image(row) for row in found], following

    @whole
    async def delete(self, user_id: str, image_id: str) -> tuple[values.Task, str]:
        """Remove an image with its place in the gallery; the task after it, and the file that nobody speaks of now.

        The task remembers that it was delivered: it stays charged, and no later attempt draws it again. Raises
        ImageNotFound when it is not this owner's.
        """
        async with self._database.write() as session:
            task, image = await lock_image(session, user_id, image_id)
            task.deleted |= 1 << image.index
            await session.execute(sa.delete(models.Image).where(models.Image.id == image.id))
            await session.refresh(task, ["images"])
            return await self._database.touch(session, task), image.path


def _of(query: Any, choice: Choice) -> Any:
    query = query.join(models.Task, models.Task.id == models.Image.task_id).where(models.Task.user_id == choice.user_id)
    if choice.session_id:
        query = query.where(models.Task.sessionid == choice.session_id)
    if choice.image_ids:
        query = query.where(models.Image.uuid.in_(choice.image_ids))
    return query
