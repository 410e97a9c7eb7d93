"""What the tables' stores share: keyset pages and counting what a statement changed."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.auth.storage import Listing


class Numbered(Protocol):
    """A row with a number that grows."""

    id: Any


R = TypeVar("R", bound=Numbered)
T = TypeVar("T")


async def listing(
    session: AsyncSession,
    kind: type[R],
    *conditions: sa.ColumnElement[bool],
    before: int | None,
    limit: int,
    value: Callable[[R], T],
) -> Listing[T]:
    """Rows that meet the conditions, newest first, as values.

    Pages by the row's number, so that rows that come meanwhile shift nothing.
    """
    statement = sa.select(kind).where(*conditions).order_by(kind.id.desc()).limit(limit + 1)
    if before is not None:
        statement = statement.where(kind.id < before)
    rows = list(await session.scalars(statement))
    more = len(rows) > limit
    shown = rows[:limit]
    return Listing(items=tuple(value(row) for row in shown), next_cursor=shown[-1].id if more else None)


async def count_changed(session: AsyncSession, statement: sa.Delete | sa.Update) -> int:
    """Run a statement that changes rows; says how many it changed."""
    result = await session.execute(statement.execution_options(synchronize_session=False))
    changed: int = result.rowcount  # type: ignore[attr-defined]
    return changed
