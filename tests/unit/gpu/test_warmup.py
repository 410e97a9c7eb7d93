"""The warm-up measures a few sizes and never takes long."""

import dataclasses
from collections.abc import Callable

import pytest

from services.gpu import errors, warmup
from tests.support import gpu_model
from tests.support.gpu_model import FakeModel, FakeTrajectory


class SlowModel(FakeModel):
    """A model that takes a tenth of a second a step at 64 × 64, on a clock of its own, and in proportion above."""

    def __init__(self) -> None:
        """At noon."""
        super().__init__()
        self.now = 0.0

    def step(self, trajectory: FakeTrajectory) -> None:
        """Let the time pass."""
        super().step(trajectory)
        self.now += 0.1 * trajectory.plan.width * trajectory.plan.height / 64**2

    def finish(self, trajectory: FakeTrajectory) -> bytes:
        """As long as two steps at the smallest size."""
        self.now += 0.2
        return super().finish(trajectory)

    @property
    def clock(self) -> Callable[[], float]:
        """What time it is for this model."""
        return lambda: self.now


def test_sizes_are_measured_smallest_first() -> None:
    model = SlowModel()

    times = warmup.measured(model, budget_seconds=60, clock=model.clock).step_times

    assert [(time.width, time.height) for time in times] == [(64, 64), (256, 256)]
    assert [time.step_us for time in times] == [100_000, 1_600_000]
    assert times[0].image_us == 200_000


def test_a_size_that_would_take_too_long_is_reckoned_by_its_pixels() -> None:
    model = SlowModel()

    times = warmup.measured(model, budget_seconds=2, clock=model.clock).step_times

    assert [time.step_us for time in times] == [100_000, 1_600_000]
    assert model.now < 2
    assert len(model.stepped) == 3


def test_sizes_keep_to_the_models_limits() -> None:
    model = SlowModel()
    model.card = gpu_model.card(min_size=72, max_size=250, size_multiple=16, max_pixels=100 * 100)

    times = warmup.measured(model, budget_seconds=60, clock=model.clock).step_times

    assert [(time.width, time.height) for time in times] == [(64, 64), (80, 80)]


class FailingModel(SlowModel):
    """Draws pictures up to a side, and fails with larger ones."""

    def __init__(self, *, up_to: int, error: type[errors.GenerationFailed]) -> None:
        """`error` is what larger ones fail with."""
        super().__init__()
        self._up_to, self._error = up_to, error

    def step(self, trajectory: FakeTrajectory) -> None:
        """Fail where it is too much."""
        if trajectory.plan.width > self._up_to:
            raise self._error
        super().step(trajectory)


def test_a_size_without_room_lowers_the_limit() -> None:
    model = FailingModel(up_to=64, error=errors.OutOfMemory)

    card = warmup.measured(model, budget_seconds=60, clock=model.clock)

    assert card.limits.max_size == 64
    assert [time.width for time in card.step_times] == [64]


def test_a_size_that_does_not_come_out_is_reckoned_and_stays_allowed() -> None:
    model = FailingModel(up_to=64, error=errors.NotFinite)

    card = warmup.measured(model, budget_seconds=60, clock=model.clock)

    assert card.limits.max_size == 256
    assert [time.step_us for time in card.step_times] == [100_000, 1_600_000]


@pytest.mark.parametrize("error", [errors.OutOfMemory, errors.NotFinite])
def test_a_model_that_cannot_draw_at_all_says_so(error: type[errors.GenerationFailed]) -> None:
    model = FailingModel(up_to=8, error=error)

    with pytest.raises(error):
        warmup.measured(model, budget_seconds=60, clock=model.clock)


def test_a_model_without_room_for_its_own_size_says_so() -> None:
    model = FailingModel(up_to=64, error=errors.OutOfMemory)
    model.card = dataclasses.replace(
        model.card, defaults=model.card.defaults.model_copy(update={"width": 128, "height": 128})
    )

    with pytest.raises(errors.OutOfMemory):
        warmup.measured(model, budget_seconds=60, clock=model.clock)


class ThreadedModel(SlowModel):
    """A model whose step takes what its number of threads says, in seconds."""

    def __init__(self, seconds: dict[int, float]) -> None:
        """`seconds` a step by threads."""
        super().__init__()
        self.seconds = seconds
        self.threads = 0

    def use(self, threads: int) -> None:
        """Compute on so many."""
        self.threads = threads

    def step(self, trajectory: FakeTrajectory) -> None:
        """Let the time pass."""
        FakeModel.step(self, trajectory)
        self.now += self.seconds[self.threads]


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({1: 0.5, 2: 1.2}, 1),
        ({1: 8.0, 2: 4.1, 4: 2.2, 6: 1.5}, 6),
        ({1: 0.5, 2: 0.48}, 1),
        ({1: 0.5, 2: 0.3, 4: 0.29, 6: 0.28}, 2),
        ({1: 0.5}, 1),
    ],
    ids=["small model", "large model", "hardly quicker", "soon at its best", "one core"],
)
def test_as_many_threads_draw_as_are_worth_it(seconds: dict[int, float], chosen: int) -> None:
    model = ThreadedModel(seconds)

    threads = warmup.quickest_threads(model, most=max(seconds), use=model.use, clock=model.clock)

    assert threads == model.threads == chosen


def test_no_time_is_lost_on_more_threads_once_they_only_hinder() -> None:
    model = ThreadedModel({1: 0.1, 2: 0.3})

    threads = warmup.quickest_threads(model, most=64, use=model.use, clock=model.clock)

    assert threads == 1
