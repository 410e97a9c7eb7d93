"""Links to images: who has one reads that file and nothing else, for as long as there is anything to read."""

import datetime as dt
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from services.foundation import errors
from services.tasks import models
from services.tasks.errors import ImageNotFound, LinkNotFound
from services.tasks.files.images import ImageFiles
from services.tasks.files.links import Links
from services.tasks.files.storage import Folder
from services.tasks.store.images import Images
from services.tasks.store.links import Links as Rows
from tests.support.ledger import Studio, running
from tests.support.ledger_rows import Store, claim, new_image
from tests.support.picture_files import PNG

DAY = dt.timedelta(days=1)
NEVER = dt.timedelta(0)


async def image_of(store: Store, user_id: str = "ada") -> str:
    """The id of an image of a task that runs."""
    await store.queued(user_id)
    image = new_image(0)
    await store.leases().deliver(await claim(store, slots=100), image)
    return image.image_id


async def test_who_has_a_link_reads_the_image_until_it_is_deleted(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person(), studio.person("bob")
        image = (await ada.bring(PNG)).images[0]

        secret = await ada.link(image.image_id)
        read = await bob.follow_link(secret)
        await ada.delete(image.image_id)

        assert hashlib.sha256(read).hexdigest() == image.sha256
        assert len(secret) == 43
        for wrong in (secret, "", "x" * 43):
            with pytest.raises(errors.NotFound) as caught:
                await bob.follow_link(wrong)
            assert caught.value.detail_reason == "LINK_NOT_FOUND"


async def test_only_its_owner_makes_a_link_to_an_image(store: Store, tmp_path: Path) -> None:
    links = Links(rows=Rows(store.database), files=ImageFiles(Folder(tmp_path)))
    image_id = await image_of(store)

    for user_id, name in (("bob", image_id), ("ada", "unknown"), ("ada", "a\0")):
        with pytest.raises(ImageNotFound):
            await links.create(user_id, name)

    assert await store.count(models.ImageLink) == 0


async def test_a_link_ends_by_itself_and_is_forgotten(store: Store) -> None:
    rows = Rows(store.database)
    image_id = await image_of(store)

    await rows.add("ada", image_id, link_hash="over", lasts=NEVER, most=9)
    until = await rows.add("ada", image_id, link_hash="good", lasts=DAY, most=9)
    over, good = await rows.find("over"), await rows.find("good")
    await rows.remove_ended()

    assert over is None
    assert good is not None
    assert good.image_id == image_id
    assert dt.timedelta(hours=23) < until - dt.datetime.now(dt.UTC) <= DAY
    assert await store.count(models.ImageLink) == 1


async def test_one_link_too_many_takes_the_place_of_the_oldest(store: Store) -> None:
    rows = Rows(store.database)
    image_id, bobs = await image_of(store), await image_of(store, "bob")
    await rows.add("bob", bobs, link_hash="bobs", lasts=DAY, most=2)

    for name in ("one", "two", "three"):
        await rows.add("ada", image_id, link_hash=name, lasts=DAY, most=2)

    kept = [name for name in ("bobs", "one", "two", "three") if await rows.find(name) is not None]
    assert kept == ["bobs", "two", "three"]


async def test_a_link_whose_file_is_gone_leads_nowhere(store: Store, tmp_path: Path) -> None:
    links = Links(rows=Rows(store.database), files=ImageFiles(Folder(tmp_path)))
    image_id = await image_of(store)
    secret, _ = await links.create("ada", image_id)

    _, pieces = await links.open(secret)

    with pytest.raises(LinkNotFound):
        await anext(pieces)


async def test_a_link_goes_with_its_image(store: Store) -> None:
    image_id = await image_of(store)
    await Rows(store.database).add("ada", image_id, link_hash="one", lasts=DAY, most=9)

    await Images(store.database).delete("ada", image_id)

    assert await store.count(models.ImageLink) == 0
