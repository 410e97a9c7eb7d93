"""Threads for what waits for the database: those that serve requests may all be waiting for plugins."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from services.foundation import logs
from services.foundation.outbox import back_off
from services.plugins.generation.store import DatabaseAway

log = logs.logger(__name__)
T = TypeVar("T")
THREADS: Final = 4


class Threads:
    """A few of them."""

    def __init__(self) -> None:
        """They start when they are needed."""
        self._pool = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="drawing")

    async def once(self, work: Callable[[], T]) -> T:
        """What `work` gives; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` gives, tried again while the database is away."""
        attempts = 0
        while True:
            try:
                return await self.once(work)
            except DatabaseAway as error:
                attempts += 1
                log.warning("the database is away", error=repr(error))
            await asyncio.sleep(back_off(attempts))

    def close(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
