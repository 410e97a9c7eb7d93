"""Whatever steps a worker tells of, forwards, backwards or nonsense, what watchers are told only rises."""

import asyncio
import datetime as dt
from typing import Any, cast

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.tasks.errors import WorkerLost
from services.tasks.ports import LeaseStore
from services.tasks.states import State
from services.tasks.values import Lease, Task
from services.tasks.workers.attempt import Attempt, Pace
from services.tasks.workers.generation import Admitted, Happening, Preview, Step
from tests.support.fake_parts import FakeWorker, Notes
from tests.support.ledger_rows import PARAMETERS

STEPS = st.builds(
    Step, step=st.integers(-3, 12), steps=st.sampled_from([8, 8, 8, 0, -1]), remaining_ms=st.integers(0, 9)
)
SAID = st.lists(st.one_of(STEPS, st.just(Preview(content_type="image/webp", data=b"rough"))), max_size=20)
TASK = Task(
    task_id="task-1",
    user_id="ada",
    session_id="s",
    digest="d",
    revision=1,
    state=State.RUNNING,
    parameters=PARAMETERS,
    price=2,
    place=1,
    attempt=1,
    created=dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
)


class Kept:
    """A lease that is never lost, and the progress that was kept."""

    async def beat(self, lease: Lease, *, step: int, steps_total: int) -> bool:
        """Nobody wants it stopped."""
        return False

    async def admitted(self, lease: Lease, *, seed: int) -> Task:
        """It has a seed."""
        return TASK


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(said=SAID)
def test_the_progress_of_an_attempt_never_falls_and_never_passes_its_end(said: list[Happening]) -> None:
    notes = Notes()
    attempt = Attempt(
        lease=Lease(task_id="task-1", owner="replica-1", attempt=1),
        task=TASK,
        worker=FakeWorker([Admitted(seed=7), *said, WorkerLost()]),
        leases=cast(LeaseStore, Kept()),
        images=cast(Any, None),
        announcer=notes,
        pace=Pace(),
        patience_seconds=30,
    )

    asyncio.run(until_lost(attempt))

    told = [change.progress for change in notes.changes if change.progress is not None]
    steps = [progress.step for progress in told]
    assert steps == sorted(steps)
    assert all(0 <= progress.step <= max(0, progress.steps) and 0 <= progress.percent <= 100 for progress in told)


async def until_lost(attempt: Attempt) -> None:
    """Follow the worker until it is lost, as it is at the end of what it has to say."""
    try:
        await attempt.draw()
    except WorkerLost:
        return
    raise AssertionError("the worker was not lost")
