"""What was heard, and the figures made of it. Knows neither arms nor clocks."""

import itertools
import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.engine.loads import SHORT_STEPS, Job


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One job as its client saw it; moments are seconds on one clock."""

    job: Job
    """What was asked for."""
    asked: float
    """When."""
    answered: float
    """When the picture was there, or the failure."""
    steps: Sequence[float] = field(default=())
    """When each step was heard of; empty where the arm tells none."""
    failure: str = ""
    """Why there is no picture."""

    @property
    def latency(self) -> float:
        """Seconds from asking to the picture."""
        return self.answered - self.asked


def percentile(values: Iterable[float], percent: float) -> float | None:
    """The least value that so many percent do not exceed: one that was really seen. None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def speed(heard: Sequence[Heard], bare: Mapping[int, float], *, clients: int | None) -> float | None:
    """Work done in a second, in seconds that the bare loop takes for it, `bare` by steps: images/s beside its images/s.

    In a closed loop the clock runs from the answer that gave every client its turn once to the last answer of the
    record, so that neither the start nor an end with idle clients counts. In an open one it runs from the first
    question. None where nothing was answered.
    """
    answered = sorted((each for each in heard if not each.failure), key=lambda each: each.answered)
    skipped = clients or 0
    if len(answered) <= skipped:
        return None
    begun = answered[skipped - 1].answered if skipped else min(each.asked for each in heard)
    work = sum(bare[each.job.steps] for each in answered[skipped:])
    return work / (answered[-1].answered - begun)


def tick(heard: Iterable[Heard], *, apart: float) -> float | None:
    """The median time between moments at which any client hears of a step.

    Of a forward that several jobs share each client hears by itself, so moments less than `apart` seconds from the one
    before are the same one. None where there are not two.
    """
    moments = sorted(moment for each in heard for moment in each.steps)
    firsts = [later for earlier, later in itertools.pairwise([-math.inf, *moments]) if later - earlier >= apart]
    gaps = [later - earlier for earlier, later in itertools.pairwise(firsts)]
    return statistics.median(gaps) if gaps else None


def summary(
    heard: Sequence[Heard], before: Mapping[int, float], after: Mapping[int, float], *, clients: int | None
) -> dict[str, Any]:
    """The figures of one load, in seconds unless said; `before` and `after` are the bare loop's an image, by steps."""
    bare = {steps: (before[steps] + after[steps]) / 2 for steps in before}
    good = [each for each in heard if not each.failure]
    short = [each.latency for each in good if each.job.steps <= SHORT_STEPS]
    long = [each.latency for each in good if each.job.steps > SHORT_STEPS]
    return {
        "images": len(good),
        "failed": len(heard) - len(good),
        "speed": speed(heard, bare, clients=clients),
        "bare_seconds": bare,
        "bare_drift": max(after[steps] / before[steps] for steps in before),
        "short_p50": percentile(short, 50),
        "short_p99": percentile(short, 99),
        "long_p50": percentile(long, 50),
        **progress(good, bare),
    }


def alone(heard: Sequence[Heard], bare: Sequence[float]) -> dict[str, Any]:
    """The figures of one client that took turns with the bare loop; `bare` has an image's seconds round each answer."""
    good = [each for each in heard if not each.failure]
    ratios = [
        each.latency / statistics.mean(neighbours)
        for each, neighbours in zip(heard, itertools.pairwise(bare), strict=True)
        if not each.failure
    ]
    return {
        "images": len(good),
        "failed": len(heard) - len(good),
        "ratio": statistics.median(ratios) if ratios else None,
        **progress(good, {each.job.steps: statistics.median(bare) for each in heard}),
    }


def progress(good: Sequence[Heard], bare: Mapping[int, float]) -> dict[str, float | None]:
    """When a client first heard of a step, in seconds and in ticks; None throughout where steps are not told."""
    first = [each.steps[0] - each.asked for each in good if each.steps]
    most = max(bare)
    # A quarter of a bare step is more than the spread of one step's news and less than any forward takes.
    ticked = tick(good, apart=bare[most] / most / 4)
    median = percentile(first, 50)
    return {
        "first_p50": median,
        "first_p99": percentile(first, 99),
        "tick": ticked,
        "first_ticks": median / ticked if median is not None and ticked else None,
    }
