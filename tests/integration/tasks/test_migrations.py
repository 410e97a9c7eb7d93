"""The ledger's migrations, on both databases."""

import asyncio
import re

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from services.foundation import database, migrations
from services.tasks import models
from services.tasks.__main__ import MIGRATIONS
from services.tasks.states import State
from tests.support.ledger_rows import open_store

FIRST_VERSION = (
    "INSERT INTO task (uuid, user_id, sessionid, request_id, digest, prompt, negative_prompt, model, sampler, imgw,"
    " imgh, samples, steps, guide, seed, state, price, charged, place, revision, attempt, lost, cancel_requested, step,"
    " steps_total, date, started, finished, timer, settled) VALUES ('task-1', 'ada', 's', 'r', 'd', 'a red circle', '',"
    " 'mini', 'DDIM', 64, 64, 1, 4, 2.5, 7, 'SUCCEEDED', 1, 1, 1, 3, 1, 0, false, 4, 4, '2026-05-04 12:00:00',"
    " '2026-05-04 12:00:00', '2026-05-04 12:00:01', 1000, '2026-05-04 12:00:02')",
    'INSERT INTO image (task_id, "index", path, uuid, seed, width, height, bytes, sha256, date)'
    " SELECT id, 0, 'ta/task-1/0-1.png', 'image-1', 7, 64, 64, 100, 'x', '2026-05-04 12:00:01' FROM task",
    "INSERT INTO owner (user_id, revision) VALUES ('ada', 3)",
    "UPDATE queue SET last_place = 1",
)
"""What a studio of the first version had: a task that has ended, with its image."""


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


STEPS = sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("*.py"))
"""Every schema there was, oldest first."""


async def write_as_the_first_version(url: str, name: str) -> None:
    """What a replica of the first version would still write, as replicas are replaced one by one."""
    engine = database.open_engine(url)
    async with engine.begin() as connection:
        for statement in FIRST_VERSION:
            renamed = re.sub("task-1|ada|image-1", lambda word: f"{word[0]}-{name}", statement)
            await connection.execute(sa.text(renamed.replace("FROM task", f"FROM task WHERE uuid = 'task-1-{name}'")))
    await engine.dispose()


async def test_a_version_that_still_runs_can_write_after_each_migration_and_nothing_is_lost(database_url: str) -> None:
    for step in STEPS:
        await migrations.upgrade(database_url, MIGRATIONS, to=step)
        await write_as_the_first_version(database_url, step)

    store = await open_store(database_url)

    for step in STEPS:
        kept = await store.tasks.get(f"ada-{step}", f"task-1-{step}")
        assert kept is not None
        assert (kept.state, kept.charged, len(kept.images)) == (State.SUCCEEDED, 1, 1)
    await store.engine.dispose()


async def test_a_database_with_tasks_of_the_first_version_keeps_them_through_every_migration(database_url: str) -> None:
    await migrations.upgrade(database_url, MIGRATIONS, to="0001")
    engine = database.open_engine(database_url)
    async with engine.begin() as connection:
        for statement in FIRST_VERSION:
            await connection.execute(sa.text(statement))
    await engine.dispose()

    store = await open_store(database_url)

    kept = await store.tasks.get("ada", "task-1")
    assert kept is not None
    assert (kept.state, kept.charged, kept.parameters.prompt) == (State.SUCCEEDED, 1, "a red circle")
    assert [image.path for image in kept.images] == ["ta/task-1/0-1.png"]
    await store.queued()
    assert await store.waiting() == 1
    await store.engine.dispose()
