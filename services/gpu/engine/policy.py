"""Whose turn it is: which images make up the next forward."""

from collections.abc import Callable, Iterable
from typing import Final

from services.gpu.engine.pool import Job, Pool

Limit = Callable[[Job], int]
"""How many rows a forward of this job and others of its bucket may have."""
Policy = Callable[[Pool, Limit], list[Job]]
"""Jobs of one bucket for the next forward of a pool that is not empty."""


MOST_PASSED_OVER: Final = 16
"""Forwards of others that an image waits for at most, as long as those that waited as long fit into one: its caller
takes a worker that says nothing for long to be lost."""


def shortest(pool: Pool, limit: Limit) -> list[Job]:
    """Those with the fewest steps left go first, a step the sooner for every tick they were passed over.

    Short requests need not wait for long ones, and long ones keep moving. Buckets take turns: the one whose last turn
    is longest ago is next.
    """
    bucket = min(pool.served, key=pool.served.__getitem__)
    ready = [job for job in pool.jobs if job.bucket == bucket]

    def urgency(job: Job) -> tuple[bool, int, int]:
        waited = pool.tick - job.last_tick
        return waited < MOST_PASSED_OVER, job.remaining - waited, job.order

    return _filled(sorted(ready, key=urgency), limit)


def fifo(pool: Pool, limit: Limit) -> list[Job]:
    """Those that came first go first, until they are done; later ones only fill up their forwards."""
    return _filled([job for job in pool.jobs if job.bucket == pool.jobs[0].bucket], limit)


def _filled(ready: Iterable[Job], limit: Limit) -> list[Job]:
    first, *others = ready
    chosen, rows = [first], first.trajectory.rows
    for job in others:
        if rows + job.trajectory.rows <= limit(first):
            chosen.append(job)
            rows += job.trajectory.rows
    return chosen


POLICIES: Final[dict[str, Policy]] = {"shortest": shortest, "fifo": fifo}
"""By the names of the setting."""
