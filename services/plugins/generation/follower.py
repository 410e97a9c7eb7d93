"""Follows every drawing that nobody else follows, each as a task of its own, under leases that it renews."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Final, Self

from services.foundation import logs
from services.plugins.generation.course import Course
from services.plugins.generation.store import DatabaseAway, Drawings
from services.plugins.generation.threads import Threads
from services.plugins.generation.values import Held, Standing

log = logs.logger(__name__)
LOOK_SECONDS: Final = 1.0
"""How often to look for drawings that are new, were left behind, or were cancelled."""


class Follower:
    """One for a process; used with `async with`."""

    def __init__(
        self, drawings: Drawings, course: Callable[[Held], Course], threads: Threads, *, every: float = LOOK_SECONDS
    ) -> None:
        """`course` makes what follows one drawing; it looks `every` so many seconds, and when it is woken."""
        self._drawings, self._course, self._threads, self._every = drawings, course, threads, every
        self._running: dict[int, asyncio.Task[None]] = {}
        self._courses: dict[int, Course] = {}
        self._due = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin."""
        self._loop = asyncio.get_running_loop()
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave everything to the next one."""
        tasks = [each for each in (self._looking, *self._running.values()) if each is not None]
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(*DatabaseAway):
            # After the look that may be on its way, in the same thread: what it takes is left as well.
            await self._threads.aside(self._drawings.release)

    def wake(self) -> None:
        """Look now; from any thread."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._due.set)

    async def _look(self) -> None:
        while True:
            self._due.clear()
            held = list(self._courses)
            try:
                taken, standings = await self._threads.aside(partial(self._drawings.look, held))
            except DatabaseAway as error:
                log.warning("no news of drawings", error=repr(error))
            except Exception:
                log.exception("no news of drawings")
            else:
                for each in taken:
                    if (standing := standings.get(each.task_id)) is not None:
                        self._follow(each, standing)
                for task_id in held:
                    self._see(task_id, standings.get(task_id))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._due.wait()

    def _follow(self, held: Held, standing: Standing) -> None:
        self._courses[held.task_id] = course = self._course(held)
        # Before it does anything: what was cancelled meanwhile is not to be asked for.
        course.see(standing)
        self._running[held.task_id] = running = asyncio.create_task(course.run())
        running.add_done_callback(lambda done: self._ended(held, done))

    def _see(self, task_id: int, standing: Standing | None) -> None:
        if standing is not None and task_id in self._courses:
            self._courses[task_id].see(standing)
        elif task_id in self._running:
            # It is over and forgotten, or another process took it while this one was held up.
            self._running[task_id].cancel()

    def _ended(self, held: Held, done: "asyncio.Task[None]") -> None:
        self._running.pop(held.task_id, None)
        self._courses.pop(held.task_id, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            # Its lease runs out, and it is tried again from where it stands.
            log.error("a drawing was left in the middle", reference=held.reference, exc_info=error)
