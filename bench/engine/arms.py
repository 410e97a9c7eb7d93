"""What is compared: the interface of an arm, and the two that are bare diffusers in this process."""

import abc
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bench.engine.loads import BATCH_WAIT_SECONDS, Job


class Draws(Protocol):
    """What draws batches for a bare arm."""

    def draw(self, jobs: Sequence[Job], *, stepped: Callable[[], None]) -> list[bytes]:
        """A PNG a job; `stepped` hears each step of the batch."""


class Unavailable(Exception):
    """An arm that cannot take part; the message says why."""


class Arm(abc.ABC):
    """One way to serve the model."""

    name: str
    """What the command line and the results call it."""
    title: str
    """What the table calls it."""

    @abc.abstractmethod
    def start(self, folder: Path) -> None:
        """Be ready to draw, keeping files in `folder`. Raises Unavailable."""

    @abc.abstractmethod
    def draw(self, job: Job, stepped: Callable[[], None]) -> bytes:
        """A PNG; `stepped` is called for each step that is heard of. Called from many threads at once."""

    @abc.abstractmethod
    def stop(self) -> None:
        """End everything that `start` began, however far it came."""

    def facts(self) -> dict[str, Any]:
        """What else is worth recording of it, asked for once its loads are done."""
        return {}


@dataclass(frozen=True, kw_only=True, eq=False)
class _Asked:
    """A job in line."""

    job: Job
    stepped: Callable[[], None]
    picture: "Future[bytes]" = field(default_factory=Future)


class Bare(Arm):
    """diffusers in this process: one thread draws what waits, oldest first, up to `batch` of one kind at a time."""

    def __init__(self, painter: Draws, *, name: str, title: str, batch: int) -> None:
        """A batch of one is the plain loop that everything is measured against."""
        self.name, self.title = name, title
        self._painter, self._batch = painter, batch
        self._line: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self, folder: Path) -> None:
        """Begin to draw."""
        self._thread.start()

    def submit(self, job: Job, stepped: Callable[[], None]) -> "Future[bytes]":
        """Put a job in line."""
        asked = _Asked(job=job, stepped=stepped)
        self._line.put(asked)
        return asked.picture

    def draw(self, job: Job, stepped: Callable[[], None]) -> bytes:
        """Wait in line."""
        return self.submit(job, stepped).result()

    def stop(self) -> None:
        """End the thread."""
        self._line.put(None)
        self._thread.join()

    def _work(self) -> None:
        waiting: list[_Asked] = []
        while self._gather(waiting):
            chosen = [asked for asked in waiting if asked.job.kind == waiting[0].job.kind][: self._batch]
            waiting = [asked for asked in waiting if asked not in chosen]
            self._draw(chosen)

    def _gather(self, waiting: list[_Asked]) -> bool:
        """Wait for a first job, then a little for its batch to fill, and take in all that came; False at the end."""
        until = time.perf_counter() + BATCH_WAIT_SECONDS
        while True:
            alike = sum(asked.job.kind == waiting[0].job.kind for asked in waiting)
            left = until - time.perf_counter() if alike < self._batch else 0.0
            try:
                asked = self._line.get(timeout=left) if waiting and left > 0 else self._line.get(block=not waiting)
            except queue.Empty:
                return True
            if asked is None:
                return False
            if not waiting:
                until = time.perf_counter() + BATCH_WAIT_SECONDS
            waiting.append(asked)

    def _draw(self, chosen: list[_Asked]) -> None:
        def stepped() -> None:
            for asked in chosen:
                asked.stepped()

        try:
            pictures = self._painter.draw([asked.job for asked in chosen], stepped=stepped)
        except Exception as error:
            for asked in chosen:
                asked.picture.set_exception(error)
            return
        for asked, picture in zip(chosen, pictures, strict=True):
            asked.picture.set_result(picture)
