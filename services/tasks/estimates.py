"""How long things take, by the step times that workers measured, and when a waiting task will start.

The line is simulated as what it is: slots that become free one after another, each taking the next task in order.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from services.tasks.capabilities import Model, StepTime
from services.tasks.values import Parameters, Progress


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A task that waits or runs, as far as the line is concerned."""

    task_id: str
    """The task."""
    left_ms: int | None
    """Work left in it, in milliseconds; None when its model has no measured times."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Who waits and who runs at one moment."""

    waiting: tuple[Standing, ...] = ()
    """In queue order."""
    running: tuple[Standing, ...] = ()
    """On workers."""
    slots: int = 1
    """Tasks that workers take at once, all together."""

    def place(self, task_id: str) -> Progress | None:
        """Position, tasks ahead and time until the start of a waiting task; None when it does not wait."""
        for index, standing in enumerate(self.waiting):
            if standing.task_id == task_id:
                return Progress(position=index + 1, ahead=index + len(self.running), start_ms=self._start_ms(index))
        return None

    def start_ms(self) -> int | None:
        """Until a task that joined now would start, in milliseconds; None when unknown."""
        return self._start_ms(len(self.waiting))

    def _start_ms(self, index: int) -> int | None:
        lefts = [each.left_ms for each in (*self.running, *self.waiting[:index])]
        known = [left for left in lefts if left is not None]
        if len(known) < len(lefts) or self.slots < 1:
            return None
        busy, ahead = known[: len(self.running)], known[len(self.running) :]
        free = [0] * max(0, self.slots - len(busy)) + busy
        heapq.heapify(free)
        # More may run than there are slots now, when a worker has just left: the surplus ends before anything starts.
        for _ in range(len(busy) - self.slots):
            heapq.heappop(free)
        for left in ahead:
            heapq.heapreplace(free, free[0] + left)
        return free[0]


def work_ms(parameters: Parameters, models: Sequence[Model]) -> int | None:
    """Milliseconds the whole task takes on a worker of its own; None when nothing was measured."""
    model = next((each for each in models if each.name == parameters.model), None)
    if model is None or not model.step_times:
        return None
    measured = _nearest(model.step_times, parameters.width * parameters.height)
    scale = parameters.width * parameters.height / (measured.width * measured.height)
    # Without guidance the model runs once a step in place of twice.
    step_us = measured.step_us * scale * (1.0 if parameters.guidance > 1 else 0.5)
    return round(parameters.samples * (parameters.steps * step_us + measured.image_us * scale) / 1000)


def _nearest(step_times: Sequence[StepTime], pixels: int) -> StepTime:
    return min(step_times, key=lambda each: abs(each.width * each.height - pixels))
