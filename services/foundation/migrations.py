"""Alembic for every service: `upgrade` under a lock with time limits, and a check at start that the schema is current.

A service's `migrations/env.py` is two lines that call `run`. Migrations suit the version that is still running, as
replicas are replaced one by one.
"""

import asyncio
import hashlib
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from services.foundation import database, settings

# Another replica's migration is waited for this long; a table that a running service holds, much less.
WAIT_SECONDS: Final = 60.0
_TABLE_LOCK: Final = "10s"
_LOCK_NOT_AVAILABLE: Final = "55P03"


class StaleSchema(Exception):
    """The database's schema is not the one this version works with."""


def _config(folder: Path, url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("version_table", "alembic_version")
    # ConfigParser reads % as interpolation.
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def lock_number(folder: Path) -> int:
    """What the service's migrations lock on PostgreSQL, by `pg_advisory_xact_lock`."""
    return int.from_bytes(hashlib.sha256(folder.parent.name.encode()).digest()[:7])


async def upgrade(url: str, folder: Path, *, wait_seconds: float = WAIT_SECONDS, to: str = "head") -> None:
    """Bring the database to the newest schema, or `to` an older one; a second caller waits for the first.

    It waits `wait_seconds` at most.
    """
    config = _config(folder, url)
    engine = database.open_engine(url)
    wait_ms = int(wait_seconds * 1000)

    def patient(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={wait_ms}")
        cursor.close()

    if engine.dialect.name == "sqlite":
        sa.event.listen(engine.sync_engine, "connect", patient)

    def work(connection: sa.Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{wait_ms}ms'"))
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": lock_number(folder)})
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_TABLE_LOCK}'"))
        config.attributes["connection"] = connection
        command.upgrade(config, to)

    try:
        async with engine.begin() as connection:
            await connection.run_sync(work)
    finally:
        await engine.dispose()


def run(context: EnvironmentContext | ModuleType, metadata: sa.MetaData) -> None:
    """What a service's `env.py` does: run the migrations on the connection that holds the lock.

    `alembic.context`, which it passes, is a module that stands in for the EnvironmentContext.
    """
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite"
    )
    context.run_migrations()


async def require_current(url: str, folder: Path, service: str) -> None:
    """Raise StaleSchema with one sentence unless the database is at the newest schema."""
    head = ScriptDirectory.from_config(_config(folder, url)).get_current_head()
    engine = database.open_engine(url)
    try:
        async with engine.connect() as connection:
            current = await connection.run_sync(lambda each: MigrationContext.configure(each).get_current_revision())
    finally:
        await engine.dispose()
    if current != head:
        raise StaleSchema(
            f"the database of {service} is at schema {current or 'none'}, this version needs {head}: "
            f"run `python -m services.{service} migrate`"
        )


def explain(error: sa.exc.OperationalError) -> str:
    """What keeps a service from its database, in one line; drivers say it in several."""
    said = " ".join(str(error.orig).split())
    if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE or said == "database is locked":
        return "the database is in use: another migration, or a service that still runs, has held it for too long"
    return f"the database cannot be reached: {said}"


def migrate_command(url: str, folder: Path) -> None:
    """What `python -m services.NAME migrate` does."""
    try:
        asyncio.run(upgrade(url, folder))
    except sa.exc.OperationalError as error:
        raise settings.complain(explain(error)) from error
