"""The queue as everybody sees it: read from the ledger soon after it changed, shared by all who ask."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from services.tasks.ports import Change, TaskStore
from services.tasks.queue import estimates
from services.tasks.queue.estimates import Line, Standing, Work
from services.tasks.states import State
from services.tasks.values import InLine, Progress, Task, View
from services.tasks.watching.board import Board
from services.tasks.workers.capabilities import Model

SHORT: Final = 50
"""A line of so many is read anew after every change."""
REST_SECONDS: Final = 0.0005
"""For each task of a longer one it is left alone so long after it was read: nobody sees whether 800 are ahead or 801,
and in a crowd there are other things to do than to read all of it for every newcomer."""
SHARED_SECONDS: Final = 1.0
"""How old a reading may be when nothing was heard of a change: one on another replica may have gone unheard."""


class Crew(Protocol):
    """The workers, as far as estimates need them."""

    def models(self) -> Sequence[Model]:
        """Models of the workers last seen."""
        ...

    def slots(self) -> int:
        """Tasks that the workers which answer now take at once."""
        ...

    def answering(self) -> int:
        """How many workers answer now."""
        ...


class Lineup:
    """Says where a waiting task stands and how far a running one is."""

    def __init__(
        self, *, tasks: TaskStore, crew: Crew, board: Board, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` counts seconds."""
        self._tasks = tasks
        self._crew = crew
        self._board = board
        self._clock = clock
        self._line = Line()
        self._last_place = -1
        # Places of tasks that joined the line since it was read.
        self._joined: set[int] = set()
        self._stale = False
        self._good_until = self._rests_until = float("-inf")
        self._reading = asyncio.Lock()
        self._look_again: asyncio.TimerHandle | None = None
        board.listen(self._changed)

    def _changed(self, _change: Change) -> None:
        self._stale = True

    async def line(self) -> Line:
        """The queue with every change that was heard of; a long one as it was a moment ago."""
        async with self._reading:
            now = self._clock()
            if now >= self._good_until or (self._stale and now >= self._rests_until):
                await self._read()
            elif self._stale and self._look_again is None:
                # Whoever watches the line was perhaps told of an old one, and is to look once more.
                later = asyncio.get_running_loop().call_later
                self._look_again = later(self._rests_until - now, self._let_look_again)
            return self._line

    def _let_look_again(self) -> None:
        self._look_again = None
        self._board.queue_moved()

    async def _read(self) -> None:
        began = self._clock()
        # Before reading: a change that comes meanwhile makes this reading stale again.
        self._stale = False
        tasks = await self._tasks.in_line()
        self._line = Line(
            waiting=tuple(self._standing(task) for task in tasks if task.state is State.QUEUED),
            running=tuple(self._standing(task) for task in tasks if task.state is State.RUNNING),
            slots=self._crew.slots(),
            workers=self._crew.answering(),
        )
        self._last_place = max((task.place for task in tasks), default=-1)
        self._joined.clear()
        rest = REST_SECONDS * len(tasks) if len(tasks) > SHORT else 0.0
        self._good_until, self._rests_until = began + SHARED_SECONDS, self._clock() + rest

    async def view(self, task: Task) -> View:
        """The task with its progress as of now; none once it ended."""
        if task.state.ended:
            return View(task=task, progress=None)
        if task.state is State.RUNNING:
            return View(task=task, progress=self._running(task.task_id, task.attempt, task.step, task.steps_total))
        line = await self.line()
        place = line.place(task.task_id)
        if place is None and task.place > self._last_place:
            self._joined.add(task.place)
            before = sum(other < task.place for other in self._joined)
            place = line.behind(before)
        # Claimed since it was read, it has no place any more; its next state is on the way.
        return View(task=task, progress=place or Progress())

    def _running(self, task_id: str, attempt: int, step: int, steps: int) -> Progress:
        live = self._board.live(task_id, attempt)
        return live.progress if live is not None else Progress(step=step, steps=steps)

    def _standing(self, task: InLine) -> Standing:
        work = estimates.work(task, self._crew.models())
        if task.state is State.RUNNING:
            progress = self._running(task.task_id, task.attempt, task.step, task.steps_total)
            # By the steps that are left and not by the time its worker expects it to take: that is longer the more
            # others are drawn beside it, and how many those will be is worked out here.
            if work is not None and progress.steps:
                work = work.part(1 - min(1.0, progress.step / progress.steps))
            elif work is None and progress.remaining_ms is not None:
                work = Work(steps=1, each_ms=progress.remaining_ms)
        return Standing(task_id=task.task_id, left=work)
