"""The clients, and bare diffusers as an arm, with something quick in the painter's place."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from bench.engine import clients
from bench.engine.arms import Bare
from bench.engine.loads import Job

FIRST = Job(prompt="a star", steps=20, seed=0, size=64)
SHORT = [Job(prompt="a star", steps=4, seed=seed, size=64) for seed in range(1, 4)]
LONG = [Job(prompt="a star", steps=50, seed=seed, size=64) for seed in range(4, 7)]


class Recorder:
    """Draws nothing, notes the batches, and holds the first one back until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def draw(self, jobs: Sequence[Job], *, stepped: Callable[[], None]) -> list[bytes]:
        self.batches.append([job.seed for job in jobs])
        self.begun.set()
        assert self.go_on.wait(10)
        stepped()
        return [str(job.seed).encode() for job in jobs]


def endless(job: Job) -> Iterator[Job]:
    while True:
        yield job


def drawn(job: Job, stepped: Callable[[], None]) -> bytes:
    stepped()
    return b""


def refused(job: Job, stepped: Callable[[], None]) -> bytes:
    raise ConnectionError("full")


def test_a_closed_loop_gives_as_many_answers_as_were_asked_for() -> None:
    heard = clients.closed(drawn, endless(FIRST), clients=4, count=10)

    assert len(heard) == 10
    assert all(len(each.steps) == 1 and each.asked <= each.steps[0] <= each.answered for each in heard)


def test_a_failure_is_an_answer_too() -> None:
    heard = clients.closed(refused, endless(FIRST), clients=2, count=3)

    assert [each.failure for each in heard] == ["ConnectionError: full"] * 3


def test_an_open_loop_asks_at_its_times_though_nothing_is_answered_yet() -> None:
    everyone = threading.Barrier(3)

    def only_together(job: Job, stepped: Callable[[], None]) -> bytes:
        everyone.wait(10)
        return b""

    heard = clients.opened(only_together, [FIRST] * 3, [0.0, 0.001, 0.002])

    assert [each.failure for each in heard] == [""] * 3
    assert [each.asked - heard[0].asked for each in heard] == pytest.approx([0.0, 0.001, 0.002])


@pytest.mark.parametrize(
    ("batch", "expected"), [(1, [[0], [1], [4], [2], [5], [3], [6]]), (8, [[0], [1, 2, 3], [4, 5, 6]])]
)
def test_a_bare_arm_draws_what_waits_oldest_first_in_batches_of_one_kind(
    tmp_path: Path, batch: int, expected: list[list[int]]
) -> None:
    painter = Recorder()
    arm = Bare(painter, name="bare", title="bare", batch=batch)
    arm.start(tmp_path)
    mixed = [FIRST, *(job for pair in zip(SHORT, LONG, strict=True) for job in pair)]
    first = arm.submit(mixed[0], lambda: None)
    assert painter.begun.wait(10)

    rest = [arm.submit(job, lambda: None) for job in mixed[1:]]
    painter.go_on.set()
    pictures = [future.result(10) for future in (first, *rest)]
    arm.stop()

    assert painter.batches == expected
    assert pictures == [str(job.seed).encode() for job in mixed]


def test_everyone_in_a_batch_hears_of_its_steps_and_of_its_failure(tmp_path: Path) -> None:
    class Breaks:
        def draw(self, jobs: Sequence[Job], *, stepped: Callable[[], None]) -> list[bytes]:
            stepped()
            raise MemoryError

    arm = Bare(Breaks(), name="static", title="static", batch=8)
    arm.start(tmp_path)
    steps: list[int] = []

    futures = [arm.submit(job, lambda seed=job.seed: steps.append(seed)) for job in SHORT]  # type: ignore[misc]
    failures = [future.exception(10) for future in futures]
    arm.stop()

    assert [type(failure) for failure in failures] == [MemoryError] * 3
    assert sorted(steps) == [job.seed for job in SHORT]
