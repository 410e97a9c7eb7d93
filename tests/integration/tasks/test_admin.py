"""What staff can do with anybody's tasks, and what of it is written down."""

from collections.abc import Callable

import pytest
from daydream.tasks.v1 import admin_pb2, tasks_pb2

from services.foundation import errors
from tests.support.fake_worker import FakeWorker, draw_when_released
from tests.support.gallery import member, staff
from tests.support.ledger import Studio, running
from tests.support.machine import Staff

QUEUED = tasks_pb2.TaskState.TASK_STATE_QUEUED
RUNNING = tasks_pb2.TaskState.TASK_STATE_RUNNING
SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
CANCELLED = tasks_pb2.TaskState.TASK_STATE_CANCELLED


async def test_staff_see_anybodys_tasks_and_find_them(new_studio: Callable[..., Studio], worker: FakeWorker) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada, bob, grace = studio.person("ada"), studio.person("bob"), Staff(studio.person("grace"))
        made = [await ada.submit("A red boat"), await bob.submit("a 100% blue boat"), await bob.submit("a green hill")]
        ids = [each.task_id for each in made]
        await ada.in_state(ids[0], RUNNING)

        every = await grace.list()
        first = await grace.list(page_size=2)
        rest = await grace.list(page_size=2, page_token=first.next_page_token)

        assert [each.user_id for each in every.tasks] == ["bob", "bob", "ada"]
        assert [each.task.task_id for each in (*first.tasks, *rest.tasks)] == ids[::-1]
        assert (every.next_page_token, rest.next_page_token) == ("", "")
        assert [each.worker for each in every.tasks] == ["", "", worker.address]
        assert [each.task.progress.position for each in every.tasks] == [2, 1, 0]
        assert await grace.found(user_id="bob") == [ids[2], ids[1]]
        assert await grace.found(task_id=ids[1]) == [ids[1]]
        assert await grace.found(task_id=ids[1], user_id="ada") == await grace.found(task_id="not an id") == []
        assert await grace.found(query="BOAT") == [ids[1], ids[0]]
        assert await grace.found(query="%") == [ids[1]]
        assert await grace.found(states=[QUEUED], query="boat") == [ids[1]]
        assert await grace.found(user_id="nobody") == await grace.found(user_id="not an id") == []
        for wrong in ({"page_token": "bogus"}, {"page_size": -1}, {"states": [99]}, {"query": "x" * 513}):
            with pytest.raises(errors.InvalidInput):
                await grace.list(**wrong)


async def test_what_staff_cancel_ends_as_its_owner_would_end_it_and_is_written_down(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada, grace = studio.person("ada"), Staff(studio.person("grace"))
        runs = await ada.submit("a boat", samples=2)
        await ada.in_state(runs.task_id, RUNNING)
        waits = await ada.submit("a hill")

        answer = await grace.cancel(waits.task_id, "  asked for by mistake ")
        stopping = await grace.cancel(runs.task_id)
        for _ in range(2):
            await grace.cancel(waits.task_id)
        ended = [await ada.ended(each.task_id) for each in (runs, waits)]

        assert (answer.user_id, answer.task.state) == ("ada", CANCELLED)
        assert stopping.task.state in {RUNNING, CANCELLED}
        assert [(task.state, task.charged) for task in ended] == [(CANCELLED, 0), (CANCELLED, 0)]
        assert studio.auth.purse.balance("ada") == 1000
        log = await grace.deeds()
        assert [(deed.kind, deed.staff_id, deed.user_id, deed.task_id, deed.detail) for deed in log.deeds] == [
            (admin_pb2.TASK_DEED_KIND_TASK_CANCELLED, "grace", "ada", runs.task_id, "too many at once"),
            (admin_pb2.TASK_DEED_KIND_TASK_CANCELLED, "grace", "ada", waits.task_id, "asked for by mistake"),
        ]
        for reason in ("", "  ", "x" * 201, "two\nlines"):
            with pytest.raises(errors.InvalidInput, match="why"):
                await grace.cancel(waits.task_id, reason)
        for missing in ("no-such-task", "not an id"):
            with pytest.raises(errors.NotFound):
                await grace.cancel(missing)
        assert len((await grace.deeds()).deeds) == 2


async def test_what_staff_hide_and_restore_is_written_down_once(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada, person = studio.person("ada"), studio.person("grace")
        grace, hand = Staff(person), staff(person)
        task = await ada.ended((await ada.submit()).task_id)
        entry = await member(ada).publish(task.images[0].image_id)

        for _ in range(2):
            await hand.hide(entry.gallery_id, "not for all")
        for _ in range(2):
            await hand.restore(entry.gallery_id, "it is fine")
        log = (await grace.deeds()).deeds

        assert [(deed.kind, deed.staff_id, deed.user_id, deed.gallery_id, deed.detail) for deed in log] == [
            (admin_pb2.TASK_DEED_KIND_PICTURE_RESTORED, "grace", "ada", entry.gallery_id, "it is fine"),
            (admin_pb2.TASK_DEED_KIND_PICTURE_HIDDEN, "grace", "ada", entry.gallery_id, "not for all"),
        ]
        assert log[0].created_time.ToDatetime() > log[1].created_time.ToDatetime()


async def test_the_log_pages_and_filters(new_studio: Callable[..., Studio], worker: FakeWorker) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        grace, heidi = Staff(studio.person("grace")), Staff(studio.person("heidi"))
        for owner, hand in (("ada", grace), ("bob", grace), ("ada", heidi)):
            await hand.cancel((await studio.person(owner).submit()).task_id, f"{owner}'s")

        first = await grace.deeds(page_size=2)
        second = await grace.deeds(page_size=2, page_token=first.next_page_token)

        assert [deed.detail for deed in (*first.deeds, *second.deeds)] == ["ada's", "bob's", "ada's"]
        assert second.next_page_token == ""
        assert [deed.staff_id for deed in (await grace.deeds(user_id="ada")).deeds] == ["heidi", "grace"]
        assert [deed.user_id for deed in (await grace.deeds(staff_id="grace")).deeds] == ["bob", "ada"]
        assert (await grace.deeds(user_id="ada", staff_id="nobody")).deeds == []
        assert (await grace.deeds(user_id="not an id")).deeds == []
        with pytest.raises(errors.InvalidInput, match="page_token"):
            await grace.deeds(page_token="bogus")


async def test_images_are_counted_that_people_keep(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada, bob, grace = studio.person("ada"), studio.person("bob"), Staff(studio.person("grace"))
        made = await ada.ended((await ada.submit(samples=3)).task_id)
        await bob.ended((await bob.submit()).task_id)
        await ada.delete(made.images[0].image_id)

        counts = await grace.counts("ada", "bob", "nobody", "not an id")

        assert counts == {"ada": 2, "bob": 1}
        assert await grace.counts() == {}
        with pytest.raises(errors.InvalidInput, match="100"):
            await grace.counts(*(f"user-{number}" for number in range(101)))
