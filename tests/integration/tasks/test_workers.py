"""Several workers and several dispatchers at once: every slot is used, none twice, and who is away is passed over."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from daydream.gpu.v1 import inference_pb2
from daydream.tasks.v1 import tasks_pb2

from tests.support.fake_worker import Call, FakeWorker
from tests.support.ledger import Studio, address, running, until

SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED


class Crowd:
    """Workers that note how many calls each of them had at once, and draw once all of them have one."""

    def __init__(self, slots: Sequence[int]) -> None:
        self.most: Counter[str] = Counter()
        self._all_called = asyncio.Event()
        self.workers = [self._worker(each) for each in slots]

    def _worker(self, slots: int) -> FakeWorker:
        worker = FakeWorker(address(), slots=slots)

        async def draw(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
            now = sum(not each.stopped.is_set() for each in worker.calls)
            self.most[worker.address] = max(self.most[worker.address], now)
            # However slowly tasks come, none is over before the last worker has its first.
            if all(each.calls for each in self.workers):
                self._all_called.set()
            await self._all_called.wait()
            for message in call.everything():
                await asyncio.sleep(0.005)
                yield message

        worker.script = draw
        return worker


@pytest.fixture
def crowd() -> Crowd:
    return Crowd([1, 3, 2])


async def test_two_dispatchers_fill_three_workers_to_their_slots_and_pass_over_one_that_is_away(
    new_postgres_url: Callable[[], str], nats_url: str, tmp_path: Path, crowd: Crowd
) -> None:
    away = FakeWorker(address())
    targets = ",".join(worker.address for worker in (away, *crowd.workers))

    def replica(**changes: object) -> Studio:
        usual = {"folder": tmp_path, "nats_url": nats_url, "workers": crowd.workers, "gpu_targets": targets}
        return Studio(**{**usual, **changes})  # type: ignore[arg-type]

    async with running(replica(database_url=new_postgres_url())) as studio:
        second = replica(database_url=studio.settings.database, auth=studio.auth)
        await second.start()
        people = [studio.person("ada"), second.person("eve")]

        tasks = [(person, await person.submit(samples=2)) for _ in range(12) for person in people]
        ended = [await person.ended(task.task_id) for person, task in tasks]

        assert {task.state for task in ended} == {SUCCEEDED}
        assert sum(len(worker.calls) for worker in crowd.workers) == 24
        assert all(crowd.most[worker.address] <= worker.slots for worker in crowd.workers)
        assert all(worker.calls for worker in crowd.workers)
        # The one that was away is asked again all the while, and gets work as soon as it answers.
        await away.start()
        await until(lambda: _answers(studio, 4))
        # Both of them, or the other might give all of the tasks to those it knows.
        await until(lambda: _answers(second, 4))
        late = [await people[0].submit() for _ in range(12)]
        assert {(await people[0].ended(task.task_id)).state for task in late} == {SUCCEEDED}
        assert away.calls
        await second.stop()
        await away.stop()


async def _answers(studio: Studio, count: int) -> bool:
    looker = studio.person("looker")
    answer = await looker.stub.GetCapabilities(tasks_pb2.GetCapabilitiesRequest(), metadata=looker.metadata)
    return bool(answer.workers == count)


async def test_a_name_of_several_workers_is_several_workers(new_studio: Callable[..., Studio], crowd: Crowd) -> None:
    async def look_up(host: str, port: int) -> Sequence[str]:
        assert (host, port) == ("gpu", 8013)
        return [worker.address for worker in crowd.workers]

    async with running(new_studio(workers=crowd.workers, gpu_targets="dns:///gpu:8013", look_up=look_up)) as studio:
        await until(lambda: _answers(studio, 3))
        ada = studio.person()

        tasks = [await ada.submit() for _ in range(12)]
        ended = [await ada.ended(task.task_id) for task in tasks]

        assert {task.state for task in ended} == {SUCCEEDED}
        assert all(worker.calls for worker in crowd.workers)
        assert all(crowd.most[worker.address] <= worker.slots for worker in crowd.workers)
