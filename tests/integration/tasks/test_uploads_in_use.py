"""Uploads that tasks need: never forgotten before the task has ended, and never used once they are."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.foundation import database
from services.foundation.errors import InvalidInput
from services.tasks import models
from services.tasks.asking.ingredients import Shape, Shapes, StartImage
from services.tasks.files.intake import Intake
from services.tasks.files.storage import Folder
from services.tasks.files.uploads import Uploads
from services.tasks.store.uploads import Uploads as Rows
from services.tasks.values import NewTask, Upload
from tests.support.ledger_rows import PARAMETERS, Store, new_image, new_task
from tests.support.picture_files import PNG

DAY_AND_MORE = dt.timedelta(days=1, minutes=1)


@pytest.fixture
def uploads(store: Store, tmp_path: Path) -> Uploads:
    return Uploads(rows=Rows(store.database), storage=Folder(tmp_path), intake=Intake())


async def taken(uploads: Uploads, *, ago: dt.timedelta = dt.timedelta(), user_id: str = "ada") -> Upload:
    async def pieces() -> AsyncIterator[bytes]:
        yield PNG

    return await uploads.take(user_id, pieces(), database.utc_now() - ago)


def beginning_from(start: Upload | None, mask: Upload | None = None, *, user_id: str = "ada") -> NewTask:
    begun = None if start is None else StartImage(upload_id=start.upload_id)
    drawn = replace(PARAMETERS, start_image=begun, mask_upload_id="" if mask is None else mask.upload_id)
    return new_task(user_id, parameters=drawn)


async def kept(store: Store) -> set[str]:
    async with store.database.read() as session:
        return set(await session.scalars(sa.select(models.Upload.uuid)))


async def age(store: Store) -> None:
    """Make every upload look as if it was last used long ago."""
    async with store.database.write() as session:
        await session.execute(sa.update(models.Upload).values(used=database.utc_now() - DAY_AND_MORE))


async def test_what_an_unended_task_needs_outlives_its_day_and_then_goes(store: Store, uploads: Uploads) -> None:
    start, mask, spare = [await taken(uploads) for _ in range(3)]
    task_id = await store.queued(parameters=beginning_from(start, mask).parameters)
    await age(store)

    await uploads.remove_unused()

    assert await kept(store) == {start.upload_id, mask.upload_id}
    await store.tasks.cancel("ada", task_id)
    await uploads.remove_unused()
    assert (await kept(store), spare.user_id) == (set(), "ada")


async def test_what_an_unended_task_needs_is_not_what_a_newer_upload_takes_the_place_of(
    store: Store, uploads: Uploads
) -> None:
    rows = Rows(store.database)
    needed = await taken(uploads, ago=dt.timedelta(hours=2))
    unused = await taken(uploads, ago=dt.timedelta(hours=1))
    await store.tasks.admit(beginning_from(None, needed), limit=10)
    await age(store)

    given_up = await rows.add(replace(unused, upload_id="newest", path="uploads/ne/newest.png"), most=1)

    assert given_up == [unused.path]
    assert await kept(store) == {needed.upload_id, "newest"}


async def test_a_task_makes_its_uploads_count_as_used(store: Store, uploads: Uploads) -> None:
    old = await taken(uploads, ago=DAY_AND_MORE)

    task_id = await store.queued(parameters=beginning_from(old).parameters)

    await store.tasks.cancel("ada", task_id)
    await uploads.remove_unused()
    assert await kept(store) == {old.upload_id}
    assert (await uploads.find("ada", old.upload_id)).used > old.used


async def test_a_task_whose_upload_went_while_it_was_submitted_leaves_no_trace(store: Store, uploads: Uploads) -> None:
    bobs = await taken(uploads, user_id="bob")

    for new, field in (
        (beginning_from(replace(bobs, upload_id="gone")), "start_image"),
        (beginning_from(None, bobs), "mask_upload_id"),
    ):
        with pytest.raises(InvalidInput) as caught:
            await store.tasks.admit(new, limit=10, limit_each=5)
        assert [violation.field for violation in caught.value.fields] == [field]

    assert (await store.count(models.Task), await store.waiting()) == (0, 0)
    assert (await uploads.find("bob", bobs.upload_id)).used == bobs.used


async def test_forgetting_and_submitting_at_once_ends_one_way_or_the_other(store: Store, uploads: Uploads) -> None:
    old = [await taken(uploads, ago=DAY_AND_MORE) for _ in range(8)]

    async def submit(upload: Upload) -> str | None:
        try:
            task = await store.tasks.admit(beginning_from(upload), limit=100, limit_each=50)
        except InvalidInput:
            return None
        assert task is not None
        return upload.upload_id

    *submitted, _, _ = await asyncio.gather(*(submit(each) for each in old), uploads.remove_unused(), taken(uploads))

    assert {each for each in submitted if each} <= await kept(store)
    assert await store.count(models.Task) == sum(each is not None for each in submitted)


async def test_the_shapes_are_those_of_the_owners_pictures_alone(store: Store, uploads: Uploads) -> None:
    mine, bobs = await taken(uploads), await taken(uploads, user_id="bob")
    await store.queued(user_id="bob")
    claimed = await store.leases().claim("gpu-1", model_names=["mini"], slots=1)
    assert claimed is not None
    image = new_image(0)
    await store.leases().deliver(claimed[0], image)
    shape = Shape(width=mine.width, height=mine.height)

    of_ada = await store.tasks.shapes("ada", StartImage(upload_id=mine.upload_id), bobs.upload_id)
    of_bob = await store.tasks.shapes("bob", StartImage(image_id=image.image_id), bobs.upload_id)

    assert of_ada == Shapes(start=shape, mask=None)
    assert of_bob == Shapes(start=Shape(width=64, height=64), mask=shape)
    assert await store.tasks.shapes("ada", StartImage(image_id=image.image_id), "") == Shapes()


async def test_every_parameter_comes_back_from_the_database(store: Store, uploads: Uploads) -> None:
    new = beginning_from(await taken(uploads))
    drawn = replace(
        new.parameters, strength=0.55, variation_seed=3, variation_strength=0.3, guidance_rescale=0.7, clip_skip=2,
    )  # fmt: skip

    task = await store.tasks.get("ada", await store.queued(parameters=drawn))

    assert task is not None
    assert task.parameters == drawn
