"""An inbox in SQL: which events of others a service has acted on, so that one that comes twice is acted on once."""

import datetime as dt
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from services.foundation.database import UtcDateTime

KEPT: Final = dt.timedelta(days=14)
"""Longer than any stream keeps an event, which is a week."""


class Done:
    """The columns of an inbox; an index on `done` belongs beside them."""

    event_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    done: Mapped[dt.datetime] = mapped_column(UtcDateTime)


async def first(session: AsyncSession, kind: type[Done], event_id: str, now: dt.datetime) -> bool:
    """Whether nobody has acted on the event yet; from here on, this transaction has, if it commits.

    Another transaction that acts on it at the same time is waited for. Events that no stream has any more are forgotten
    by the way.
    """
    await session.execute(sa.delete(kind).where(kind.done < now - KEPT))
    insert = (postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert)(kind)
    noted = insert.values(event_id=event_id, done=now).on_conflict_do_nothing().returning(kind.event_id)
    return await session.scalar(noted) is not None
