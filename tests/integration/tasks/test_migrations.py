"""The ledger's migrations, on both databases."""

import asyncio

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from services.foundation import database, migrations
from services.tasks import models
from services.tasks.__main__ import MIGRATIONS
from tests.support.ledger_rows import open_store


async def test_the_migrated_schema_is_the_one_the_models_describe(database_url: str) -> None:
    await migrations.upgrade(database_url, MIGRATIONS)
    engine = database.open_engine(database_url)

    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda each: compare_metadata(MigrationContext.configure(each), models.Base.metadata)
        )

    await engine.dispose()
    assert differences == []


async def test_migrating_again_and_at_once_keeps_what_is_there(database_url: str) -> None:
    store = await open_store(database_url)
    task_id = await store.queued()

    await asyncio.gather(*(migrations.upgrade(database_url, MIGRATIONS) for _ in range(3)))

    await migrations.require_current(database_url, MIGRATIONS, "tasks")
    assert await store.tasks.get("ada", task_id) is not None
    assert await store.waiting() == 1
    await store.engine.dispose()


async def test_a_database_that_was_never_migrated_is_told_so(database_url: str) -> None:
    with pytest.raises(migrations.StaleSchema, match=r"python -m services\.tasks migrate"):
        await migrations.require_current(database_url, MIGRATIONS, "tasks")


async def test_the_queue_has_its_one_row(database_url: str) -> None:
    store = await open_store(database_url)

    async with store.database.read() as session:
        rows = (await session.execute(sa.select(models.Queue.id, models.Queue.waiting))).all()

    assert [tuple(row) for row in rows] == [(1, 0)]
    await store.engine.dispose()
