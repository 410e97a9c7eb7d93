"""The migrations make exactly the tables that the models describe."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from daydream.auth.v1 import auth_pb2

from services.auth import bootstrap, models
from services.foundation import database, migrations
from tests.support.auth import running_auth

# Every schema there was, oldest first.
STEPS = sorted(path.name.partition("_")[0] for path in (bootstrap.MIGRATIONS / "versions").glob("*.py"))


def tables(connection: sa.Connection) -> set[str]:
    """Names of the tables there are."""
    return set(sa.inspect(connection).get_table_names())


def differences(connection: sa.Connection) -> list[Any]:
    """What `alembic check` would complain of."""
    return list(compare_metadata(MigrationContext.configure(connection), models.Base.metadata))


async def inspect(url: str, question: Any) -> Any:
    """Ask a connection something."""
    engine = database.open_engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(question)
    finally:
        await engine.dispose()


async def test_an_empty_database_is_brought_to_what_the_models_say(database_url: str) -> None:
    await migrations.upgrade(database_url, bootstrap.MIGRATIONS)

    assert await inspect(database_url, differences) == []
    await migrations.require_current(database_url, bootstrap.MIGRATIONS, "auth")


async def test_migrating_twice_or_from_two_places_at_once_is_harmless(database_url: str) -> None:
    await asyncio.gather(*(migrations.upgrade(database_url, bootstrap.MIGRATIONS) for _ in range(2)))

    await migrations.upgrade(database_url, bootstrap.MIGRATIONS)

    assert await inspect(database_url, tables) == {*models.Base.metadata.tables, "alembic_version"}


async def test_a_migration_that_waits_in_vain_says_what_for(new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url()
    engine = database.open_engine(url)

    async with engine.begin() as other:
        number = migrations.lock_number(bootstrap.MIGRATIONS)
        await other.execute(sa.text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})
        with pytest.raises(sa.exc.OperationalError) as refused:
            await migrations.upgrade(url, bootstrap.MIGRATIONS, wait_seconds=0.2)

    assert migrations.explain(refused.value).startswith("the database is in use: another migration")
    await engine.dispose()


async def test_the_check_constraints_are_in_the_database(database_url: str) -> None:
    await migrations.upgrade(database_url, bootstrap.MIGRATIONS)

    def names(connection: sa.Connection) -> set[str | None]:
        inspector = sa.inspect(connection)
        return {
            each["name"] for table in ("users", "holds", "codes") for each in inspector.get_check_constraints(table)
        }

    assert await inspect(database_url, names) == {
        "ck_users_tokens_not_negative",
        "ck_holds_tokens_not_negative",
        "ck_holds_charge_within_tokens",
        "ck_codes_tokens_not_negative",
        "ck_codes_redemptions_within_bound",
    }


OLD_ROWS = (
    "INSERT INTO users (uuid, session_id, email, mobile, password_hash, tokens, username, first_name, last_name, role,"
    " state, subscription, created_time)"
    " VALUES ('ada', 'session', 'ada@example.org', '', 'hash', 75, 'Ada', '', '', 'user', :yes, 0, :time)",
    "INSERT INTO sessions (session_id, user_id, secret_hash, user_agent, created_time, last_seen_time, expire_time)"
    " VALUES ('session', 'ada', 'session-hash', '', :time, :time, :time)",
    "INSERT INTO api_keys (api_key_id, user_id, name, scopes, prefix, secret_hash, created_time)"
    " VALUES ('key', 'ada', 'mine', 'generate read', 'dd_123', 'key-hash', :time)",
    "INSERT INTO holds (hold_id, user_id, tokens, reason, created_time) VALUES ('task-1', 'ada', 25, '', :time)",
    "INSERT INTO entries (entry_id, user_id, kind, amount, balance_after, reason, created_time)"
    " VALUES ('one', 'ada', 'sign_up', 100, 100, '', :time)",
    "INSERT INTO entries (entry_id, user_id, kind, amount, balance_after, hold_id, reason, created_time)"
    " VALUES ('two', 'ada', 'hold', -25, 75, 'task-1', '', :time)",
)
TABLES = ("users", "sessions", "api_keys", "holds", "entries")
Rows = list[list[tuple[Any, ...]]]


@pytest.fixture
async def old_url(database_url: str) -> str:
    """A database at the first schema, with data in it."""
    await migrations.upgrade(database_url, bootstrap.MIGRATIONS, to="0001")
    engine = database.open_engine(database_url)
    async with engine.begin() as connection:
        for statement in OLD_ROWS:
            await connection.execute(sa.text(statement), {"yes": True, "time": database.utc_now()})
    await engine.dispose()
    return database_url


def every_row(connection: sa.Connection) -> Rows:
    """What is in the first schema's tables."""
    return [[tuple(row) for row in connection.execute(sa.text(f"SELECT * FROM {table}"))] for table in TABLES]


async def test_a_database_with_data_is_brought_forwards_step_by_step_and_loses_nothing(old_url: str) -> None:
    before: Rows = await inspect(old_url, every_row)

    for step in STEPS:
        await migrations.upgrade(old_url, bootstrap.MIGRATIONS, to=step)

    after: Rows = await inspect(old_url, every_row)
    pairs = [pair for rows in zip(after, before, strict=True) for pair in zip(*rows, strict=True)]
    # What a later schema adds to a row stands at its end, and is empty for rows that were there before.
    assert [new[: len(old)] for new, old in pairs] == [old for _, old in pairs]
    assert {value for new, old in pairs for value in new[len(old) :]} == {None}
    assert await inspect(old_url, differences) == []


async def test_a_version_that_still_runs_can_write_after_every_migration(database_url: str) -> None:
    await migrations.upgrade(database_url, bootstrap.MIGRATIONS)
    engine = database.open_engine(database_url)

    async with engine.begin() as connection:
        for statement in OLD_ROWS:
            await connection.execute(sa.text(statement), {"yes": True, "time": database.utc_now()})

    rows: Rows = await inspect(database_url, every_row)
    assert [len(each) for each in rows] == [1, 1, 1, 1, 2]
    await engine.dispose()


async def test_the_purse_of_before_works_after_the_migration(old_url: str, tmp_path: Path) -> None:
    async with running_auth(old_url, tmp_path) as auth:
        settled = await auth.purse.SettleHold(
            auth_pb2.SettleHoldRequest(hold_id="task-1", user_id="ada", charge=20, reason="done"), metadata=auth.tasks
        )
        amounts = await auth.sql("SELECT amount FROM entries WHERE user_id = 'ada' ORDER BY id")

    assert settled.returned == 5
    assert [row[0] for row in amounts] == [100, -25, 5]
