"""How threads beside the event loop, Flask's above all, call what lives on it."""

import asyncio
import concurrent.futures
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from services.foundation import errors

T = TypeVar("T")

# A little more than the deadline every unary call carries: the call's own error is the better one.
PATIENCE_SECONDS: Final = 12.0


class Bridge:
    """Runs coroutines on the loop for threads beside it."""

    def __init__(self) -> None:
        """Nothing can be called before `attach`."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say which loop the clients live on."""
        self._loop = loop

    def call(self, work: Coroutine[Any, Any, T], *, timeout: float = PATIENCE_SECONDS) -> T:
        """Run `work` on the loop and wait for it, `timeout` seconds at most; raises Unavailable after that.

        Never from the loop itself, which would wait for ever.
        """
        if self._loop is None:
            work.close()
            raise errors.Unavailable
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(timeout)
        except concurrent.futures.TimeoutError as error:
            running.cancel()
            raise errors.Unavailable from error
