"""Images across tasks, as their owners deal with them."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.foundation.shielding import whole
from services.tasks import models, values
from services.tasks.archive import Choice
from services.tasks.store import rows
from services.tasks.store.base import Database


class Images:
    """Reads images."""

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


def _of(query: Any, choice: Choice) -> Any:
    query = query.join(models.Task, models.Task.id == models.Image.task_id).where(models.Task.user_id == choice.user_id)
    if choice.session_id:
        query = query.where(models.Task.sessionid == choice.session_id)
    if choice.image_ids:
        query = query.where(models.Image.uuid.in_(choice.image_ids))
    return query
