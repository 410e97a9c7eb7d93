"""The machine as staff follow it: workers, the queue, and what becomes of tasks whose worker falls silent."""

import asyncio
from collections.abc import Callable

from daydream.tasks.v1 import admin_pb2, tasks_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.fake_worker import FakeWorker, draw_when_released
from tests.support.ledger import Studio, address, running, until
from tests.support.machine import Staff

QUEUED = tasks_pb2.TaskState.TASK_STATE_QUEUED
RUNNING = tasks_pb2.TaskState.TASK_STATE_RUNNING
SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED


async def test_staff_see_what_each_worker_does(new_studio: Callable[..., Studio], worker: FakeWorker) -> None:
    worker.script = draw_when_released
    worker.slots, worker.memory = 2, (3_000, 8_000)
    never = address()
    async with running(new_studio(gpu_targets=f"{worker.address},{never}")) as studio:
        ada, grace = studio.person("ada"), Staff(studio.person("grace"))
        task = await ada.submit()
        await ada.in_state(task.task_id, RUNNING)

        told = {each.target: each for each in await grace.workers()}

        busy = told[worker.address]
        assert (busy.answers, busy.device, busy.slots, list(busy.task_ids)) == (True, "cpu", 2, [task.task_id])
        assert (list(busy.models), busy.memory_used, busy.memory_total) == (["mini"], 3_000, 8_000)
        assert busy.started_time == Timestamp(seconds=1_700_000_000)
        assert busy.steps_per_second > 0
        assert not busy.HasField("seen_time")
        assert not busy.HasField("fate")
        away = told[never]
        assert (away.answers, list(away.task_ids), away.HasField("seen_time")) == (False, [], False)


async def test_a_silent_worker_is_told_with_what_became_of_its_tasks(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script, worker.slots = draw_when_released, 2
    async with running(new_studio()) as studio:
        ada, grace = studio.person("ada"), Staff(studio.person("grace"))
        tasks = [await ada.submit() for _ in range(2)]
        for task in tasks:
            await ada.in_state(task.task_id, RUNNING)

        await worker.stop()
        for task in tasks:
            await ada.in_state(task.task_id, QUEUED)
        silent = await until(lambda: fell_silent(grace))
        await ada.cancel(tasks[0].task_id)
        (later,) = await grace.workers()

        assert silent is not None
        assert (silent.answers, list(silent.task_ids), silent.slots) == (False, [], 2)
        assert silent.HasField("seen_time")
        assert (silent.fate.waiting, silent.fate.cancelled) == (2, 0)
        assert (later.fate.waiting, later.fate.cancelled) == (1, 1)


async def fell_silent(grace: Staff) -> admin_pb2.Worker | None:
    """The only worker, once it is known not to answer: what it said just before may be heard after its tasks went."""
    (worker,) = await grace.workers()
    return None if worker.answers else worker


async def test_a_worker_that_was_silent_before_this_replica_began_is_told_as_it_was_last_seen(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    studio = new_studio()
    async with running(studio):
        await studio.worker_seen()
        gone = worker.address
        await studio.stop()
        await worker.stop()
        studio.settings = studio.settings.model_copy(update={"gpu_targets": address()})
        await studio.start()
        grace = Staff(studio.person("grace"))

        named, left = await grace.workers()

        assert (named.answers, named.worker_id, named.HasField("seen_time")) == (False, "", False)
        assert (left.target, left.answers, left.worker_id, left.slots) == (gone, False, "fake", 1)
        assert left.HasField("seen_time")


async def test_a_watch_tells_all_of_it_first_and_then_what_changes(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada, bob, grace = studio.person("ada"), studio.person("bob"), Staff(studio.person("grace"))
        runs = await ada.submit("a boat")
        await ada.in_state(runs.task_id, RUNNING)
        waits = await bob.submit("a hill")

        async with asyncio.timeout(90), grace.watching() as seen:
            await seen.until(lambda: True)
            first = list(seen.last.tasks)
            added = (await bob.submit("a lake")).task_id
            await seen.until(lambda: added in seen.tasks)
            (await worker.call()).released.set()
            await seen.until(lambda: runs.task_id not in seen.tasks and seen.last.running == 1)
            await seen.until(lambda: seen.tasks[waits.task_id].task.state == RUNNING)
            await seen.until(lambda: seen.tasks[added].task.progress.position == 1)

        assert [(each.user_id, each.task.state) for each in first] == [("ada", RUNNING), ("bob", QUEUED)]
        assert [each.task.parameters.prompt for each in first] == ["a boat", "a hill"]
        assert (seen.last.queued, seen.last.running, seen.last.queue_limit) == (1, 1, 100)
        assert list(seen.workers) == [worker.address]
        assert not any(each.task.progress.preview for each in seen.tasks.values())


async def test_a_watch_tells_of_a_worker_that_falls_silent(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    async with running(new_studio()) as studio:
        await studio.worker_seen()
        grace = Staff(studio.person("grace"))

        async with asyncio.timeout(90), grace.watching() as seen:
            await seen.until(lambda: seen.workers[worker.address].answers)
            await worker.stop()
            await seen.until(lambda: not seen.workers[worker.address].answers)

        assert seen.workers[worker.address].HasField("seen_time")
