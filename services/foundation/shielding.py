"""Work that is finished once it has begun, whoever stops waiting for it."""

import asyncio
import functools
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, TypeVar

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
