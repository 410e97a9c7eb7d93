"""Two replicas on one PostgreSQL: what one does, watchers and callers of the other see."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from daydream.tasks.v1 import tasks_pb2

from tests.support import ports
from tests.support.fake_worker import FakeWorker, draw_when_released
from tests.support.ledger import Studio, address, running
from tests.support.machine import Staff

RUNNING = tasks_pb2.TaskState.TASK_STATE_RUNNING
SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
CANCELLED = tasks_pb2.TaskState.TASK_STATE_CANCELLED


@pytest.fixture
def worker() -> FakeWorker:
    """A worker that waits for the test."""
    return FakeWorker(address(), script=draw_when_released)


@asynccontextmanager
async def beside(studio: Studio, folder: Path, nats_url: str) -> AsyncIterator[Studio]:
    """A second replica whose worker never answers, so that it draws nothing itself."""
    other = Studio(
        database_url=studio.settings.database,
        folder=folder,
        nats_url=nats_url,
        workers=[FakeWorker(address())],
        auth=studio.auth,
    )
    await other.start()
    try:
        yield other
    finally:
        await other.stop()


async def hear_each_other(*studios: Studio) -> None:
    """Return once all of them hear at NATS what the others do."""
    for studio in studios:
        await studio.hears()


@pytest.fixture
def new_pair(new_postgres_url: Callable[[], str], tmp_path: Path, worker: FakeWorker) -> Callable[[str], Studio]:
    def make(nats_url: str) -> Studio:
        return Studio(database_url=new_postgres_url(), folder=tmp_path, nats_url=nats_url, workers=[worker])

    return make


async def test_progress_and_previews_reach_watchers_of_another_replica(
    new_pair: Callable[[str], Studio], tmp_path: Path, nats_url: str, worker: FakeWorker
) -> None:
    async with running(new_pair(nats_url)) as studio, beside(studio, tmp_path, nats_url) as other:
        await hear_each_other(studio, other)
        ada = other.person()
        task = await ada.submit(samples=2)
        seen: list[tasks_pb2.Task] = []

        async for message in ada.watch(task.task_id):
            seen.append(message.task)
            if message.task.progress.step:
                (await worker.call()).released.set()

        assert seen[-1].state == SUCCEEDED
        assert len(seen[-1].images) == 2
        assert len(worker.calls) == 1
        assert (await ada.download(seen[-1].images[0].image_id))[1]


async def test_without_nats_the_other_replica_reads_the_ledger(
    new_pair: Callable[[str], Studio], tmp_path: Path, worker: FakeWorker
) -> None:
    nowhere = f"nats://127.0.0.1:{ports.free_port()}"
    async with running(new_pair(nowhere)) as studio, beside(studio, tmp_path, nowhere) as other:
        ada = other.person()
        task = await ada.submit()
        (await worker.call()).released.set()

        states = [message.task.state async for message in ada.watch(task.task_id)]

        assert states[-1] == SUCCEEDED


async def test_a_cancel_at_one_replica_stops_the_task_on_the_other(
    new_pair: Callable[[str], Studio], tmp_path: Path, nats_url: str, worker: FakeWorker
) -> None:
    async with running(new_pair(nats_url)) as studio, beside(studio, tmp_path, nats_url) as other:
        await hear_each_other(studio, other)
        ada = other.person()
        task = await ada.submit()
        call = await worker.call()

        asked = await ada.cancel(task.task_id)
        ended = await ada.ended(task.task_id)

        assert asked.state == RUNNING
        assert (ended.state, ended.charged) == (CANCELLED, 0)
        # The worker hears of it by itself, perhaps a moment after everybody else.
        await asyncio.wait_for(call.stopped.wait(), timeout=60)


async def test_two_dispatchers_share_one_worker_within_its_slots(
    new_pair: Callable[[str], Studio], tmp_path: Path, nats_url: str, worker: FakeWorker
) -> None:
    worker.slots = 2
    most = 0

    async def count(call):  # type: ignore[no-untyped-def]
        nonlocal most
        most = max(most, sum(not each.stopped.is_set() for each in worker.calls))
        for message in call.everything():
            yield message

    worker.script = count
    async with running(new_pair(nats_url)) as studio:
        second = Studio(
            database_url=studio.settings.database, folder=tmp_path, nats_url=nats_url, workers=[worker],
            auth=studio.auth,
        )  # fmt: skip
        await second.start()
        ada, eve = studio.person(), second.person("eve")

        tasks = [await person.submit() for _ in range(8) for person in (ada, eve)]
        ended = [await (ada if number % 2 == 0 else eve).ended(task.task_id) for number, task in enumerate(tasks)]

        assert {task.state for task in ended} == {SUCCEEDED}
        assert len(worker.calls) == 16
        assert most <= 2
        await second.stop()


async def test_staff_follow_and_stop_what_another_replica_does(
    new_pair: Callable[[str], Studio], tmp_path: Path, nats_url: str, worker: FakeWorker
) -> None:
    async with running(new_pair(nats_url)) as studio, beside(studio, tmp_path, nats_url) as other:
        await hear_each_other(studio, other)
        ada, grace = studio.person("ada"), Staff(other.person("grace"))
        async with asyncio.timeout(90), grace.watching() as seen:
            await seen.until(lambda: True)
            task = await ada.submit()

            await seen.until(lambda: task.task_id in seen.tasks)
            await seen.until(lambda: seen.tasks[task.task_id].worker == worker.address)
            await grace.cancel(task.task_id)
            await seen.until(lambda: task.task_id not in seen.tasks)

        assert (await ada.ended(task.task_id)).state == CANCELLED
