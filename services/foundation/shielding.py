"""Work that is finished once it has begun, whoever stops waiting for it; and work that many wait for, done once."""

import asyncio
import contextvars
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Final, Generic, ParamSpec, TypeVar

from services.foundation import context, errors

P = ParamSpec("P")
T = TypeVar("T")
_at_work: Final[set[asyncio.Task[Any]]] = set()


def whole(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """Let a function run to its end when its caller is cancelled, which callers are at any moment.

    A database statement that is given up half-way leaves a connection whose transaction nobody ends; on SQLite that
    locks out every writer. The caller learns that it was cancelled as soon as the work is over.
    """

    @functools.wraps(function)
    async def run(*args: P.args, **kwargs: P.kwargs) -> T:
        work = asyncio.create_task(function(*args, **kwargs))
        # The loop itself holds tasks only weakly.
        _at_work.add(work)
        work.add_done_callback(_at_work.discard)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            await asyncio.wait({work})
            if not work.cancelled():
                # Whatever came of it, nobody waits for it any more; asyncio would log an exception left untaken.
                work.exception()
            raise

    return run


async def in_thread(work: Callable[[], T]) -> T:
    """Run blocking work in a thread, as `asyncio.to_thread` does; a caller that is cancelled stays until it is over.

    No thread can be stopped, so whoever holds a bound on how many there are must hold it that long.
    """

    @whole
    async def run() -> T:
        return await asyncio.to_thread(work)

    return await run()


class Shared(Generic[T]):
    """Work done once at a time: whoever asks for it meanwhile gets what comes of the one that runs."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, T]]) -> None:
        """`work` begins at the first call, not here."""
        self._work = work
        self._running: asyncio.Task[T] | None = None

    def begin(self) -> asyncio.Task[T]:
        """The run that is under way, or a new one."""
        if self._running is None or self._running.done():
            # In a context of its own: it outlives the request that it was begun for, and so must not end with that
            # one's time.
            self._running = asyncio.get_running_loop().create_task(self._work(), context=contextvars.Context())
            self._running.add_done_callback(_take_exception)
        return self._running

    async def __call__(self) -> T:
        """What comes of it. Raises what the work raises, and Unavailable when the request's own time is up first."""
        running = self.begin()
        done, _ = await asyncio.wait({running}, timeout=context.time_left())
        if not done:
            raise errors.Unavailable
        return running.result()


def _take_exception(task: asyncio.Task[Any]) -> None:
    # Where nobody waits any more, asyncio would log an exception left untaken.
    if not task.cancelled():
        task.exception()
