"""How long things take, by the step times that workers measured, and when a waiting task will start.

The line is simulated as what it is. A worker puts images of several tasks into one forward, which takes longer than a
forward of one and less time than one after the other; of the tasks that have a slot those with the fewest steps left go
first, and a slot that becomes free takes the next task in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Protocol

from services.tasks.values import Progress
from services.tasks.workers.capabilities import Model, StepTime

SIMULATED: Final = 200
"""Starts worked out one by one; what waits behind them is reckoned by the pace of those, for nobody plans by that."""
_AT_A_TIME: Final = 2.0
"""Forwards simulated in one go."""
_NOTHING_LEFT: Final = 1e-6


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a task asks of a worker."""

    steps: float
    """Steps of each of its images."""
    images: int = 1
    """Images to draw."""
    forward_ms: float = 0.0
    """What a forward takes whatever is in it, in milliseconds."""
    each_ms: float
    """And for each image in it."""
    at_once: int = 1
    """Images in a forward that pays."""
    image_ms: float = 0.0
    """What every image takes beside its steps, in milliseconds."""

    @property
    def alone_ms(self) -> float:
        """From start to end on a worker of its own."""
        full, rest = divmod(self.images, self.at_once)
        a_step = full * self.step_ms(self.at_once) + (self.step_ms(rest) if rest else 0.0)
        return self.steps * a_step + self.images * self.image_ms

    def step_ms(self, images: int) -> float:
        """One forward of so many images like these."""
        return self.forward_ms + images * self.each_ms

    def part(self, left: float) -> "Work":
        """What is left of it when that share of its steps is."""
        return replace(self, steps=self.steps * left)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A task that waits or runs, as far as the line is concerned."""

    task_id: str
    """The task."""
    left: Work | None
    """Work left in it; None when its model has no measured times."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Who waits and who runs at one moment."""

    waiting: tuple[Standing, ...] = ()
    """In queue order."""
    running: tuple[Standing, ...] = ()
    """On workers."""
    slots: int = 1
    """Tasks that workers take at once, all together."""
    workers: int = 1
    """Workers that answer."""

    def place(self, task_id: str) -> Progress | None:
        """Position, tasks ahead and time until the start of a waiting task; None when it does not wait."""
        for index, standing in enumerate(self.waiting):
            if standing.task_id == task_id:
                return Progress(position=index + 1, ahead=index + len(self.running), start_ms=self._start_ms(index))
        return None

    def behind(self, others: int) -> Progress:
        """The place of a task that has joined since, with so many others that did so before it."""
        position = len(self.waiting) + others + 1
        return Progress(position=position, ahead=position - 1 + len(self.running), start_ms=self.start_ms())

    def start_ms(self) -> int | None:
        """Until a task that joined now would start, in milliseconds; None when unknown."""
        return self._start_ms(len(self.waiting))

    def _start_ms(self, index: int) -> int | None:
        if index < len(self._starts):
            return round(self._starts[index])
        if len(self._starts) <= SIMULATED or any(each.left is None for each in self.waiting[SIMULATED:index]):
            return None
        return round(self._starts[-1] * index / SIMULATED)

    @cached_property
    def _starts(self) -> Sequence[float]:
        """When the first tasks in line start, and the one after them, in milliseconds; as far as that is known."""
        if self.slots < 1 or self.workers < 1 or any(each.left is None for each in self.running):
            return ()
        on_workers = [each.left for each in self.running if each.left is not None]
        drawing = [image for work in on_workers for image in _images(work)]
        coming = iter([each.left for each in self.waiting[:SIMULATED]])
        starts: list[float] = []
        now = 0.0
        while True:
            while len({id(image.work) for image in drawing}) >= self.slots:
                now += _turn(drawing, self.workers)
                drawing = [image for image in drawing if image.steps > _NOTHING_LEFT]
            starts.append(now)
            # After the last one, and after one that nobody knows the work of, nothing more can be said.
            if (following := next(coming, None)) is None:
                return starts
            drawing += _images(following)


class _Image:
    """An image of a task that has a slot, while the line is simulated."""

    __slots__ = ("passed_over", "steps", "work")

    def __init__(self, work: Work) -> None:
        self.work = work
        self.steps = work.steps
        self.passed_over = 0.0

    def turn(self) -> float:
        """Whose turn it is: the lower, the sooner. A worker's own rule, which makes nobody wait for ever."""
        return self.steps - self.passed_over


def _images(work: Work) -> list[_Image]:
    # A value of its own for each task, equal ones too, for tasks are told apart by it.
    own = replace(work)
    return [_Image(own) for _ in range(work.images)]


def _turn(drawing: Sequence[_Image], workers: int) -> float:
    """Give some forwards to those whose turn it is; the milliseconds that takes, with the ends of those that end."""
    order = sorted(drawing, key=_Image.turn)
    room = workers * order[0].work.at_once
    chosen, others = order[:room], order[room:]
    # They are on every worker at the same time, as evenly as can be.
    at_work = min(workers, len(chosen))
    step_ms = max(image.work.forward_ms for image in chosen) + sum(image.work.each_ms for image in chosen) / at_work
    forwards = min(_AT_A_TIME, *(image.steps for image in chosen))
    finishing_ms = 0.0
    for image in chosen:
        image.steps -= forwards
        image.passed_over = 0.0
        if image.steps <= _NOTHING_LEFT:
            finishing_ms += image.work.image_ms / at_work
    for image in others:
        image.passed_over += forwards
    return forwards * step_ms + finishing_ms


class Asked(Protocol):
    """What a task's work depends on."""

    @property
    def model(self) -> str:
        """A model's name."""
        ...

    @property
    def width(self) -> int:
        """Pixels."""
        ...

    @property
    def height(self) -> int:
        """Pixels."""
        ...

    @property
    def guidance(self) -> float:
        """Guidance scale."""
        ...

    @property
    def samples(self) -> int:
        """Images to make."""
        ...

    @property
    def steps_run(self) -> int:
        """Steps an image that are really gone."""
        ...


def work(parameters: Asked, models: Sequence[Model]) -> Work | None:
    """What the whole task asks of a worker; None when nothing was measured."""
    model = next((each for each in models if each.name == parameters.model), None)
    if model is None or not model.step_times:
        return None
    measured = _nearest(model.step_times, parameters.width * parameters.height)
    scale = parameters.width * parameters.height / (measured.width * measured.height) / 1000
    at_once, alone = max(1, measured.images_at_once), measured.step_us * scale
    full = at_once * measured.shared_step_us * scale
    each = min(alone, max(0.0, (full - alone) / (at_once - 1))) if at_once > 1 else alone
    return Work(
        steps=parameters.steps_run,
        images=parameters.samples,
        forward_ms=alone - each,
        # Without guidance an image has one row of a forward in place of two.
        each_ms=each * (1.0 if parameters.guidance > 1 else 0.5),
        at_once=at_once,
        image_ms=measured.image_us * scale,
    )


def work_ms(parameters: Asked, models: Sequence[Model]) -> int | None:
    """Milliseconds the whole task takes on a worker of its own; None when nothing was measured."""
    asked = work(parameters, models)
    return None if asked is None else round(asked.alone_ms)


def _nearest(step_times: Sequence[StepTime], pixels: int) -> StepTime:
    return min(step_times, key=lambda each: abs(each.width * each.height - pixels))
