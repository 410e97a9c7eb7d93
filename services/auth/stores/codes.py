"""Codes in SQL. A redemption is counted by one conditional UPDATE, so no crowd gets more than is allowed."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.auth.models import CodeRow, RedemptionRow
from services.auth.storage import Listing
from services.auth.stores import rows
from services.auth.values import Code, CodeKind


def _code_of(row: CodeRow) -> Code:
    return Code(
        code_id=row.code_id,
        kind=CodeKind(row.kind),
        prefix=row.prefix,
        tokens=row.tokens,
        reason=row.reason,
        max_redemptions=row.max_redemptions,
        redemptions=row.redemptions,
        created_by=row.created_by or "",
        created_time=row.created_time,
        expire_time=row.expire_time,
        withdrawn_time=row.withdrawn_time,
    )


class SqlCodes:
    """Codes and who redeemed them."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the session's transaction."""
        self._session = session

    async def add(self, code: Code, secret_hash: str) -> None:
        """Write a new code."""
        await self._session.execute(
            sa.insert(CodeRow).values(
                code_id=code.code_id,
                kind=code.kind.value,
                prefix=code.prefix,
                secret_hash=secret_hash,
                tokens=code.tokens,
                reason=code.reason,
                max_redemptions=code.max_redemptions,
                redemptions=code.redemptions,
                created_by=code.created_by or None,
                created_time=code.created_time,
                expire_time=code.expire_time,
                withdrawn_time=code.withdrawn_time,
            )
        )

    async def find(self, secret_hash: str) -> Code | None:
        """The code with this text."""
        row = await self._session.scalar(sa.select(CodeRow).where(CodeRow.secret_hash == secret_hash))
        return None if row is None else _code_of(row)

    async def listing(self, *, before: int | None, limit: int) -> Listing[Code]:
        """Every code."""
        return await rows.listing(self._session, CodeRow, before=before, limit=limit, value=_code_of)

    async def withdraw(self, code_id: str, now: dt.datetime) -> Code | None:
        """Note that a code is withdrawn; the first time stays."""
        row = await self._session.scalar(
            sa.update(CodeRow)
            .where(CodeRow.code_id == code_id)
            .values(withdrawn_time=sa.func.coalesce(CodeRow.withdrawn_time, now))
            .returning(CodeRow)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
        return None if row is None else _code_of(row)

    async def is_redeemed(self, code_id: str, user_id: str) -> bool:
        """Whether the person has redeemed it."""
        statement = sa.select(RedemptionRow.id).where(
            RedemptionRow.code_id == code_id, RedemptionRow.user_id == user_id
        )
        return await self._session.scalar(statement) is not None

    async def redeem(self, code_id: str, user_id: str, now: dt.datetime) -> bool:
        """Count and note a redemption, if the code is still worth one."""
        counted = await rows.count_changed(
            self._session,
            sa.update(CodeRow)
            .where(
                CodeRow.code_id == code_id,
                CodeRow.redemptions < CodeRow.max_redemptions,
                CodeRow.withdrawn_time.is_(None),
                sa.or_(CodeRow.expire_time.is_(None), CodeRow.expire_time > now),
            )
            .values(redemptions=CodeRow.redemptions + 1),
        )
        if not counted:
            return False
        await self._session.execute(sa.insert(RedemptionRow).values(code_id=code_id, user_id=user_id, created_time=now))
        return True

    async def forget(self, user_id: str) -> None:
        """Forget which codes a person redeemed."""
        await rows.count_changed(self._session, sa.delete(RedemptionRow).where(RedemptionRow.user_id == user_id))
