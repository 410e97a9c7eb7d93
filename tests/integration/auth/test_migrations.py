"""The migrations make exactly the tables that the models describe."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from services.auth import bootstrap, models
from services.foundation import database, migrations


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
        return {each["name"] for table in ("users", "holds") for each in inspector.get_check_constraints(table)}

    assert await inspect(database_url, names) == {
        "ck_users_tokens_not_negative",
        "ck_holds_tokens_not_negative",
        "ck_holds_charge_within_tokens",
    }
