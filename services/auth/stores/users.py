"""Accounts in SQL."""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.auth.models import ApiKeyRow, SessionRow, UserRow
from services.auth.storage import Credentials, Listing
from services.auth.stores import rows
from services.auth.values import User
from services.foundation.identity import Role


def user_of(row: UserRow) -> User:
    """A row as a value."""
    return User(
        user_id=row.uuid,
        email=row.email,
        username=row.username,
        first_name=row.first_name,
        last_name=row.last_name,
        mobile=row.mobile,
        role=Role(row.role),
        active=row.state,
        subscription=row.subscription,
        tokens=row.tokens,
        created_time=row.created_time,
        latest_session_id=row.session_id or "",
        deleted=row.deleted_time is not None,
    )


_THERE: Final = UserRow.deleted_time.is_(None)
_SEARCHED: Final = (UserRow.email, UserRow.username, UserRow.first_name, UserRow.last_name, UserRow.uuid)


def _wanted(query: str, user_ids: Collection[str]) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = [_THERE]
    if query:
        conditions.append(sa.or_(*(column.icontains(query, autoescape=True) for column in _SEARCHED)))
    if user_ids:
        conditions.append(UserRow.uuid.in_(user_ids))
    return conditions


class SqlUsers:
    """Accounts."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the session's transaction."""
        self._session = session

    async def add(self, user: User, password_hash: str) -> None:
        """Write a new account."""
        await self._session.execute(
            sa.insert(UserRow).values(
                uuid=user.user_id,
                session_id=user.latest_session_id or None,
                email=user.email,
                mobile=user.mobile,
                password_hash=password_hash,
                tokens=user.tokens,
                username=user.username,
                first_name=user.first_name,
                last_name=user.last_name,
                role=user.role.value,
                state=user.active,
                subscription=user.subscription,
                created_time=user.created_time,
            )
        )

    async def lock(self, user_id: str) -> User | None:
        """One account, locked against changes; rows that refer to it may still be written."""
        statement = sa.select(UserRow).where(UserRow.uuid == user_id).with_for_update(key_share=True)
        row = await self._session.scalar(statement.execution_options(populate_existing=True))
        return None if row is None else user_of(row)

    async def lock_active_staff(self) -> list[str]:
        """The staff accounts that may sign in, locked one after the other in the same order by everybody."""
        statement = (
            sa.select(UserRow.uuid)
            .where(UserRow.role == Role.STAFF.value, UserRow.state)
            .order_by(UserRow.id)
            .with_for_update(key_share=True)
        )
        return list(await self._session.scalars(statement))

    async def get(self, user_id: str) -> User | None:
        """One account."""
        row = await self._session.scalar(sa.select(UserRow).where(UserRow.uuid == user_id, _THERE))
        return None if row is None else user_of(row)

    async def credentials(self, *, email: str | None = None, user_id: str | None = None) -> Credentials | None:
        """One account and its password hash."""
        condition = UserRow.email == email if email is not None else UserRow.uuid == user_id
        row = await self._session.scalar(sa.select(UserRow).where(condition, _THERE))
        return None if row is None else Credentials(user=user_of(row), password_hash=row.password_hash)

    async def listing(self, *, query: str, user_ids: Collection[str], before: int | None, limit: int) -> Listing[User]:
        """Accounts whose email, name or id contains the query, any case, and of these ids where any is given."""
        wanted = _wanted(query, user_ids)
        return await rows.listing(self._session, UserRow, *wanted, before=before, limit=limit, value=user_of)

    async def count(self, *, query: str, user_ids: Collection[str]) -> int:
        """How many accounts such a listing has over all its pages."""
        statement = sa.select(sa.func.count()).select_from(UserRow).where(*_wanted(query, user_ids))
        return await self._session.scalar(statement) or 0

    async def last_seen(self, user_ids: Collection[str]) -> Mapping[str, dt.datetime]:
        """When a session or key of each account was last used, for all of them in one go."""
        used = sa.union_all(
            sa.select(SessionRow.user_id, SessionRow.last_seen_time.label("used")).where(
                SessionRow.user_id.in_(user_ids)
            ),
            sa.select(ApiKeyRow.user_id, ApiKeyRow.last_used_time).where(
                ApiKeyRow.user_id.in_(user_ids), ApiKeyRow.last_used_time.is_not(None)
            ),
        ).subquery()
        statement = sa.select(used.c.user_id, sa.func.max(used.c.used)).group_by(used.c.user_id)
        return {row[0]: row[1] for row in await self._session.execute(statement)}

    async def change(self, user_id: str, changes: Mapping[str, str]) -> User | None:
        """Set profile fields by name."""
        return await self._change(UserRow.uuid == user_id, changes)

    async def set_active(self, user_id: str, active: bool) -> User | None:
        """Suspend or restore."""
        return await self._change(UserRow.uuid == user_id, {"state": active})

    async def erase(self, user_id: str, now: dt.datetime) -> None:
        """Overwrite all that says whose account it was; no address looks like what stands in for this one."""
        nobody = {"email": f"deleted {user_id}", "password_hash": "", "session_id": None, "mobile": ""}
        nameless = {"username": "", "first_name": "", "last_name": ""}
        await self._change(UserRow.uuid == user_id, {**nobody, **nameless, "state": False, "deleted_time": now})

    async def replace_password(self, user_id: str, *, old_hash: str, new_hash: str) -> bool:
        """Set the password hash if it is still the old one."""
        statement = (
            sa.update(UserRow)
            .where(UserRow.uuid == user_id, UserRow.password_hash == old_hash)
            .values(password_hash=new_hash)
        )
        return await rows.count_changed(self._session, statement) > 0

    async def note_session(self, user_id: str, *, password_hash: str, session_id: str) -> User | None:
        """Note the latest session if the password is still the checked one and the account active."""
        condition = sa.and_(UserRow.uuid == user_id, UserRow.password_hash == password_hash, UserRow.state)
        return await self._change(condition, {"session_id": session_id})

    async def _change(self, condition: sa.ColumnElement[bool], changes: Mapping[str, Any]) -> User | None:
        row = await self._session.scalar(
            sa.update(UserRow)
            .where(condition, _THERE)
            .values(**changes)
            .returning(UserRow)
            .execution_options(synchronize_session=False, populate_existing=True)
        )
        return None if row is None else user_of(row)
