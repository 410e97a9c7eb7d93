"""What the engine is meant to reach, and whether the figures say that it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.engine.loads import MIXED, ONE, OVERLOADED, SIZES, UNIFORM, Load

Arms = Mapping[str, Any]
"""The results' arms, by name."""

OURS: Final = "daydream"
BATCHERS: Final = ("static", "litserve", "bentoml", "ray")
"""Those that batch whole requests."""


@dataclass(frozen=True, kw_only=True)
class Goal:
    """One figure with its bound."""

    words: str
    """What the figure is."""
    bound: Mapping[int, float]
    """What is wanted, by size."""
    figure: Callable[[Arms, int], float | None]
    """The figure at a size; None where something it needs was not measured."""
    least: bool = False
    """Whether the bound is one from below."""

    def row(self, arms: Arms) -> list[str]:
        """The words, the bounds, and the figure at each size with whether it meets them."""
        sign = "≥" if self.least else "≤"
        bounds = " and ".join(f"{bound:g}" for bound in dict.fromkeys(self.bound.values()))
        return [self.words, f"{sign} {bounds}", *(self._cell(arms, size) for size in SIZES)]

    def _cell(self, arms: Arms, size: int) -> str:
        found = self.figure(arms, size)
        if found is None:
            return "not measured"
        met = found >= self.bound[size] if self.least else found <= self.bound[size]
        return f"{found:.2f}, {'met' if met else 'missed'}"


def _cell(arms: Arms, name: str, load: Load, size: int) -> Mapping[str, Any] | None:
    sizes = arms.get(name, {}).get("sizes")
    found: Mapping[str, Any] | None = sizes[str(size)][load.name] if sizes else None
    return found


def _ours(load: Load, name: str) -> Callable[[Arms, int], float | None]:
    def figure(arms: Arms, size: int) -> float | None:
        found = _cell(arms, OURS, load, size)
        return found[name] if found else None

    return figure


def _beside_batchers(load: Load) -> Callable[[Arms, int], float | None]:
    def figure(arms: Arms, size: int) -> float | None:
        ours = _ours(load, "speed")(arms, size)
        theirs = [found["speed"] for name in BATCHERS if (found := _cell(arms, name, load, size))]
        best = max((speed for speed in theirs if speed is not None), default=None)
        return ours / best if ours is not None and best else None

    return figure


def _below_one_at_a_time(arms: Arms, size: int) -> float | None:
    """Each side in seconds that the bare loop took beside it, for a machine's pace changes from one arm to the next."""
    paced = []
    for name in ("bare", OURS):
        found = _cell(arms, name, OVERLOADED, size)
        if not found or found["short_p99"] is None:
            return None
        paced.append(found["short_p99"] / sum(found["bare_seconds"].values()))
    return float(paced[0] / paced[1])


_SMALL, _LARGE = SIZES
"""A batch of small images is much quicker than its images one by one, one of larger ones barely."""

GOALS: Final = (
    Goal(
        words="short p99 under overload: one at a time beside ours",
        bound={_SMALL: 10, _LARGE: 5},
        figure=_below_one_at_a_time,
        least=True,
    ),
    Goal(
        words="first step p50 under overload, ticks",
        bound={_SMALL: 2, _LARGE: 2},
        figure=_ours(OVERLOADED, "first_ticks"),
    ),
    Goal(
        words="first step p50 with one client, ticks",
        bound={_SMALL: 2, _LARGE: 2},
        figure=_ours(ONE, "first_ticks"),
    ),
    Goal(
        words="one client's seconds beside the bare loop's",
        bound={_SMALL: 1.05, _LARGE: 1.05},
        figure=_ours(ONE, "ratio"),
    ),
    Goal(
        words="mixed images/s beside the best that batches requests",
        bound={_SMALL: 1.3, _LARGE: 1.3},
        figure=_beside_batchers(MIXED),
        least=True,
    ),
    Goal(
        words="images/s of jobs alike beside the best that batches requests",
        bound={_SMALL: 1, _LARGE: 1},
        figure=_beside_batchers(UNIFORM),
        least=True,
    ),
)
