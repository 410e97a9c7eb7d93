"""The warm-up measures a few sizes and never takes long."""

from collections.abc import Callable

from services.gpu import warmup
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

    times = warmup.step_times(model, budget_seconds=60, clock=model.clock)

    assert [(time.width, time.height) for time in times] == [(64, 64), (256, 256)]
    assert [time.step_us for time in times] == [100_000, 1_600_000]
    assert times[0].image_us == 200_000


def test_a_size_that_would_take_too_long_is_reckoned_by_its_pixels() -> None:
    model = SlowModel()

    times = warmup.step_times(model, budget_seconds=2, clock=model.clock)

    assert [time.step_us for time in times] == [100_000, 1_600_000]
    assert model.now < 2
    assert len(model.stepped) == 3


def test_sizes_keep_to_the_models_limits() -> None:
    model = SlowModel()
    model.card = gpu_model.card(min_size=72, max_size=250, size_multiple=16, max_pixels=100 * 100)

    times = warmup.step_times(model, budget_seconds=60, clock=model.clock)

    assert [(time.width, time.height) for time in times] == [(64, 64), (80, 80)]
