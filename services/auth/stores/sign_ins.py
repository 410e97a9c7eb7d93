"""Sign-ins at the plugin host and their codes, in SQL. A code is used by one conditional DELETE, so it is used once."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.auth.models import SessionRow, SignInCodeRow, SignInRow, UserRow
from services.auth.stores import rows
from services.auth.stores.sessions import session_of
from services.auth.stores.users import user_of
from services.auth.values import Session, User


class SqlSignIns:
    """Sign-ins and codes; the database removes them with their session."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the session's transaction."""
        self._session = session

    async def add_code(self, session_id: str, secret_hash: str, expire_time: dt.datetime) -> None:
        """Write a new code."""
        await self._session.execute(
            sa.insert(SignInCodeRow).values(session_id=session_id, secret_hash=secret_hash, expire_time=expire_time)
        )

    async def remove_expired_codes(self, session_id: str, now: dt.datetime) -> None:
        """Forget a session's codes that nobody used in time."""
        statement = sa.delete(SignInCodeRow).where(
            SignInCodeRow.session_id == session_id, SignInCodeRow.expire_time <= now
        )
        await rows.count_changed(self._session, statement)

    async def hold_session_of_code(self, secret_hash: str) -> tuple[Session, User] | None:
        """Whose a code is; the session is locked."""
        statement = (
            sa.select(SessionRow, UserRow)
            .join(SignInCodeRow, SignInCodeRow.session_id == SessionRow.session_id)
            .join(UserRow, UserRow.uuid == SessionRow.user_id)
            .where(SignInCodeRow.secret_hash == secret_hash)
            .with_for_update(key_share=True, of=SessionRow)
        )
        return await self._whose(statement)

    async def use_code(self, secret_hash: str, now: dt.datetime) -> bool:
        """Take a code away."""
        statement = sa.delete(SignInCodeRow).where(
            SignInCodeRow.secret_hash == secret_hash, SignInCodeRow.expire_time > now
        )
        return await rows.count_changed(self._session, statement) > 0

    async def add(self, session_id: str, secret_hash: str, now: dt.datetime) -> None:
        """Write a new sign-in."""
        await self._session.execute(
            sa.insert(SignInRow).values(session_id=session_id, secret_hash=secret_hash, created_time=now)
        )

    async def keep_newest(self, session_id: str, number: int) -> None:
        """Forget a session's sign-ins save so many."""
        of_session = SignInRow.session_id == session_id
        newest_beyond = (
            sa.select(SignInRow.id).where(of_session).order_by(SignInRow.id.desc()).offset(number).limit(1)
        ).scalar_subquery()
        await rows.count_changed(self._session, sa.delete(SignInRow).where(of_session, SignInRow.id <= newest_beyond))

    async def find(self, secret_hash: str) -> tuple[Session, User] | None:
        """The session of the sign-in with this secret, and its account."""
        statement = (
            sa.select(SessionRow, UserRow)
            .join(SignInRow, SignInRow.session_id == SessionRow.session_id)
            .join(UserRow, UserRow.uuid == SessionRow.user_id)
            .where(SignInRow.secret_hash == secret_hash)
        )
        return await self._whose(statement)

    async def _whose(self, statement: sa.Select[SessionRow, UserRow]) -> tuple[Session, User] | None:
        found = (await self._session.execute(statement)).one_or_none()
        return None if found is None else (session_of(found[0]), user_of(found[1]))
