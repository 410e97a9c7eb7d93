"""What becomes of a task, by how its attempt on a worker ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from services.foundation.errors import Unavailable
from services.tasks.errors import GenerationFailed, LeaseLost, WorkerBusy, WorkerLeaving, WorkerLost
from services.tasks.files.images import ImageFiles
from services.tasks.files.storage import Folder
from services.tasks.states import State
from services.tasks.store.leases import Leases
from services.tasks.values import Blame, Image, Lease, Task
from services.tasks.wire import model_messages
from services.tasks.workers.attempt import Pace
from services.tasks.workers.capabilities import StepTime
from services.tasks.workers.dispatcher import Dispatcher
from services.tasks.workers.fleet import Fleet
from services.tasks.workers.generation import Admitted, Finished, Happening, Preview, Step
from tests.support.fake_parts import MODEL, FakeWorker, Notes, picture
from tests.support.ledger import until
from tests.support.ledger_rows import PARAMETERS, Store

IMPATIENT = Pace(
    lease_seconds=5,
    beat_seconds=0.05,
    least_patience_seconds=0.1,
    patience_steps=1,
    unknown_patience_seconds=0.1,
    admission_seconds=0.5,
)


Play = list[Happening | Exception | str | asyncio.Event]


class Room:
    """A dispatcher with one worker."""

    def __init__(
        self, store: Store, folder: Path, worker: FakeWorker, leases: Leases | None = None, *, pace: Pace = IMPATIENT
    ) -> None:
        self.store, self.folder, self.worker = store, folder, worker
        self.notes = Notes()
        self.settled: list[None] = []
        self.fleet = Fleet(
            {"gpu-1": worker},
            store=store.workers,
            encode=model_messages.encode_capabilities,
            decode=model_messages.decode_capabilities,
        )
        self.dispatcher = Dispatcher(
            leases=leases or store.leases(),
            fleet=self.fleet,
            images=ImageFiles(Folder(folder)),
            announcer=self.notes,
            pace=pace,
            settle_now=lambda: self.settled.append(None),
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Room"]:
        loops = [asyncio.create_task(self.fleet.run()), asyncio.create_task(self.dispatcher.run())]
        yield self
        await self.dispatcher.drain(0)
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)

    async def task(self, task_id: str) -> Task:
        found = await self.store.tasks.get("ada", task_id)
        assert found is not None
        return found

    async def ended(self, task_id: str) -> Task:
        async def look() -> Task | None:
            task = await self.task(task_id)
            return task if task.state.ended else None

        found = await until(look)
        assert found is not None
        return found


@pytest.fixture
def room(store: Store, tmp_path: Path) -> Callable[[FakeWorker], Room]:
    return lambda worker: Room(store, tmp_path / "images", worker)


async def test_a_good_answer_delivers_every_image_and_its_progress(
    store: Store, room: Callable[[FakeWorker], Room]
) -> None:
    async with room(FakeWorker()).open() as here:
        task_id = await store.queued()

        ended = await here.ended(task_id)
        # The relay is woken once the end is written, which others may read before.
        await until(lambda: _true(bool(here.settled)))

        assert (ended.state, ended.charged, ended.parameters.seed) == (State.SUCCEEDED, 2, 7)
        assert all((here.folder / image.path).exists() for image in ended.images)
        live = [change.progress for change in here.notes.changes if change.progress is not None]
        assert [(progress.step, progress.steps, progress.percent) for progress in live] == [(4, 8, 50), (8, 8, 100)]


@pytest.mark.parametrize(
    ("play", "reason", "blame"),
    [
        ([GenerationFailed(reason="BAD", message="No.", invalid=True)], "BAD", Blame.REQUEST),
        ([Admitted(seed=1), GenerationFailed(reason="BROKE", message="It broke.")], "BROKE", Blame.OURS),
        ([Admitted(seed=1), picture(0, 1), Finished()], "IMAGES_MISSING", Blame.OURS),
        ([Admitted(seed=1), picture(7, 1)], "BAD_IMAGE", Blame.OURS),
        ([Admitted(seed=1), replace(picture(0, 1), data=b"x")], "BAD_IMAGE", Blame.OURS),
    ],
    ids=["refused", "broke", "images missing", "image not asked for", "image not readable"],
)
async def test_what_would_fail_anywhere_fails_at_once(
    store: Store, room: Callable[[FakeWorker], Room], play: Play, reason: str, blame: Blame
) -> None:
    async with room(FakeWorker(play)).open() as here:
        task_id = await store.queued()

        ended = await here.ended(task_id)

        assert ended.state is State.FAILED
        assert ended.failure is not None
        assert (ended.failure.reason, ended.failure.blame) == (reason, blame)
        assert ended.charged == len(ended.images)
        assert len(here.worker.requests) == 1


@pytest.mark.parametrize(
    ("fault", "admitted", "lost"),
    [
        (WorkerBusy(0.01), False, 0),
        (WorkerLeaving(), False, 0),
        (WorkerLeaving(), True, 0),
        (WorkerLost(), False, 0),
        (WorkerLost(), True, 1),
        (ZeroDivisionError(), True, 1),
    ],
    ids=["busy", "leaving", "leaving midway", "lost before admission", "lost midway", "our own fault"],
)
async def test_what_another_worker_may_make_good_goes_back_to_the_queue(
    store: Store, room: Callable[[FakeWorker], Room], fault: Exception, admitted: bool, lost: int
) -> None:
    play: Play = [Admitted(seed=3), fault] if admitted else [fault]
    worker = FakeWorker(play)
    async with room(worker).open() as here:
        task_id = await store.queued()

        ended = await here.ended(task_id)

        assert (ended.state, ended.lost, ended.attempt) == (State.SUCCEEDED, lost, 2)
        assert worker.requests[1].part.seed == (3 if admitted else None)


async def test_a_silent_worker_is_a_lost_one(store: Store, room: Callable[[FakeWorker], Room]) -> None:
    worker = FakeWorker([Admitted(seed=3), picture(0, 3), FakeWorker.SILENCE])
    async with room(worker).open() as here:
        task_id = await store.queued()

        ended = await here.ended(task_id)

        assert (ended.state, ended.lost) == (State.SUCCEEDED, 1)
        assert (worker.requests[1].part.first, worker.requests[1].part.samples) == (1, 1)
        assert [image.seed for image in ended.images] == [3, 4]


async def test_a_worker_whose_slots_others_have_taken_is_waited_for(store: Store, tmp_path: Path) -> None:
    slot_free = asyncio.Event()
    worker = FakeWorker([slot_free, Admitted(seed=3), picture(0, 3), picture(1, 4), Finished()])
    pace = replace(IMPATIENT, admission_seconds=120)
    async with Room(store, tmp_path / "images", worker, pace=pace).open() as here:
        task_id = await store.queued()
        await until(lambda: _true(bool(worker.requests)))
        # Later than a lost worker's silence would be noticed, sooner than the wait for a slot is over.
        asyncio.get_running_loop().call_later(0.25, slot_free.set)

        ended = await here.ended(task_id)

        assert (ended.state, ended.attempt, len(worker.requests)) == (State.SUCCEEDED, 1, 1)


async def test_a_worker_that_never_has_a_slot_is_full_and_not_lost(
    store: Store, room: Callable[[FakeWorker], Room]
) -> None:
    worker = FakeWorker([FakeWorker.SILENCE])
    began_to_answer: list[None] = []
    here = room(worker)
    here.fleet.listen(lambda: began_to_answer.append(None))
    async with here.open():
        task_id = await store.queued()

        ended = await here.ended(task_id)

        assert (ended.state, ended.lost, ended.attempt) == (State.SUCCEEDED, 0, 2)
        assert len(began_to_answer) == 1


class Blinking(Leases):
    """The database is away at the first try of each write: before it, or before its answer."""

    def __init__(self, store: Store, *, then: Exception | None = None) -> None:
        super().__init__(store.database, owner="replica-1", seconds=30)
        self._then = then
        self._tried: set[str] = set()
        self.refused = False

    async def admitted(self, lease: Lease, *, seed: int) -> Task:
        self._blink("admitted")
        return await super().admitted(lease, seed=seed)

    async def deliver(self, lease: Lease, image: Image) -> Task:
        if image.path in self._tried and self._then is not None:
            self.refused = True
            raise self._then
        delivered = await super().deliver(lease, image)
        self._blink(image.path)
        return delivered

    def _blink(self, what: str) -> None:
        if what not in self._tried:
            self._tried.add(what)
            raise Unavailable


async def test_a_database_that_blinks_costs_a_task_no_attempt(store: Store, tmp_path: Path) -> None:
    worker = FakeWorker()
    async with Room(store, tmp_path / "images", worker, Blinking(store)).open() as here:
        task_id = await store.queued()

        ended = await here.ended(task_id)

        assert (ended.state, ended.lost, ended.attempt, len(ended.images)) == (State.SUCCEEDED, 0, 1, 2)
        assert len(worker.requests) == 1


async def test_a_file_that_a_row_may_speak_of_is_kept_when_the_lease_is_lost(store: Store, tmp_path: Path) -> None:
    folder, leases = tmp_path / "images", Blinking(store, then=LeaseLost())
    here = Room(store, folder, FakeWorker(), leases)
    async with here.open():
        task_id = await store.queued()

        await until(lambda: _true(leases.refused))

    (image,) = (await here.task(task_id)).images
    assert (folder / image.path).exists()


async def test_progress_of_a_second_attempt_counts_the_images_that_are_there(
    store: Store, room: Callable[[FakeWorker], Room]
) -> None:
    worker = FakeWorker([Admitted(seed=3), picture(0, 3), WorkerLost()])
    async with room(worker).open() as here:
        task_id = await store.queued()

        await here.ended(task_id)

        live = [change.progress for change in here.notes.changes if change.progress and change.attempt == 2]
        assert [(progress.step, progress.steps) for progress in live] == [(8, 8)]


async def test_progress_never_turns_back_and_a_preview_keeps_it(
    store: Store, room: Callable[[FakeWorker], Room]
) -> None:
    steps = [Step(step=step, steps=8, remaining_ms=1) for step in (2, 1, 5, 99)]
    preview = Preview(content_type="image/webp", data=b"rough")
    play: Play = [Admitted(seed=3), *steps, preview, picture(0, 3), picture(1, 4), Finished()]
    async with room(FakeWorker(play)).open() as here:
        task_id = await store.queued()

        await here.ended(task_id)

        live = [change.progress for change in here.notes.changes if change.progress is not None]
        assert [progress.step for progress in live] == [2, 5, 8, 8]
        assert (live[-1].preview, live[-1].remaining_ms) == (b"rough", 1)


async def test_a_cancel_stops_the_stream_and_a_drain_gives_the_task_back(
    store: Store, room: Callable[[FakeWorker], Room]
) -> None:
    silent: Play = [Admitted(seed=3), Step(step=1, steps=8, remaining_ms=1), FakeWorker.SILENCE]
    worker = FakeWorker(silent, silent)
    here = room(worker)
    patient = Pace(lease_seconds=5, beat_seconds=0.05)
    here.dispatcher = Dispatcher(
        leases=store.leases(), fleet=here.fleet, images=ImageFiles(Folder(here.folder)), announcer=here.notes,
        pace=patient, settle_now=lambda: None,
    )  # fmt: skip
    async with here.open():
        first = await store.queued()

        async def running(number: int) -> bool:
            return len(worker.requests) == number and any(change.progress for change in here.notes.changes)

        await until(lambda: running(1))
        await store.tasks.cancel("ada", first)
        ended = await here.ended(first)
        second = await store.queued()
        await until(lambda: running(2))
        await here.dispatcher.drain(0)
        drained = await here.task(second)

        assert ended.state is State.CANCELLED
        assert (drained.state, drained.lost) == (State.QUEUED, 0)


async def test_a_worker_that_refuses_is_left_alone_longer_each_time(store: Store) -> None:
    now = 0.0
    worker = FakeWorker()
    fleet = Fleet(
        {"gpu-1": worker},
        store=store.workers,
        encode=model_messages.encode_capabilities,
        decode=model_messages.decode_capabilities,
        clock=lambda: now,
    )
    asking = asyncio.create_task(fleet.run())
    await until(lambda: _true(fleet.answering() == 1))
    rests = []

    for _ in range(8):
        fleet.rest("gpu-1")
        begun = now
        while not list(fleet.ready()):
            now += 0.25
        rests.append(now - begun)

    assert rests == [0.25, 0.5, 1, 2, 4, 8, 10, 10]
    fleet.took("gpu-1")
    fleet.rest("gpu-1", gone=True)
    assert (fleet.answering(), fleet.slots()) == (0, 0)
    assert fleet.models()[0].name == "mini"
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


async def _true(value: bool) -> bool:
    return value


def test_patience_is_many_steps_but_never_too_short() -> None:
    pace = Pace(least_patience_seconds=30, patience_steps=20, unknown_patience_seconds=300)
    slow = replace(MODEL, step_times=(StepTime(width=64, height=64, step_us=5_000_000, image_us=4_000_000),))
    quick = replace(MODEL, step_times=(StepTime(width=64, height=64, step_us=5_000, image_us=4_000),))

    assert pace.patience(PARAMETERS, [slow]) == 20 * (5 + 4 / PARAMETERS.steps)
    assert pace.patience(PARAMETERS, [quick]) == 30
    assert pace.patience(PARAMETERS, [MODEL]) == 300
