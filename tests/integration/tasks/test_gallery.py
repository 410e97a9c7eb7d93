"""The gallery over the wire: who publishes, who sees what, what staff hide."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.tasks.asking.ingredients import StartImage
from services.tasks.store.gallery import Gallery
from tests.support.gallery import Visitor, member, staff, stranger
from tests.support.ledger import Person, Studio, running
from tests.support.ledger_rows import PARAMETERS, Store, claim, new_image

ORIGINAL = tasks_pb2.ImageSize.IMAGE_SIZE_ORIGINAL
SMALL = tasks_pb2.ImageSize.IMAGE_SIZE_SMALL
MEDIUM = tasks_pb2.ImageSize.IMAGE_SIZE_MEDIUM


async def drawn(person: Person, **asked: Any) -> tasks_pb2.Task:
    return await person.ended((await person.submit(**asked)).task_id)


async def not_found(visitor: Visitor, gallery_id: str) -> str:
    with pytest.raises(errors.NotFound) as caught:
        await visitor.download(gallery_id)
    return caught.value.detail_reason


async def test_what_is_published_is_seen_by_everyone_and_says_whose_it_is_to_staff_alone(
    new_studio: Callable[..., Studio],
) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person(), studio.person("bob")
        task = await drawn(ada, samples=2, seed=40)
        image = task.images[1]

        published = await member(ada).publish(image.image_id)

        told = {}
        for who, visitor in {"ada": member(ada), "bob": member(bob), "web": stranger(bob), "staff": staff(bob)}.items():
            (told[who],) = (await visitor.page()).gallery_images
            assert await visitor.get(published.gallery_id) == told[who]
            for size in (ORIGINAL, SMALL, MEDIUM):
                about, data = await visitor.download(published.gallery_id, size)
                assert (about.bytes, about.sha256) == (len(data), hashlib.sha256(data).hexdigest())
                assert about.content_type == ("image/png" if size == ORIGINAL else "image/webp")
                assert (about.width, about.height) == (image.width, image.height)
        assert told["ada"] == published
        assert {who: each.own for who, each in told.items()} == {
            "ada": True,
            "bob": False,
            "web": False,
            "staff": False,
        }
        assert {who: each.owner_user_id for who, each in told.items() if each.owner_user_id} == {"staff": "ada"}
        made = told["web"].parameters
        assert (made.prompt, made.seed, made.samples) == ("a red circle", 41, 1)
        assert (made.model, made.sampler, made.steps) == (task.parameters.model, "DDIM", task.parameters.steps)
        assert (told["web"].width, told["web"].bytes) == (image.width, image.bytes)
        assert {who: each.image_id for who, each in told.items() if each.image_id} == {"ada": image.image_id}
        assert image.image_id not in str(told["web"])
        assert [each.published for each in (await ada.get(task.task_id)).images] == [False, True]


async def test_only_its_owner_publishes_an_image_and_anothers_looks_like_none(
    new_studio: Callable[..., Studio],
) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person(), studio.person("bob")
        image_id = (await drawn(ada)).images[0].image_id

        refused = set()
        for who, name in ((bob, image_id), (ada, "unknown"), (ada, ""), (ada, "../x"), (ada, "a\0"), (ada, "x" * 5000)):
            for call in (member(who).publish, member(who).unpublish):
                with pytest.raises(errors.NotFound) as caught:
                    await call(name)
                refused.add((caught.value.detail_reason, caught.value.message))

        assert len(refused) == 1
        assert await stranger(bob).shown() == []
        # An image's own id opens nothing here, not even its owner's.
        assert await not_found(member(ada), image_id) == "GALLERY_IMAGE_NOT_FOUND"


async def test_publishing_twice_at_once_makes_one_entry_and_taking_it_back_leaves_none(
    new_studio: Callable[..., Studio],
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        task = await drawn(ada)
        image_id = task.images[0].image_id
        visitor = member(ada)

        entries = await asyncio.gather(*(visitor.publish(image_id) for _ in range(5)))

        assert len({entry.gallery_id for entry in entries}) == 1
        assert await visitor.shown() == [entries[0].gallery_id]
        # One change of the task, not five.
        assert (await ada.get(task.task_id)).revision == task.revision + 1
        await asyncio.gather(*(visitor.unpublish(image_id) for _ in range(3)))
        assert await visitor.shown() == []
        assert await not_found(visitor, entries[0].gallery_id) == "GALLERY_IMAGE_NOT_FOUND"
        assert (await visitor.publish(image_id)).gallery_id != entries[0].gallery_id


async def test_what_staff_hide_is_gone_for_everyone_else_until_they_restore_it(
    new_studio: Callable[..., Studio],
) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person(), studio.person("bob")
        task = await drawn(ada)
        image_id = task.images[0].image_id
        entry = await member(ada).publish(image_id)

        hidden = await staff(bob).hide(entry.gallery_id, "too loud")
        again = await staff(bob, "hedy").hide(entry.gallery_id, "me too")

        for visitor in (member(ada), member(bob), stranger(bob)):
            assert await visitor.shown() == []
            assert await not_found(visitor, entry.gallery_id) == "GALLERY_IMAGE_NOT_FOUND"
            with pytest.raises(errors.NotFound):
                await visitor.get(entry.gallery_id)
        assert again == hidden
        assert await staff(bob).get(entry.gallery_id) == hidden
        assert (hidden.ruling.hidden, hidden.ruling.staff_user_id, hidden.ruling.reason) == (True, "grace", "too loud")
        assert await staff(bob).shown() == []
        assert await staff(bob).shown(include_hidden=True) == [entry.gallery_id]
        assert (await staff(bob).download(entry.gallery_id))[0].bytes == task.images[0].bytes
        seen = (await ada.get(task.task_id)).images[0]
        assert (seen.published, seen.hidden) == (True, True)
        assert (await ada.download(image_id))[0].image_id == image_id
        # Whoever publishes it again does not bring it back.
        await member(ada).unpublish(image_id)
        republished = await member(ada).publish(image_id)
        assert (await stranger(bob).shown(), republished.HasField("ruling")) == ([], False)
        restored = await staff(bob, "hedy").restore(republished.gallery_id, "a mistake")
        assert (restored.ruling.hidden, restored.ruling.staff_user_id, restored.ruling.reason) == (
            False, "hedy", "a mistake",
        )  # fmt: skip
        assert await staff(bob).restore(republished.gallery_id, "again") == restored
        assert await stranger(bob).shown() == [republished.gallery_id]
        assert not (await ada.get(task.task_id)).images[0].hidden


async def test_only_staff_rule_and_say_why(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        entry = await member(ada).publish((await drawn(ada)).images[0].image_id)

        # Permission comes before existence.
        for visitor in (member(ada), stranger(ada)):
            for call in (visitor.hide, visitor.restore):
                for gallery_id in (entry.gallery_id, "unknown"):
                    with pytest.raises(errors.NotAllowed):
                        await call(gallery_id)
            with pytest.raises(errors.NotAllowed):
                await visitor.shown(include_hidden=True)
        for reason in ("", "  ", "x" * 201, "a\nb", "a\0b"):
            with pytest.raises(errors.InvalidInput) as caught:
                await staff(ada).hide(entry.gallery_id, reason)
            assert [wrong.field for wrong in caught.value.fields] == ["reason"]
        for gallery_id in ("unknown", "", "a\0", "../x"):
            for call in (staff(ada).hide, staff(ada).restore):
                with pytest.raises(errors.NotFound):
                    await call(gallery_id)

        assert await stranger(ada).shown() == [entry.gallery_id]


async def test_the_newest_come_first_and_pages_neither_repeat_nor_leave_out(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        visitor = member(ada)
        task = await drawn(ada, samples=4)
        entries = [(await visitor.publish(image.image_id)).gallery_id for image in task.images]

        first = await visitor.page(page_size=2)
        # What changes between two pages moves none of the rest.
        await visitor.unpublish(task.images[2].image_id)
        await visitor.publish(task.images[2].image_id)
        second = await visitor.page(first.next_page_token, page_size=2)

        pages = [[each.gallery_id for each in page.gallery_images] for page in (first, second)]
        assert pages == [[entries[3], entries[2]], [entries[1], entries[0]]]
        assert second.next_page_token == ""
        for token in ("bogus", "eDE=", "LTE=", "🙂", "a" * 5000):
            with pytest.raises(errors.InvalidInput, match="page_token"):
                await visitor.page(token)
        with pytest.raises(errors.InvalidInput, match="page_size"):
            await visitor.page(page_size=-1)


async def test_a_watcher_sees_an_image_published_hidden_and_deleted(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        task = await drawn(ada)
        image_id = task.images[0].image_id
        stream = ada.watch_session("session-1", task.revision)
        await anext(stream)

        async def next_image() -> tuple[bool, bool] | None:
            async with asyncio.timeout(10):
                update = await anext(stream)
            (changed,) = update.tasks
            return (changed.images[0].published, changed.images[0].hidden) if changed.images else None

        entry = await member(ada).publish(image_id)
        seen = [await next_image()]
        await staff(ada).hide(entry.gallery_id)
        seen.append(await next_image())
        await ada.delete(image_id)
        seen.append(await next_image())

        assert seen == [(True, False), (True, True), None]
        assert await staff(ada).shown(include_hidden=True) == []


async def test_an_entry_tells_what_makes_the_picture_again_and_not_what_it_began_from(store: Store) -> None:
    bent = replace(PARAMETERS, variation_seed=10, variation_strength=0.25)
    await store.queued(parameters=replace(bent, start_image=StartImage(image_id="private"), strength=0.5))
    image = new_image(1)
    await store.leases().deliver(await claim(store), image)

    entry, _ = await Gallery(store.database).publish("ada", image.image_id, gallery_id="entry-1")

    assert entry.parameters == replace(bent, seed=image.seed, samples=1, variation_seed=11)
    assert "private" not in repr(entry)
