"""Storage in SQL, for PostgreSQL and SQLite alike. The only place where auth speaks SQLAlchemy besides its tables."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.storage import Conflict
from services.auth.stores.keys import SqlApiKeys
from services.auth.stores.purse import SqlPurse
from services.auth.stores.sessions import SqlSessions
from services.auth.stores.users import SqlUsers
from services.foundation import database


@dataclass(frozen=True, kw_only=True)
class SqlWork:
    """One transaction."""

    users: SqlUsers
    """Accounts."""
    sessions: SqlSessions
    """Sessions."""
    keys: SqlApiKeys
    """API keys."""
    purse: SqlPurse
    """Tokens."""


class SqlStorage:
    """The database behind an engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        """Connects when first used."""
        self._writers, self._readers = database.make_sessions(engine), database.make_readers(engine)
        self._turn = database.WritersTurn(engine)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[SqlWork]:
        """A transaction that may write. Raises Conflict, and Unavailable when the database does not answer."""
        with database.translated():
            async with self._turn, _transaction(self._writers) as work:
                yield work

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlWork]:
        """A transaction that only reads. Raises Unavailable when the database does not answer."""
        with database.translated():
            async with _transaction(self._readers) as work:
                yield work


@asynccontextmanager
async def _transaction(sessions: database.Sessions) -> AsyncIterator[SqlWork]:
    try:
        async with sessions.begin() as session:
            yield SqlWork(
                users=SqlUsers(session),
                sessions=SqlSessions(session),
                keys=SqlApiKeys(session),
                purse=SqlPurse(session),
            )
    except sa.exc.IntegrityError as error:
        raise Conflict(str(error.orig)) from error
