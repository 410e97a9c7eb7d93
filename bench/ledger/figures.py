"""What was asked and what became of it, and the figures made of that. Knows neither services nor clocks."""

import bisect
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.engine.figures import percentile


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One call as its caller saw it."""

    due: float
    """When it was to be made; latency counts from here, so that a late start counts too."""
    answered: float
    """When its answer was there, or its failure."""
    failure: str = ""
    """Why there is no answer."""

    @property
    def latency(self) -> float:
        """Seconds."""
        return self.answered - self.due


def milliseconds(seconds: Iterable[float]) -> dict[str, float | int | None]:
    """How many there were, their p50, p99 and greatest, in milliseconds."""
    values = [1000 * each for each in seconds]
    return {
        "count": len(values),
        "p50": percentile(values, 50),
        "p99": percentile(values, 99),
        "most": max(values, default=None),
    }


def latencies(asked: Sequence[Asked]) -> dict[str, Any]:
    """Those of the calls that were answered, and how the others failed."""
    failures = [each.failure for each in asked if each.failure]
    return {
        **milliseconds(each.latency for each in asked if not each.failure),
        "failed": len(failures),
        "failures": sorted(set(failures)),
    }


def delays(told: Mapping[int, float], heard: Sequence[tuple[float, int]]) -> list[float | None]:
    """Seconds from each step until a client knew of it: until it heard of that step, or of a later one.

    `told` says when each step was made, by its number; `heard` has a moment and a number for each event. None for a
    step that the client never got to know of.
    """
    ordered = sorted(heard)
    # What is known at each moment; a bar never turns back, but its events are not taken at their word for that.
    known: list[int] = []
    for _, step in ordered:
        known.append(max(step, known[-1] if known else step))
    found: list[float | None] = []
    for step, moment in told.items():
        index = bisect.bisect_left(known, step)
        found.append(ordered[index][0] - moment if index < len(ordered) else None)
    return found


def beside(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of ours over theirs, round by round: a machine's pace changes from one round to the next."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs, strict=True))
