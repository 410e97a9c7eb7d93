"""Measure how fast a model is here before anybody waits for it: also what makes the first real request a quick one."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from services.foundation import logs
from services.gpu import errors
from services.gpu.card import Card, StepTime
from services.gpu.engine import budget
from services.gpu.engine.budget import Budget
from services.gpu.engine.model import Model
from services.gpu.requests import Plan

# After this long no further size is begun: a start should take seconds.
BUDGET_SECONDS: Final = 3.0
_STEPS: Final = 3
_FULL_STEPS: Final = 2
_ROWS_AN_IMAGE: Final = 2
_WORTH_IT: Final = 1.1
_LONG_SECONDS: Final = 0.2
_A_TICK_OF_THE_CLOCK: Final = 1e-9
_PROMPT: Final = "a house"

log = logs.logger(__name__)


def measured(
    model: Model[Any, Any], *, budget_seconds: float = BUDGET_SECONDS, clock: Callable[[], float] = time.monotonic
) -> Card:
    """Draw at a few square sizes, smallest first; the model's card with what each step and each image took.

    The first size is always measured. One that would take more than what is left of the budget, or whose picture does
    not come out, is reckoned from the last one by its pixels instead. Where the device has no room for a size, those
    that it has room for become the limit. Raises what drawing at the first size raises, and OutOfMemory when there is
    no room for the model's own size.
    """
    begun = clock()
    card = model.card
    told: list[StepTime] = []
    seconds = 0.0
    for width, height in _sizes(card):
        growth = width * height / (told[-1].width * told[-1].height) if told else 1.0
        if told and clock() - begun + seconds * growth > budget_seconds:
            told.append(_reckoned(told[-1], width, height))
            seconds *= growth
            continue
        started = clock()
        try:
            told.append(_measure(model, plan(card, width, height), clock))
        except errors.OutOfMemory:
            if not told or max(width, height) <= max(card.defaults.width, card.defaults.height):
                raise
            most = max(told[-1].width, told[-1].height)
            log.warning("not enough memory", width=width, height=height, max_size=most)
            card = dataclasses.replace(card, limits=card.limits.model_copy(update={"max_size": most}))
            break
        except errors.NotFinite:
            if not told:
                raise
            told.append(_reckoned(told[-1], width, height))
        seconds = clock() - started
    return dataclasses.replace(card, step_times=tuple(told))


def quickest_threads(
    model: Model[Any, Any], *, most: int, use: Callable[[int], None], clock: Callable[[], float] = time.monotonic
) -> int:
    """How many CPU threads draw the model's own size best; `use` sets them, and is left at the answer.

    More threads help a large model and hinder a small one, whose steps are too short to hand out: the bundled model
    draws on one core more than twice as fast as on two. Fewer within a tenth of the quickest win, as they leave the
    other cores to the neighbours.
    """
    at_home = plan(model.card, model.card.defaults.width, model.card.defaults.height)
    counts = sorted({1, *(2**power for power in range(1, 8) if 2**power < most), most})
    steps: dict[int, float] = {}
    for count in counts:
        use(count)
        steps[count] = _measure(model, at_home, clock).step_us
        if steps[count] > 2 * min(steps.values()):
            break
    chosen = next(count for count, step in steps.items() if step <= _WORTH_IT * min(steps.values()))
    use(chosen)
    log.info("threads", chosen=chosen, step_us=steps)
    return chosen


def row_budget(
    model: Model[Any, Any], *, most: int | None = None, clock: Callable[[], float] = time.monotonic
) -> Budget:
    """How many rows pay in one forward at the model's own size; no more than `most`, for which there is memory."""
    card = model.card
    # One row of its own, so that every number of rows can be filled up to.
    alone = plan(card, card.defaults.width, card.defaults.height, guidance=0.0)
    conditioning = model.encode(alone)
    on_cpu = model.device == "cpu"

    def step_rows(count: int) -> float:
        if most is not None and count > most:
            raise errors.OutOfMemory
        trajectory = model.begin(alone, conditioning, 0)
        seconds: list[float] = []
        # The quickest of a few, while they are short: neighbours on a CPU disturb single ones, and an accelerator's
        # first forward of a shape also pays for choosing its kernels.
        while len(seconds) < _STEPS and (not on_cpu or sum(seconds) < _LONG_SECONDS):
            started = clock()
            _good(model.step([trajectory], rows=count))
            seconds.append(clock() - started)
        return max(min(seconds), _A_TICK_OF_THE_CLOCK)

    found = budget.measure(step_rows, pixels=alone.width * alone.height, padded=not on_cpu)
    log.info("rows", model=card.name, rows=found.rows)
    return found


def _reckoned(last: StepTime, width: int, height: int) -> StepTime:
    growth = width * height / (last.width * last.height)
    return StepTime(
        width=width,
        height=height,
        step_us=round(last.step_us * growth),
        image_us=round(last.image_us * growth),
        shared_step_us=round(last.shared_step_us * growth),
        images_at_once=last.images_at_once,
    )


def _sizes(card: Card) -> list[tuple[int, int]]:
    half = _side(card, min(card.defaults.width, card.defaults.height) // 2)
    most = _side(card, card.limits.max_size)
    sizes = {(half, half), (card.defaults.width, card.defaults.height), (most, most)}
    most_pixels = card.limits.max_pixels or most * most
    return sorted((size for size in sizes if size[0] * size[1] <= most_pixels), key=lambda size: size[0] * size[1])


def _side(card: Card, wanted: int) -> int:
    # Up to the next whole multiple from below, down to it from above, so that both stay within the limits.
    multiple = card.limits.size_multiple
    return max(-(-card.limits.min_size // multiple), wanted // multiple) * multiple


def plan(card: Card, width: int, height: int, *, guidance: float = 2.0) -> Plan:
    """A short request of that size."""
    return Plan(
        prompt=_PROMPT,
        negative_prompt="",
        request_id="warm-up",
        model=card.name,
        sampler=card.defaults.sampler,
        steps=_STEPS,
        guidance=guidance,
        width=width,
        height=height,
        seed=1,
        samples=1,
        preview_every=0,
    )


def _measure(model: Model[Any, Any], asked: Plan, clock: Callable[[], float]) -> StepTime:
    started = clock()
    trajectory = model.begin(asked, model.encode(asked), 0)
    beside = clock() - started
    steps: list[float] = []
    while trajectory.done < trajectory.calls:
        started = clock()
        _good(model.step([trajectory]))
        steps.append(clock() - started)
    started = clock()
    _good(model.decode([trajectory]))
    beside += clock() - started
    # The quickest step: the first one also pays for memory and kernels.
    alone = min(steps)
    images = max(1, model.budget.limit(asked.width * asked.height) // _ROWS_AN_IMAGE)
    return StepTime(
        width=asked.width,
        height=asked.height,
        step_us=round(alone * 1e6),
        image_us=round(beside * 1e6),
        shared_step_us=round(_shared(model, asked, images, clock) * 1e6) if images > 1 else round(alone * 1e6),
        images_at_once=images,
    )


def _shared(model: Model[Any, Any], asked: Plan, images: int, clock: Callable[[], float]) -> float:
    """Seconds of a step for each image of a forward of so many."""
    trajectory = model.begin(asked, model.encode(asked), 0)
    seconds: list[float] = []
    while trajectory.done < min(trajectory.calls, _FULL_STEPS):
        started = clock()
        _good(model.step([trajectory], rows=images * _ROWS_AN_IMAGE))
        seconds.append(clock() - started)
    return min(seconds) / images


def _good(answers: Sequence[object]) -> None:
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
