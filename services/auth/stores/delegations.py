"""Delegations in SQL."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.auth.models import DelegationRow, UserRow
from services.auth.stores import rows
from services.auth.stores.users import user_of
from services.auth.values import Delegation, User


def _delegation_of(row: DelegationRow) -> Delegation:
    return Delegation(
        delegation_id=row.delegation_id,
        user_id=row.user_id,
        session_id=row.session_id,
        reference=row.reference,
        created_time=row.created_time,
        expire_time=row.expire_time,
        end_time=row.end_time,
    )


class SqlDelegations:
    """Delegations: one a person and reference."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the session's transaction."""
        self._session = session

    async def add(self, delegation: Delegation) -> None:
        """Write a new delegation."""
        await self._session.execute(
            sa.insert(DelegationRow).values(
                delegation_id=delegation.delegation_id,
                user_id=delegation.user_id,
                session_id=delegation.session_id,
                reference=delegation.reference,
                created_time=delegation.created_time,
                expire_time=delegation.expire_time,
                end_time=delegation.end_time,
            )
        )

    async def find(self, delegation_id: str) -> tuple[Delegation, User] | None:
        """A delegation and its account."""
        statement = (
            sa.select(DelegationRow, UserRow)
            .join(UserRow, UserRow.uuid == DelegationRow.user_id)
            .where(DelegationRow.delegation_id == delegation_id)
        )
        found = (await self._session.execute(statement)).one_or_none()
        return None if found is None else (_delegation_of(found[0]), user_of(found[1]))

    async def find_by_reference(self, user_id: str, reference: str) -> Delegation | None:
        """A person's delegation for a reference."""
        row = await self._session.scalar(
            sa.select(DelegationRow).where(DelegationRow.user_id == user_id, DelegationRow.reference == reference)
        )
        return None if row is None else _delegation_of(row)

    async def end(self, delegation_id: str, now: dt.datetime) -> None:
        """Note that a delegation is ended; the first time stays."""
        statement = (
            sa.update(DelegationRow)
            .where(DelegationRow.delegation_id == delegation_id, DelegationRow.end_time.is_(None))
            .values(end_time=now)
        )
        await rows.count_changed(self._session, statement)

    async def remove_expired(self, user_id: str, now: dt.datetime) -> None:
        """Forget a person's delegations that ended by themselves, or would have by now."""
        statement = sa.delete(DelegationRow).where(DelegationRow.user_id == user_id, DelegationRow.expire_time <= now)
        await rows.count_changed(self._session, statement)

    async def remove_all(self, user_id: str) -> None:
        """Forget every delegation of a person's."""
        await rows.count_changed(self._session, sa.delete(DelegationRow).where(DelegationRow.user_id == user_id))
