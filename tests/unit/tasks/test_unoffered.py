"""Tasks whose model no worker has any more."""

from dataclasses import replace

import pytest

from services.tasks.queue.unoffered import Unoffered
from services.tasks.states import State
from services.tasks.values import Blame, Task
from services.tasks.wire import model_messages
from tests.support.fake_parts import MODEL, FakeWorker, Notes
from tests.support.ledger_rows import PARAMETERS, Store


class Watchman:
    """Looks at a store with a clock that the test turns."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = 1000.0
        self.notes = Notes()
        self.settled: list[None] = []
        self._unoffered = Unoffered(
            leases=store.leases(),
            workers=store.workers,
            decode=model_messages.decode_capabilities,
            announcer=self.notes,
            settle_now=lambda: self.settled.append(None),
            patience_seconds=600,
            every_seconds=1,
            clock=lambda: self.now,
        )

    async def worker_says(self, *names: str) -> None:
        said = replace(FakeWorker().said, models=tuple(replace(MODEL, name=name) for name in names))
        await self.store.workers.save("gpu-1", model_messages.encode_capabilities(said))

    async def look_after(self, seconds: float) -> None:
        self.now += seconds
        await self._unoffered.look()

    async def task(self, task_id: str) -> Task:
        found = await self.store.tasks.get("ada", task_id)
        assert found is not None
        return found


@pytest.fixture
def watchman(store: Store) -> Watchman:
    return Watchman(store)


async def test_a_task_whose_model_is_gone_fails_with_a_sentence_and_its_tokens_back(watchman: Watchman) -> None:
    await watchman.worker_says("mini", "other")
    gone = [await watchman.store.queued(parameters=replace(PARAMETERS, model="gone")) for _ in range(2)]
    offered = await watchman.store.queued()
    await watchman.look_after(5)
    await watchman.look_after(599)
    assert (await watchman.task(gone[0])).state is State.QUEUED

    await watchman.look_after(1)

    failed = await watchman.task(gone[0])
    assert failed.failure is not None
    assert (failed.state, failed.charged, failed.failure.blame) == (State.FAILED, 0, Blame.WORKER)
    assert failed.failure.message == "No worker has the model gone any more; what was not drawn is not charged."
    assert [change.task_id for change in watchman.notes.changes] == gone
    assert (await watchman.task(offered)).state is State.QUEUED
    assert {letter.hold_id for letter in await watchman.store.outbox.take_settlements(10)} == set(gone)
    assert len(watchman.settled) == 2


async def test_a_model_that_comes_back_begins_its_time_anew(watchman: Watchman) -> None:
    task_id = await watchman.store.queued()
    for names in (("other",), ("mini",), ("other",)):
        await watchman.worker_says(*names)
        await watchman.look_after(1)
        await watchman.look_after(500)

    assert (await watchman.task(task_id)).state is State.QUEUED


async def test_time_in_which_no_worker_answers_does_not_count(watchman: Watchman) -> None:
    task_id = await watchman.store.queued()

    for _ in range(3):
        await watchman.look_after(1000)

    assert (await watchman.task(task_id)).state is State.QUEUED
