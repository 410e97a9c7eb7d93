"""Letters of an outbox in SQL: taken with a due time, so that a crash while telling only means a repeat."""

import datetime as dt
from collections.abc import Sequence
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from services.foundation.database import UtcDateTime
from services.foundation.outbox import IN_HAND_SECONDS

IN_HAND: Final = dt.timedelta(seconds=IN_HAND_SECONDS)


class Waiting:
    """The columns every table of letters has; an index on `due` belongs beside them."""

    attempts: Mapped[int] = mapped_column(default=0)
    due: Mapped[dt.datetime] = mapped_column(UtcDateTime)


Row = TypeVar("Row", bound=Waiting)


async def any_due(session: AsyncSession, kind: type[Row], now: dt.datetime) -> bool:
    """Whether anything can be taken: asked first, in a transaction that only reads, as mostly there is nothing."""
    return await session.scalar(sa.select(kind.due).where(kind.due <= now).limit(1)) is not None


async def take(session: AsyncSession, kind: type[Row], *, most: int, now: dt.datetime) -> Sequence[Row]:
    """Rows that are due, the longest first, with their next due time set; in a transaction that writes."""
    found = await session.scalars(
        sa.select(kind).where(kind.due <= now).order_by(kind.due).limit(most).with_for_update(skip_locked=True)
    )
    taken = found.all()
    for row in taken:
        row.attempts += 1
        row.due = now + IN_HAND
    return taken
