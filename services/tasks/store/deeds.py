"""What staff did, in SQL."""

from collections.abc import Sequence

import shortuuid
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.foundation.shielding import whole
from services.tasks import models
from services.tasks.machine.deeds import Deed, DeedKind
from services.tasks.store.base import Database


async def note(
    database: Database,
    session: AsyncSession,
    kind: DeedKind,
    *,
    by: str,
    user_id: str,
    task_id: str = "",
    gallery_id: str = "",
    detail: str,
) -> None:
    """Write down what staff do within the deed's own transaction."""
    session.add(
        models.Deed(
            uuid=shortuuid.uuid(),
            kind=kind,
            staff_id=by,
            user_id=user_id,
            task_id=task_id,
            gallery_id=gallery_id,
            detail=detail,
            date=await database.now(session),
        )
    )


class Deeds:
    """Reads the log."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def page(
        self, *, user_id: str, staff_id: str, before: int | None, size: int
    ) -> tuple[Sequence[Deed], int | None]:
        """Up to `size` deeds, newest first, and what to give as `before` for the next page."""
        query = sa.select(models.Deed)
        if user_id:
            query = query.where(models.Deed.user_id == user_id)
        if staff_id:
            query = query.where(models.Deed.staff_id == staff_id)
        if before is not None:
            query = query.where(models.Deed.id < before)
        async with self._database.read() as session:
            found = (await session.scalars(query.order_by(models.Deed.id.desc()).limit(size + 1))).all()
        following = found[size - 1].id if len(found) > size else None
        return [_deed(row) for row in found[:size]], following


def _deed(row: models.Deed) -> Deed:
    return Deed(
        deed_id=row.uuid,
        kind=DeedKind(row.kind),
        staff_id=row.staff_id,
        user_id=row.user_id,
        task_id=row.task_id,
        gallery_id=row.gallery_id,
        detail=row.detail,
        created=row.date,
    )
