"""What is asked for: jobs, how they are mixed, and when they come. All of it follows from a seed.

Knows neither a model nor a server, and imports nothing that the peers' environments lack.
"""

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

SIZES: Final = (64, 128)
"""Pixels a side: latents of 8² and 16², small enough for batching to show on a CPU."""
SHORT_STEPS: Final = 4
USUAL_STEPS: Final = 20
LONG_STEPS: Final = 50
BATCH: Final = 8
"""Most images a batch, for everybody who batches requests."""
BATCH_WAIT_SECONDS: Final = 0.02
"""How long a batcher with such a setting waits for a batch to fill: time for eight clients to come again."""
OVERLOAD: Final = 1.3
"""Work that comes in a second of the open loop, in seconds of the bare loop."""

_COLOURS: Final = ("red", "blue", "green", "yellow", "white", "black", "pink", "purple")
_THINGS: Final = ("circle", "square", "star", "heart", "triangle", "cross")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One image."""

    prompt: str
    """What to draw, in words the bundled model knows."""
    steps: int
    """Denoising steps."""
    seed: int
    """Of the noise."""
    size: int
    """Pixels a side."""

    @property
    def kind(self) -> tuple[int, int]:
        """What one batch must have in common: steps and size."""
        return self.steps, self.size


@dataclass(frozen=True, kw_only=True)
class Load:
    """A pattern of jobs."""

    name: str
    """Its key in the results."""
    block: tuple[int, ...]
    """Step counts that every so many consecutive jobs have between them, in an order that the seed draws."""
    clients: int | None
    """Clients that each ask again once answered; None is an open loop, which asks at drawn times whatever comes."""
    seconds: Mapping[int, float]
    """Work of the bare loop that it amounts to, by size."""

    @property
    def mixed(self) -> bool:
        """Whether its jobs differ in length."""
        return len(set(self.block)) > 1

    def mean(self, seconds: Mapping[int, float]) -> float:
        """Seconds an image of this mix takes where one of so many steps takes `seconds`."""
        return sum(seconds[steps] for steps in self.block) / len(self.block)

    def count(self, seconds: Mapping[int, float], *, size: int, times: float) -> int:
        """Jobs to ask for: whole blocks, whole rounds where jobs are alike, never so few that nothing is seen."""
        unit = len(self.block) if self.mixed else self.clients or 1
        least = 2 * (self.clients or unit)
        wanted = times * self.seconds[size] / self.mean(seconds)
        return max(math.ceil(least / unit), round(wanted / unit)) * unit


_MIX: Final = (SHORT_STEPS,) * 4 + (LONG_STEPS,)

UNIFORM: Final = Load(name="uniform", block=(USUAL_STEPS,), clients=8, seconds={64: 12, 128: 12})
ONE: Final = Load(name="one", block=(USUAL_STEPS,), clients=1, seconds={64: 5, 128: 5})
MIXED: Final = Load(name="mixed", block=_MIX, clients=8, seconds={64: 20, 128: 20})
OVERLOADED: Final = Load(name="overloaded", block=_MIX, clients=None, seconds={64: 18, 128: 9})
LOADS: Final = (UNIFORM, ONE, MIXED, OVERLOADED)


def jobs(load: Load, *, size: int, seed: int = 1) -> Iterator[Job]:
    """The jobs of a load, without end: the same for every arm."""
    draws = random.Random(f"{load.name} {size} {seed}")  # noqa: S311 (a schedule, not a secret)
    for block in itertools.count():
        for place, steps in enumerate(draws.sample(load.block, len(load.block))):
            colour, thing, behind = draws.choice(_COLOURS), draws.choice(_THINGS), draws.choice(_COLOURS)
            yield Job(
                prompt=f"a {colour} {thing} on a {behind} background",
                steps=steps,
                seed=seed * 1_000_000 + block * len(load.block) + place,
                size=size,
            )


def arrivals(count: int, *, rate: float, seed: int = 1) -> list[float]:
    """Seconds from the start at which `count` jobs come, a Poisson process of `rate` a second, the first at once.

    Another rate stretches the same schedule, so that arms measured at other moments meet the same crowds.
    """
    draws = random.Random(f"arrivals {seed}")  # noqa: S311 (a schedule, not a secret)
    gaps = [0.0] + [draws.expovariate(1.0) / rate for _ in range(count - 1)]
    return list(itertools.accumulate(gaps))


def alike(asked: Sequence[Job]) -> Iterable[list[int]]:
    """The places of jobs that one batch can hold, kind by kind, in the order in which the kinds first come."""
    kinds: dict[tuple[int, int], list[int]] = {}
    for place, job in enumerate(asked):
        kinds.setdefault(job.kind, []).append(place)
    return kinds.values()
