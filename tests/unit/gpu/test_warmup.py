"""The warm-up measures a few sizes and never takes long."""

import dataclasses
from collections.abc import Callable, Sequence

import pytest

from services.gpu import errors
from services.gpu.images import Pixels
from services.gpu.models import warmup
from tests.support import gpu_model
from tests.support.gpu_model import FakeModel, FakeTrajectory


class SlowModel(FakeModel):
    """A model that takes a tenth of a second a step at 64 × 64, on a clock of its own, and in proportion above."""

    def __init__(self, *, rows: int = 2) -> None:
        """At noon."""
        super().__init__(rows=rows)
        self.now = 0.0

    def step(self, trajectories: Sequence[FakeTrajectory], *, rows: int | None = None) -> Sequence[Exception | None]:
        """Let the time pass."""
        answers = super().step(trajectories, rows=rows)
        self.now += 0.1 * trajectories[0].plan.width * trajectories[0].plan.height / 64**2
        return answers

    def decode(self, trajectories: Sequence[FakeTrajectory]) -> Sequence[Pixels | Exception]:
        """As long as two steps at the smallest size."""
        self.now += 0.2
        return super().decode(trajectories)

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


def test_what_several_images_at_once_gain_is_told_beside_what_one_takes() -> None:
    model = SlowModel(rows=8)
    alone = SlowModel()

    shared = warmup.measured(model, budget_seconds=60, clock=model.clock).step_times
    none = warmup.measured(alone, budget_seconds=60, clock=alone.clock).step_times

    # This model's forward takes the same time however many rows it has: four images share one.
    assert [time.shared_step_us for time in shared] == [25_000, 400_000]
    assert [time.images_at_once for time in shared] == [4, 4]
    assert 8 in model.filled
    assert [time.shared_step_us for time in none] == [time.step_us for time in none]


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

    def step(self, trajectories: Sequence[FakeTrajectory], *, rows: int | None = None) -> Sequence[Exception | None]:
        """Fail where it is too much."""
        if trajectories[0].plan.width <= self._up_to:
            return super().step(trajectories, rows=rows)
        if self._error is errors.OutOfMemory:
            raise errors.OutOfMemory
        return [self._error()]


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

    def step(self, trajectories: Sequence[FakeTrajectory], *, rows: int | None = None) -> Sequence[Exception | None]:
        """Let the time pass."""
        answers = FakeModel.step(self, trajectories, rows=rows)
        self.now += self.seconds[self.threads]
        return answers


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


class RowsModel(SlowModel):
    """A model whose forward takes so many seconds by its rows."""

    def __init__(self, seconds: dict[int, float], *, room: int = 99) -> None:
        """There is memory for `room` rows."""
        super().__init__()
        self._seconds, self._room_for = seconds, room
        self.tried: list[int] = []

    def step(self, trajectories: Sequence[FakeTrajectory], *, rows: int | None = None) -> Sequence[Exception | None]:
        """Let the time pass."""
        count = rows or 2
        if count > self._room_for:
            raise errors.OutOfMemory
        answers = FakeModel.step(self, trajectories, rows=rows)
        self.tried.append(count)
        self.now += self._seconds[count]
        return answers


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [
        ({1: 0.1, 2: 0.1, 4: 0.11, 8: 0.15, 16: 0.3, 32: 0.6}, 8),
        ({1: 0.1, 2: 0.2, 4: 0.4}, 1),
        ({1: 0.3, 2: 0.4, 4: 0.6, 8: 1.2, 16: 2.0}, 4),
    ],
    ids=["eight pay", "none pays", "eight would take too long"],
)
def test_as_many_rows_go_into_a_forward_as_pay(seconds: dict[int, float], rows: int) -> None:
    model = RowsModel(seconds)

    found = warmup.row_budget(model, clock=model.clock)

    assert (found.rows, found.pixels, found.padded) == (rows, 64 * 64, False)


def test_no_more_rows_are_tried_than_there_is_memory_for() -> None:
    model = RowsModel(dict.fromkeys((1, 2, 4, 8, 16, 32), 0.1))

    found = warmup.row_budget(model, most=6, clock=model.clock)

    assert found.rows == max(model.tried) == 4


def test_a_device_that_is_full_ends_the_trial() -> None:
    model = RowsModel(dict.fromkeys((1, 2, 4, 8, 16, 32), 0.1), room=8)

    assert warmup.row_budget(model, clock=model.clock).rows == 8


def test_a_short_forward_is_timed_a_few_times_and_a_long_one_once() -> None:
    model = RowsModel({1: 0.05, 2: 0.3, 4: 2.0})

    warmup.row_budget(model, clock=model.clock)

    assert model.tried == [1, 1, 1, 2, 4]
    long = RowsModel({1: 0.3, 2: 0.3, 4: 0.9, 8: 1.8})
    warmup.row_budget(long, clock=long.clock)
    assert long.tried == [1, 2, 4, 8]


def test_an_accelerators_rows_are_filled_up_to_counts_it_knows() -> None:
    model = RowsModel(dict.fromkeys((1, 2, 4, 8, 16, 32), 0.1))
    model.device = "cuda:0"

    assert warmup.row_budget(model, clock=model.clock).padded
