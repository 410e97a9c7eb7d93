"""Reset links in SQL."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.auth.models import ResetLinkRow
from services.auth.stores import rows
from services.auth.values import ResetLink


class SqlResetLinks:
    """Reset links: one a person at most."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the session's transaction."""
        self._session = session

    async def add(self, link: ResetLink, secret_hash: str) -> None:
        """Write a new link."""
        await self._session.execute(
            sa.insert(ResetLinkRow).values(
                user_id=link.user_id,
                secret_hash=secret_hash,
                issued_by=link.issued_by or None,
                created_time=link.created_time,
                expire_time=link.expire_time,
            )
        )

    async def find(self, secret_hash: str) -> ResetLink | None:
        """The link with this secret."""
        row = await self._session.scalar(sa.select(ResetLinkRow).where(ResetLinkRow.secret_hash == secret_hash))
        if row is None:
            return None
        return ResetLink(
            user_id=row.user_id,
            issued_by=row.issued_by or "",
            created_time=row.created_time,
            expire_time=row.expire_time,
        )

    async def remove(self, user_id: str) -> None:
        """Make a person's link void."""
        await rows.count_changed(self._session, sa.delete(ResetLinkRow).where(ResetLinkRow.user_id == user_id))
