"""Storage in SQL, for PostgreSQL and SQLite alike. The only place where auth speaks SQLAlchemy besides its tables."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from services.auth.storage import Conflict
from services.auth.stores.audit import SqlAudit
from services.auth.stores.codes import SqlCodes
from services.auth.stores.delegations import SqlDelegations
from services.auth.stores.keys import SqlApiKeys
from services.auth.stores.outbox import Encode, SqlEvents, SqlOutbox
from services.auth.stores.purse import SqlPurse
from services.auth.stores.resets import SqlResetLinks
from services.auth.stores.sessions import SqlSessions
from services.auth.stores.sign_ins import SqlSignIns
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
    codes: SqlCodes
    """Codes."""
    resets: SqlResetLinks
    """Reset links."""
    sign_ins: SqlSignIns
    """Sign-ins at the plugin host."""
    delegations: SqlDelegations
    """Delegations."""
    audit: SqlAudit
    """What staff did."""
    outbox: SqlOutbox
    """Events."""


class SqlStorage:
    """The database behind an engine."""

    def __init__(self, engine: AsyncEngine, *, encode: Encode) -> None:
        """Connects when first used; `encode` keeps this layer from knowing the wire."""
        self._writers, self._readers = database.make_sessions(engine), database.make_readers(engine)
        self._turn = database.WritersTurn(engine)
        self._encode = encode
        self._listeners: list[Callable[[], None]] = []
        self.events = SqlEvents(read=self._reading, write=self._writing)

    def listen(self, written: Callable[[], None]) -> None:
        """Call back whenever a transaction that wrote down an event is committed."""
        self._listeners.append(written)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[SqlWork]:
        """A transaction that may write. Raises Conflict, and Unavailable when the database does not answer."""
        async with self._writing() as session:
            work = self._work(session)
            yield work
        if work.outbox.used:
            for written in self._listeners:
                written()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[SqlWork]:
        """A transaction that only reads. Raises Unavailable when the database does not answer."""
        async with self._reading() as session:
            yield self._work(session)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncSession]:
        with database.translated():
            async with self._turn, _transaction(self._writers) as session:
                yield session

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncSession]:
        with database.translated():
            async with _transaction(self._readers) as session:
                yield session

    def _work(self, session: AsyncSession) -> SqlWork:
        return SqlWork(
            users=SqlUsers(session),
            sessions=SqlSessions(session),
            keys=SqlApiKeys(session),
            purse=SqlPurse(session),
            codes=SqlCodes(session),
            resets=SqlResetLinks(session),
            sign_ins=SqlSignIns(session),
            delegations=SqlDelegations(session),
            audit=SqlAudit(session),
            outbox=SqlOutbox(session, self._encode),
        )


@asynccontextmanager
async def _transaction(sessions: database.Sessions) -> AsyncIterator[AsyncSession]:
    try:
        async with sessions.begin() as session:
            yield session
    except sa.exc.IntegrityError as error:
        raise Conflict(str(error.orig)) from error
