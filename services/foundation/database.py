"""One way to open a database: psycopg 3 in deployment, SQLite in WAL as the embedded default.

On SQLite every transaction that may write begins with BEGIN IMMEDIATE, so that two of them queue up instead of failing
half-way with "database is locked". `FOR UPDATE SKIP LOCKED` is dropped by SQLAlchemy there, so one query serves both.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from services.foundation import errors, logs

log = logs.logger(__name__)
Sessions = async_sessionmaker[AsyncSession]
READ_ONLY: Final = "daydream_read_only"
_TURN_SECONDS: Final = 10.0
_CONNECTIONS: Final = 15
"""Of a process; more would wait for each other inside the server instead."""


def open_engine(url: str) -> AsyncEngine:
    """An engine for `postgresql+psycopg://…` or `sqlite+aiosqlite:///…`. Opens no connection yet.

    What its errors say goes to logs, so they leave out the values of a statement, hashes and addresses among them.
    """
    if sa.make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(
            url,
            hide_parameters=True,
            # Kept open rather than opened in every rush, which takes longer than what is mostly done with them. Nor are
            # they tried out first, a round trip for every transaction: the first one that finds the server gone makes
            # the pool let go of all of them, and is answered like any other while the server is away.
            pool_size=_CONNECTIONS,
            max_overflow=0,
            pool_timeout=_TURN_SECONDS,
            connect_args={
                # A host that is switched off refuses nothing; it just never answers.
                "connect_timeout": 5,
                "options": "-c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000",
            },
        )
    database = sa.make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, hide_parameters=True, connect_args={"timeout": 10})
    sa.event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    sa.event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own BEGIN comes too late and is DEFERRED; ours comes from the hook below.
    connection.isolation_level = None
    cursor = connection.cursor()
    # FULL, not NORMAL: an answered write must survive a power cut.
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=10000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
    # SQLite's own knows the letters of English only, and a search in any case is not to miss "Über".
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: object) -> str | None:
    return None if value is None else str(value).lower()


def _begin_sqlite(connection: sa.Connection) -> None:
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def make_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions that may write; objects stay readable after commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def make_readers(engine: AsyncEngine) -> Sessions:
    """Sessions that only read; on SQLite they never wait for a writer.

    On PostgreSQL each statement stands for itself, as each would have a view of its own anyway: a transaction round it
    would be two round trips more.
    """
    options: dict[str, Any] = {READ_ONLY: True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "AUTOCOMMIT"
    return async_sessionmaker(engine.execution_options(**options), expire_on_commit=False)


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise what a database fails with that does not answer, or not in time, as Unavailable."""
    try:
        yield
    except (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError) as error:
        log.warning("database", error=repr(error.__cause__ or error))
        raise errors.Unavailable(retry_after=1) from error


class WritersTurn:
    """What writers hold while they write, first come, first served; `async with` it round every such transaction.

    SQLite lets one writer in at a time and makes the others poll, so that in a crowd some may never get in; waiting in
    line here is quicker and fair. PostgreSQL needs no such line.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        """One for an engine, whoever writes through it."""
        self._line = asyncio.Lock() if engine.dialect.name == "sqlite" else None

    async def __aenter__(self) -> None:
        """Wait for the turn. Raises SQLAlchemy's TimeoutError, as a pool without a free connection does."""
        if self._line is None:
            return
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                await self._line.acquire()
        except TimeoutError as error:
            raise sa.exc.TimeoutError(f"no turn to write within {_TURN_SECONDS:g} s") from error

    async def __aexit__(self, *_: object) -> None:
        """Let the next one in."""
        if self._line is not None:
            self._line.release()


class UtcDateTime(sa.types.TypeDecorator[dt.datetime]):
    """Aware datetimes in UTC on both databases; SQLite itself would lose the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """Store UTC. A naive datetime is a mistake of the caller's."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time needs its zone")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: sa.Dialect) -> dt.datetime | None:
        """Give back UTC."""
        return value.replace(tzinfo=dt.UTC) if value is not None and value.tzinfo is None else value


def utc_now() -> dt.datetime:
    """The time, with its zone."""
    return dt.datetime.now(dt.UTC)
