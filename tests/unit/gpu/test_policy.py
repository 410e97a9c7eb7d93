"""Short requests go first, long ones keep moving, and buckets take turns."""

import pytest

from services.gpu import limits
from services.gpu.engine import policy
from services.gpu.engine.policy import MOST_PASSED_OVER, Policy
from services.gpu.engine.pool import Job, Pool
from services.gpu.engine.run import Run
from services.gpu.engine.stream import Stream
from services.gpu.requests import Plan, Request
from tests.support import gpu_model
from tests.support.gpu_model import FakeTrajectory


class Line:
    """A pool, and who goes a step in it."""

    def __init__(self, choose: Policy, *, rows: int = 2, places: int = 1000, most_bytes: int = 10**9) -> None:
        """`rows` fit into a forward."""
        self.pool = Pool(places=places, most_bytes=most_bytes)
        self._choose, self._rows = choose, rows

    def add(self, name: str, *, steps: int, guidance: float = 2.0, bucket: str = "one", run: Run | None = None) -> Run:
        """Put an image in, of a request of its own if none is given."""
        plan = self.plan(name, steps=steps, guidance=guidance)
        owner = run or Run(plan, Stream(loop=None, on_close=lambda _: None), clock=lambda: 0.0)  # type: ignore[arg-type]
        self.pool.add(Job(run=owner, sample=0, trajectory=FakeTrajectory(plan, 0, calls=steps), bucket=bucket))
        return owner

    def plan(self, name: str, *, steps: int, guidance: float) -> Plan:
        """Of an image."""
        request = Request(prompt=name, steps=steps, guidance=guidance)
        return limits.settle(request, gpu_model.card(max_steps=1000))

    def tick(self) -> list[str]:
        """One forward; who was in it."""
        jobs = self._choose(self.pool, lambda _: self._rows)
        self.pool.turn(jobs)
        for job in jobs:
            assert isinstance(job.trajectory, FakeTrajectory)
            job.trajectory.done += 1
            if not job.remaining:
                self.pool.remove(job)
        return [job.run.plan.prompt for job in jobs]


def test_those_with_the_fewest_steps_left_go_first() -> None:
    line = Line(policy.shortest)
    line.add("long", steps=20)
    line.add("short", steps=3)

    assert [line.tick() for _ in range(4)] == [["short"], ["short"], ["short"], ["long"]]


def test_of_equals_whoever_came_first_goes_first() -> None:
    line = Line(policy.shortest)
    line.add("a", steps=2)
    line.add("b", steps=2)

    assert line.tick() == ["a"]


def test_a_long_one_keeps_moving_however_many_short_ones_come() -> None:
    line = Line(policy.shortest)
    line.add("long", steps=900)
    seen: list[str] = []

    for number in range(200):
        if number % 2 == 0:
            line.add("short", steps=2)
        seen += line.tick()

    gaps = [len(gap) for gap in "".join("L" if each == "long" else "." for each in seen).split("L")]
    assert max(gaps) == MOST_PASSED_OVER


def test_who_came_first_is_drawn_to_its_end_where_that_is_the_rule() -> None:
    line = Line(policy.fifo)
    line.add("long", steps=5)
    line.add("short", steps=1)

    assert [line.tick() for _ in range(6)] == [["long"]] * 5 + [["short"]]


@pytest.mark.parametrize("choose", [policy.shortest, policy.fifo])
def test_what_fits_beside_the_first_fills_the_forward(choose: Policy) -> None:
    line = Line(choose, rows=5)
    line.add("first", steps=2)
    line.add("second", steps=3)
    line.add("too much", steps=4)
    line.add("one row", steps=5, guidance=1.0)

    assert line.tick() == ["first", "second", "one row"]


@pytest.mark.parametrize("choose", [policy.shortest, policy.fifo])
def test_one_goes_even_where_it_alone_is_too_much(choose: Policy) -> None:
    line = Line(choose, rows=1)
    line.add("guided", steps=1)

    assert line.tick() == ["guided"]


def test_buckets_take_turns_whatever_comes_into_them() -> None:
    line = Line(policy.shortest)
    line.add("a", steps=50, bucket="large")
    line.add("b", steps=50, bucket="small")
    seen: list[str] = []

    for _ in range(20):
        line.add("new", steps=1, bucket="large")
        seen += line.tick()

    assert seen.count("b") == 10


def test_a_request_gets_its_first_image_in_whoever_fills_the_places() -> None:
    line = Line(policy.shortest, places=2)
    large = line.add("large", steps=5)
    line.add("large", steps=5, run=large)
    other = Run(large.plan, large.stream, clock=lambda: 0.0)

    assert not line.pool.has_room_for(large)
    assert line.pool.has_room_for(other)
    assert line.pool.images_of(large) == 2


def test_memory_bounds_the_pool_but_never_empties_it() -> None:
    line = Line(policy.shortest, most_bytes=1500)
    assert line.pool.has_room_for(line.add("a", steps=1))
    other = line.add("b", steps=1)

    assert not line.pool.has_room_for(other)
