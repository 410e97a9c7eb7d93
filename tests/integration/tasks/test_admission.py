"""Admission on both databases: the bounds, and one task for one request_id, however many submit and undo at once."""

import asyncio
import datetime as dt

from services.tasks import models
from services.tasks.states import State
from services.tasks.store.tasks import Tasks
from services.tasks.values import Task
from tests.support.ledger_rows import Store, claim, new_task


async def test_admissions_at_once_never_pass_the_bound(store: Store) -> None:
    admitted = await asyncio.gather(*(store.tasks.admit(new_task(f"user-{n % 7}"), limit=10) for n in range(60)))

    assert sum(task is not None for task in admitted) == 10
    assert await store.waiting() == 10
    assert await store.count(models.Task) == 10


async def test_admissions_at_once_never_pass_the_bound_of_one_person(store: Store) -> None:
    running = await store.queued("user-0")
    await claim(store)

    admitted = await asyncio.gather(
        *(store.tasks.admit(new_task(f"user-{n % 3}"), limit=1000, limit_each=4) for n in range(60))
    )

    assert sum(task is not None for task in admitted) == 12
    assert [await store.tasks.waiting_of(f"user-{n}") for n in range(3)] == [4, 4, 4]
    assert await store.waiting() == 12
    # What runs takes no place, whosever it is.
    assert await store.tasks.get("user-0", running) is not None


async def test_admissions_ends_and_undoings_of_one_person_at_once_never_block_each_other(store: Store) -> None:
    async def one(number: int) -> None:
        task = await store.tasks.admit(new_task(), limit=1000, limit_each=1000)
        assert task is not None
        if number % 2:
            await store.tasks.undo(task.task_id)
        else:
            await store.tasks.confirm(task.task_id)
            await store.tasks.cancel("ada", task.task_id)

    for _ in range(4):
        await asyncio.gather(*(one(number) for number in range(24)))

    assert (await store.waiting(), await store.tasks.waiting_of("ada")) == (0, 0)


async def test_repeats_of_a_submission_never_block_what_becomes_of_its_task(store: Store) -> None:
    for round_ in range(6):
        first = await store.tasks.admit(new_task(request_id=f"r-{round_}"), limit=1000, limit_each=1000)
        assert first is not None

        async def lives(task_id: str = first.task_id) -> None:
            assert await store.tasks.confirm(task_id) is not None
            lease = await claim(store)
            await store.leases().beat(lease, step=1, steps_total=8)
            await store.leases().give_back(lease, lost=True)
            assert await store.tasks.cancel("ada", task_id) is not None

        repeats = await asyncio.gather(
            lives(),
            *(store.tasks.admit(new_task(request_id=f"r-{round_}"), limit=1000, limit_each=1000) for _ in range(20)),
        )

        assert {task.task_id for task in repeats if task is not None} == {first.task_id}
    assert await store.waiting() == 0


async def test_admissions_at_once_with_one_request_id_make_one_row(store: Store) -> None:
    tasks = await asyncio.gather(*(store.tasks.admit(new_task(request_id="one"), limit=10) for _ in range(30)))

    assert len({task.task_id for task in tasks if task is not None}) == 1
    assert all(task is not None for task in tasks)
    assert (await store.count(models.Task), await store.waiting()) == (1, 1)


async def test_submissions_with_one_request_id_that_are_undone_at_once_never_block_each_other(store: Store) -> None:
    async def submit_and_undo() -> None:
        task = await store.tasks.admit(new_task(request_id="one"), limit=100)
        assert task is not None
        await store.tasks.undo(task.task_id)

    for _ in range(6):
        await asyncio.gather(*(submit_and_undo() for _ in range(30)))

    assert (await store.count(models.Task), await store.waiting()) == (0, 0)


class UndoneMeanwhile(Tasks):
    """Whoever has the request_id undoes it just before it is looked for."""

    async def find_request(self, user_id: str, request_id: str) -> Task | None:
        found = await super().find_request(user_id, request_id)
        if found is not None:
            await self.undo(found.task_id)
        return None


async def test_a_request_id_that_is_undone_between_insert_and_look_is_free_again(store: Store) -> None:
    first = await store.tasks.admit(new_task(request_id="one"), limit=10)

    second = await UndoneMeanwhile(store.database).admit(new_task(request_id="one"), limit=10)

    assert first is not None
    assert second is not None
    assert second.task_id != first.task_id
    assert (await store.count(models.Task), await store.waiting()) == (1, 1)


async def test_a_full_queue_still_knows_a_request_it_has_accepted(store: Store) -> None:
    first = await store.tasks.admit(new_task(request_id="one"), limit=1)

    assert await store.tasks.admit(new_task(), limit=1) is None
    assert await store.tasks.admit(new_task(request_id="one"), limit=1) == first


async def test_a_pending_task_is_nobodys_to_see_until_its_price_is_held(store: Store) -> None:
    task = await store.tasks.admit(new_task(), limit=10)
    assert task is not None

    hidden = await store.tasks.get("ada", task.task_id)
    claimed = await store.leases().claim("gpu-1", model_names=["mini"], slots=1)
    cancelled = await store.tasks.cancel("ada", task.task_id)
    queued = await store.tasks.confirm(task.task_id)
    repeated = await store.tasks.confirm(task.task_id)

    assert (hidden, claimed, cancelled) == (None, None, None)
    assert queued is not None
    assert (queued.state, queued.revision) == (State.QUEUED, 1)
    assert repeated == queued


async def test_undoing_a_submission_frees_its_place_and_releases_its_hold_once(store: Store) -> None:
    task = await store.tasks.admit(new_task(), limit=10)
    assert task is not None

    undone = await asyncio.gather(*(store.tasks.undo(task.task_id) for _ in range(5)))

    assert sum(undone) == 1
    assert await store.tasks.confirm(task.task_id) is None
    assert (await store.count(models.Task), await store.waiting()) == (0, 0)
    (letter,) = await store.outbox.take_settlements(10)
    assert (letter.hold_id, letter.charge) == (task.task_id, 0)
    assert await store.outbox.settled(letter.hold_id) is None
    assert await store.count(models.Settlement) == 0


async def test_undo_never_touches_a_task_that_was_accepted(store: Store) -> None:
    task_id = await store.queued()

    assert not await store.tasks.undo(task_id)
    assert await store.tasks.abandoned(older_than=dt.timedelta(0)) == []
    assert await store.count(models.Settlement) == 0
