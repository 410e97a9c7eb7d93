"""The images that are being drawn: more than fit into one forward, so that there is something to choose from."""

import itertools
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from services.gpu.engine.model import Trajectory
from services.gpu.engine.run import Run

MOST_BYTES: Final = 512 * 1024 * 1024
"""Latents and embeddings held at once; a picture of 512 × 512 takes about one megabyte."""


@dataclass(kw_only=True, eq=False)
class Job:
    """One image of a request."""

    run: Run
    """The request."""
    sample: int
    """Which image, from 0."""
    trajectory: Trajectory
    """Where it is."""
    bucket: Hashable
    """Jobs of equal buckets may share a forward."""
    order: int = field(default=0)
    """Earlier ones have smaller numbers."""
    last_tick: int = field(default=0)
    """When it last went a step, or came."""

    @property
    def remaining(self) -> int:
        """Steps it has left."""
        return self.trajectory.calls - self.trajectory.done


class Pool:
    """Bounded by count and by bytes."""

    def __init__(self, *, places: int, most_bytes: int = MOST_BYTES) -> None:
        """`places` images at most, and the first one of each request."""
        self._places, self._most_bytes = places, most_bytes
        self._order = itertools.count()
        self._in_bucket: Counter[Hashable] = Counter()
        self._of_run: Counter[Run] = Counter()
        self.jobs: list[Job] = []
        """In order of arrival."""
        self.tick = 0
        """Forwards so far."""
        self.served: dict[Hashable, int] = {}
        """Every bucket there is a job of, with the tick of its last turn, or of its first job's arrival."""

    def images_of(self, run: Run) -> int:
        """How many of a request's images are here."""
        return self._of_run[run]

    def has_room_for(self, run: Run) -> bool:
        """Whether one more of a request's images may come in; its first needs memory only, whoever fills the places."""
        held = sum(job.trajectory.nbytes for job in self.jobs)
        placed = not self._of_run[run] or len(self.jobs) < self._places
        return not self.jobs or (placed and held < self._most_bytes)

    def add(self, job: Job) -> None:
        """Take an image in."""
        job.order, job.last_tick = next(self._order), self.tick
        self.jobs.append(job)
        self._in_bucket[job.bucket] += 1
        self._of_run[job.run] += 1
        self.served.setdefault(job.bucket, self.tick)

    def remove(self, job: Job) -> None:
        """Let an image go."""
        self.jobs.remove(job)
        self._of_run[job.run] -= 1
        if not self._of_run[job.run]:
            del self._of_run[job.run]
        self._in_bucket[job.bucket] -= 1
        if not self._in_bucket[job.bucket]:
            del self._in_bucket[job.bucket], self.served[job.bucket]

    def turn(self, jobs: list[Job]) -> None:
        """These, all of one bucket, are what the next forward is made of."""
        self.tick += 1
        self.served[jobs[0].bucket] = self.tick
        for job in jobs:
            job.last_tick = self.tick
