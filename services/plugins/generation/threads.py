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
        self._aside = ThreadPoolExecutor(max_workers=1, thread_name_prefix="drawing-leases")

    async def once(self, work: Callable[[], T]) -> T:
        """What `work` gives; raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def aside(self, work: Callable[[], T]) -> T:
        """As `once`, in a thread of its own: leases are renewed however long pictures take to be stored."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, work)

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
        for each in (self._pool, self._aside):
            each.shutdown(wait=False, cancel_futures=True)
