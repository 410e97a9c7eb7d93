"""Measure how fast a model is here before anybody waits for it: also what makes the first real request a quick one."""

import time
from collections.abc import Callable
from typing import Any, Final

from services.gpu.card import Card, StepTime
from services.gpu.model import Model
from services.gpu.requests import Plan

# After this long no further size is begun: a start should take seconds.
BUDGET_SECONDS: Final = 3.0
_STEPS: Final = 3
_PROMPT: Final = "a house"


def step_times(
    model: Model[Any, Any], *, budget_seconds: float = BUDGET_SECONDS, clock: Callable[[], float] = time.monotonic
) -> tuple[StepTime, ...]:
    """Draw at a few square sizes, smallest first, and tell what each step and each image took.

    The first size is always measured. One that would take more than what is left of the budget is reckoned from the
    last one by its pixels instead.
    """
    begun = clock()
    told: list[StepTime] = []
    seconds = 0.0
    for width, height in _sizes(model.card):
        growth = width * height / (told[-1].width * told[-1].height) if told else 1.0
        if told and clock() - begun + seconds * growth > budget_seconds:
            last = told[-1]
            step_us, image_us = round(last.step_us * growth), round(last.image_us * growth)
            told.append(StepTime(width=width, height=height, step_us=step_us, image_us=image_us))
            seconds *= growth
            continue
        started = clock()
        told.append(_measure(model, _plan(model.card, width, height), clock))
        seconds = clock() - started
    return tuple(told)


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


def _plan(card: Card, width: int, height: int) -> Plan:
    return Plan(
        prompt=_PROMPT,
        negative_prompt="",
        request_id="warm-up",
        model=card.name,
        sampler=card.defaults.sampler,
        steps=_STEPS,
        guidance=2.0,
        width=width,
        height=height,
        seed=1,
        samples=1,
        preview_every=0,
    )


def _measure(model: Model[Any, Any], plan: Plan, clock: Callable[[], float]) -> StepTime:
    started = clock()
    trajectory = model.begin(plan, model.encode(plan), 0)
    beside = clock() - started
    steps: list[float] = []
    while trajectory.done < trajectory.calls:
        started = clock()
        model.step(trajectory)
        steps.append(clock() - started)
    started = clock()
    model.finish(trajectory)
    beside += clock() - started
    # The quickest step: the first one also pays for memory and kernels.
    return StepTime(width=plan.width, height=plan.height, step_us=round(min(steps) * 1e6), image_us=round(beside * 1e6))
