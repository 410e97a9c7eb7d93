"""The log of what staff did, in SQL."""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.auth.models import DeedRow
from services.auth.storage import Listing
from services.auth.stores import rows
from services.auth.values import Deed, DeedKind


def _deed_of(row: DeedRow) -> Deed:
    return Deed(
        deed_id=row.deed_id,
        kind=DeedKind(row.kind),
        staff_id=row.staff_id,
        user_id=row.user_id,
        code_id=row.code_id,
        detail=row.detail,
        created_time=row.created_time,
    )


class SqlAudit:
    """Deeds; they are only ever added."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the session's transaction."""
        self._session = session

    async def add(self, deed: Deed) -> None:
        """Write a deed down."""
        await self._session.execute(
            sa.insert(DeedRow).values(
                deed_id=deed.deed_id,
                kind=deed.kind.value,
                staff_id=deed.staff_id,
                user_id=deed.user_id,
                code_id=deed.code_id,
                detail=deed.detail,
                created_time=deed.created_time,
            )
        )

    async def listing(
        self, *, user_id: str, staff_id: str, kinds: Collection[DeedKind], before: int | None, limit: int
    ) -> Listing[Deed]:
        """Deeds, to an account, by an account and of some kinds where they are given."""
        conditions = [
            column == wanted for column, wanted in ((DeedRow.user_id, user_id), (DeedRow.staff_id, staff_id)) if wanted
        ]
        if kinds:
            conditions.append(DeedRow.kind.in_([each.value for each in kinds]))
        return await rows.listing(self._session, DeedRow, *conditions, before=before, limit=limit, value=_deed_of)
