"""One way to open a database: psycopg 3 in deployment, SQLite in WAL as the embedded default.

On SQLite every transaction that may write begins with BEGIN IMMEDIATE, so that two of them queue up instead of failing
half-way with "database is locked". `FOR UPDATE SKIP LOCKED` is dropped by SQLAlchemy there, so one query serves both.
"""

import datetime as dt
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

Sessions = async_sessionmaker[AsyncSession]
READ_ONLY: Final = "daydream_read_only"


def open_engine(url: str) -> AsyncEngine:
    """An engine for `postgresql+psycopg://…` or `sqlite+aiosqlite:///…`. Opens no connection yet.

    What its errors say goes to logs, so they leave out the values of a statement, hashes and addresses among them.
    """
    if sa.make_url(url).get_backend_name() != "sqlite":
        return create_async_engine(
            url,
            hide_parameters=True,
            pool_pre_ping=True,
            connect_args={"options": "-c lock_timeout=5000 -c idle_in_transaction_session_timeout=30000"},
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


def _begin_sqlite(connection: sa.Connection) -> None:
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def make_sessions(engine: AsyncEngine) -> Sessions:
    """Sessions that may write; objects stay readable after commit."""
    return async_sessionmaker(engine, expire_on_commit=False)


def make_readers(engine: AsyncEngine) -> Sessions:
    """Sessions that only read; on SQLite they never wait for a writer."""
    return async_sessionmaker(engine.execution_options(**{READ_ONLY: True}), expire_on_commit=False)


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
