"""Following the machine: the queue and the workers, all of it first, then what changes, a few times a second at most.

Every change of a task is heard on every replica; with NATS away the ledger is read every second, as for its owner.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from services.tasks.machine.crew import Crew, Worker
from services.tasks.queue.lineup import Lineup
from services.tasks.states import State
from services.tasks.values import Task, View
from services.tasks.watching.board import Board, Viewer
from services.tasks.watching.watch import Watching

MOST_WAITING: Final = 50
"""Of those that wait, so many are told; nobody reads further down, and the rest can be searched."""
PAUSE_SECONDS: Final = 0.5
"""Between two messages at least: what happens meanwhile is told as one."""
CREW_SECONDS: Final = 2.0
"""How often the workers are looked at, which is as often as they are asked."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """One message of the stream."""

    views: tuple[View, ...]
    """Tasks that are new or changed; in the first message all that are shown."""
    gone: tuple[str, ...]
    """Tasks that were told of and are not shown any more."""
    queued: int
    """Tasks that wait."""
    running: int
    """Tasks on workers."""
    workers: tuple[Worker, ...]
    """Every worker, when anything about one of them changed; else none."""


class Rows(Protocol):
    """Everybody's tasks; `store.machine.Machine` says what the call does."""

    async def line(self, *, most_waiting: int) -> Sequence[Task]: ...


class MachineWatch:
    """Opens streams of what the machine does."""

    def __init__(
        self,
        *,
        rows: Rows,
        crew: Crew,
        board: Board,
        lineup: Lineup,
        watching: Watching,
        clock: Callable[[], float] = time.monotonic,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        """`watching` says how long a viewer may go on; `clock` counts seconds."""
        self._rows, self._crew, self._board = rows, crew, board
        self._lineup, self._watching = lineup, watching
        self._clock, self._pause = clock, pause_seconds

    async def follow(self, viewer: Viewer) -> AsyncGenerator[Sight, None]:
        """What happens, until the caller leaves. Raises TokenExpired and SessionEnded; Unavailable at a restart."""
        told = _Told()
        line: Sequence[Task] = ()
        workers: tuple[Worker, ...] = ()
        line_read = crew_read = float("-inf")
        with self._board.oversee(viewer) as watcher:
            # Where the queue moves, the places of those that wait do.
            watcher.in_line = True
            while True:
                self._watching.check(watcher)
                seconds = self._watching.look_seconds(viewer)
                if watcher.stale or self._clock() - line_read >= seconds:
                    # Cleared before reading: what changes from here on marks it again.
                    watcher.stale, line_read, crew_read = False, self._clock(), float("-inf")
                    line = await self._rows.line(most_waiting=MOST_WAITING)
                if self._clock() - crew_read >= CREW_SECONDS:
                    crew_read = self._clock()
                    workers = await self._crew.workers()
                if sight := told.news([await self._view(task) for task in line], workers, *await self._counts()):
                    yield sight
                await asyncio.sleep(self._pause)
                if not watcher.stale:
                    await watcher.wait(min(seconds, CREW_SECONDS))

    async def _counts(self) -> tuple[int, int]:
        line = await self._lineup.line()
        return len(line.waiting), len(line.running)

    async def _view(self, task: Task) -> View:
        view = await self._lineup.view(task)
        if view.progress is None:
            return view
        # What forms there is its owner's alone.
        return replace(view, progress=replace(view.progress, preview=b"", preview_content_type=""))


class _Told:
    """What one stream has told so far."""

    def __init__(self) -> None:
        self._tasks: Mapping[str, object] = {}
        self._counts: tuple[int, int] | None = None
        self._workers: tuple[Worker, ...] = ()

    def news(self, views: Sequence[View], workers: tuple[Worker, ...], queued: int, running: int) -> Sight | None:
        """What is to be told; None when all is as it was. The first time there is always something."""
        now = {view.task.task_id: _seen(view) for view in views}
        changed = tuple(view for view in views if self._tasks.get(view.task.task_id) != now[view.task.task_id])
        gone = tuple(task_id for task_id in self._tasks if task_id not in now)
        crew = workers if workers != self._workers else ()
        same_counts = self._counts == (queued, running)
        self._tasks, self._counts, self._workers = now, (queued, running), workers
        if not (changed or gone or crew) and same_counts:
            return None
        return Sight(views=changed, gone=gone, queued=queued, running=running, workers=crew)


def _seen(view: View) -> object:
    """What of a task is worth a message: the time until it starts shrinks by itself, a new place is news."""
    progress = view.progress
    if view.task.state is State.QUEUED and progress is not None:
        return view.task.revision, progress.position, progress.ahead
    return view.task.revision, progress
