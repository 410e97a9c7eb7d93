"""Sessions in SQL."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.auth.models import SessionRow, UserRow
from services.auth.storage import Listing
from services.auth.stores import rows
from services.auth.stores.users import user_of
from services.auth.values import Session, User


def session_of(row: SessionRow) -> Session:
    """A row as a value."""
    return Session(
        session_id=row.session_id,
        user_id=row.user_id,
        created_time=row.created_time,
        last_seen_time=row.last_seen_time,
        expire_time=row.expire_time,
        user_agent=row.user_agent,
    )


def _open(user_id: str, session_id: str, now: dt.datetime) -> sa.Select[int]:
    return sa.select(SessionRow.id).where(
        SessionRow.user_id == user_id, SessionRow.session_id == session_id, SessionRow.expire_time > now
    )


class SqlSessions:
    """Sessions."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the session's transaction."""
        self._session = session

    async def add(self, session: Session, secret_hash: str) -> None:
        """Write a new session."""
        await self._session.execute(
            sa.insert(SessionRow).values(
                session_id=session.session_id,
                user_id=session.user_id,
                secret_hash=secret_hash,
                user_agent=session.user_agent,
                created_time=session.created_time,
                last_seen_time=session.last_seen_time,
                expire_time=session.expire_time,
            )
        )

    async def find(self, secret_hash: str) -> tuple[Session, User] | None:
        """The session with this secret and its account."""
        statement = (
            sa.select(SessionRow, UserRow)
            .join(UserRow, UserRow.uuid == SessionRow.user_id)
            .where(SessionRow.secret_hash == secret_hash)
        )
        found = (await self._session.execute(statement)).one_or_none()
        return None if found is None else (session_of(found[0]), user_of(found[1]))

    async def is_open(self, user_id: str, session_id: str, now: dt.datetime) -> bool:
        """Whether the person's session is there and has not expired."""
        return await self._session.scalar(_open(user_id, session_id, now)) is not None

    async def hold_open(self, user_id: str, session_id: str, now: dt.datetime) -> bool:
        """The same; the session is locked, and rows that refer to it may still be written."""
        statement = _open(user_id, session_id, now).with_for_update(key_share=True)
        return await self._session.scalar(statement) is not None

    async def touch(self, session_id: str, now: dt.datetime) -> None:
        """Note that it was used now."""
        statement = sa.update(SessionRow).where(SessionRow.session_id == session_id).values(last_seen_time=now)
        await rows.count_changed(self._session, statement)

    async def listing(self, user_id: str, *, now: dt.datetime, before: int | None, limit: int) -> Listing[Session]:
        """A person's sessions that have not expired."""
        return await rows.listing(
            self._session,
            SessionRow,
            SessionRow.user_id == user_id,
            SessionRow.expire_time > now,
            before=before,
            limit=limit,
            value=session_of,
        )

    async def remove_by_secret(self, secret_hash: str) -> Session | None:
        """End the session with this secret, if there is one."""
        statement = sa.delete(SessionRow).where(SessionRow.secret_hash == secret_hash).returning(SessionRow)
        row = await self._session.scalar(statement.execution_options(synchronize_session=False))
        return None if row is None else session_of(row)

    async def remove(self, user_id: str, session_id: str) -> bool:
        """End one of a person's sessions."""
        statement = sa.delete(SessionRow).where(SessionRow.user_id == user_id, SessionRow.session_id == session_id)
        return await rows.count_changed(self._session, statement) > 0

    async def remove_others(self, user_id: str, keep: str) -> list[str]:
        """End a person's sessions save one."""
        statement = (
            sa.delete(SessionRow)
            .where(SessionRow.user_id == user_id, SessionRow.session_id != keep)
            .returning(SessionRow.session_id)
        )
        return list(await self._session.scalars(statement.execution_options(synchronize_session=False)))

    async def remove_expired(self, user_id: str, now: dt.datetime) -> None:
        """Forget a person's expired sessions."""
        statement = sa.delete(SessionRow).where(SessionRow.user_id == user_id, SessionRow.expire_time <= now)
        await rows.count_changed(self._session, statement)
