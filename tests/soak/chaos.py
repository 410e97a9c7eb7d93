"""Kills something every few seconds, and starts it again: a service, a worker, NATS or the database."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.program import Program
from tests.support.system import System

EVERY_SECONDS: Final = 5.0
DOWN_SECONDS: Final = (0.0, 3.0)
STOPPED_SECONDS: Final = (1.0, 10.0)
STOPPED_SHARE: Final = 0.25
"""How many of those that can be stopped are stopped rather than killed."""


@dataclass(frozen=True, kw_only=True)
class Victim:
    """Something that can be killed."""

    name: str
    """What the report calls it."""
    kill: Callable[[], object]
    """SIGKILL."""
    start: Callable[[], object]
    """Start it on what it has kept."""
    stop: Callable[[], object] | None = None
    """SIGSTOP, where that is tried."""
    go_on: Callable[[], object] | None = None
    """SIGCONT."""
    runs: Callable[[], bool] = lambda: True
    """Whether it is alive."""


def victims(system: System, nats: Nats, postgres: Postgres) -> list[Victim]:
    """Everything that runs."""

    def of(program: Program) -> Victim:
        return Victim(name=program.name, kill=program.kill, start=program.start, stop=program.stop, go_on=program.go_on)

    return [
        *(of(program) for program in (system.auth, *system.tasks, *system.workers)),
        Victim(name="nats", kill=nats.stop, start=nats.start),
        Victim(name="postgresql", kill=postgres.crash, start=postgres.start),
    ]


class Chaos:
    """What happens to them, decided by a seed."""

    def __init__(self, chosen: list[Victim], seed: int) -> None:
        """Nothing has happened yet."""
        self._chosen = chosen
        self._random = random.Random(seed)
        self._busy: set[str] = set()
        self.done: Counter[str] = Counter()

    async def rage(self, until: float, look: Callable[[], Awaitable[None]]) -> None:
        """Strike every few seconds until that time, and look each time whether all is as it must be."""
        async with asyncio.TaskGroup() as repairs:
            while (left := until - time.monotonic()) > 0:
                await asyncio.sleep(min(left, EVERY_SECONDS))
                await look()
                victim = self._random.choice([each for each in self._chosen if each.name not in self._busy])
                stop = self._random.random() < STOPPED_SHARE and victim.stop is not None
                seconds = self._random.uniform(*(STOPPED_SECONDS if stop else DOWN_SECONDS))
                repairs.create_task(self._strike(victim, stop=stop, seconds=seconds))

    async def supervise(self) -> None:
        """Start again, until cancelled, what left by itself: a service that starts while its database is down does."""
        while True:
            for victim in self._chosen:
                if victim.name not in self._busy and not victim.runs():
                    self.done[f"{victim.name} left by itself"] += 1
                    self._busy.add(victim.name)
                    await asyncio.to_thread(victim.start)
                    self._busy.discard(victim.name)
            await asyncio.sleep(1)

    async def _strike(self, victim: Victim, *, stop: bool, seconds: float) -> None:
        hit, mend = (victim.stop, victim.go_on) if stop else (victim.kill, victim.start)
        assert hit is not None
        assert mend is not None
        self._busy.add(victim.name)
        self.done[f"{victim.name} {'stopped' if stop else 'killed'}"] += 1
        await asyncio.to_thread(hit)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(mend)
        self._busy.discard(victim.name)
