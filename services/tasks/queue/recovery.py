"""Puts right what a crash left: submissions that nobody finished, leases nobody renews, files no row speaks of."""

import asyncio
import datetime as dt
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Final, Protocol

from services.foundation import logs
from services.tasks.ports import Announcer, LeaseStore, TaskStore, stored

log = logs.logger(__name__)
ABANDONED_AFTER: Final = dt.timedelta(seconds=60)
"""Longer than any submission waits for auth, so that it is not undone under its hands."""
SWEEP_SECONDS: Final = 3600.0
ORPHAN_SECONDS: Final = 3600.0
"""A file may be there for a while before its row is; much less than this."""


class Files(Protocol):
    """Image files, as the sweep sees them."""

    def older_than(self, seconds: float) -> AsyncIterator[Mapping[str, str]]:
        """Files that were written longer ago, in batches, each with the path that a row must have to speak for it."""
        ...

    async def remove_file(self, path: str) -> None:
        """Remove a file."""
        ...


class Unused(Protocol):
    """Uploads, as far as they are to be forgotten."""

    async def remove_unused(self) -> None:
        """Forget what nobody uses."""
        ...


class Links(Protocol):
    """Links to images, as far as they are to be forgotten."""

    async def remove_ended(self) -> None:
        """Forget those that have ended."""
        ...


class Recovery:
    """Looks over the ledger again and again, on every replica; each repair is one transaction of its own."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        leases: LeaseStore,
        files: Files,
        uploads: Unused,
        links: Links,
        announcer: Announcer,
        settle_now: Callable[[], None],
        every_seconds: float,
        abandoned_after: dt.timedelta = ABANDONED_AFTER,
    ) -> None:
        """`every_seconds` between two looks; `settle_now` wakes the relay."""
        self._tasks = tasks
        self._leases = leases
        self._files = files
        self._uploads = uploads
        self._links = links
        self._announcer = announcer
        self._settle_now = settle_now
        self._every = every_seconds
        self._abandoned_after = abandoned_after

    async def run(self) -> None:
        """Repair until cancelled."""
        swept = float("-inf")
        while True:
            try:
                await self.requeue_lost()
                await self.undo_abandoned()
                if time.monotonic() - swept > SWEEP_SECONDS:
                    # Before it: a folder that cannot be swept is not tried again every few seconds.
                    swept = time.monotonic()
                    await self._uploads.remove_unused()
                    await self._links.remove_ended()
                    await self.sweep()
            except Exception:
                log.exception("recovery did not finish; it tries again")
            await asyncio.sleep(self._every)

    async def requeue_lost(self) -> None:
        """Put back tasks whose dispatcher is gone, or end those that were lost too often."""
        while (task := await self._leases.expire_one()) is not None:
            log.warning("dispatcher lost", task_id=task.task_id, state=task.state, lost=task.lost)
            self._announcer.announce(stored(task))
            if task.state.ended:
                self._settle_now()

    async def undo_abandoned(self) -> None:
        """Remove submissions that were never answered, and release what they held."""
        for task_id in await self._tasks.abandoned(older_than=self._abandoned_after):
            if await self._tasks.undo(task_id):
                log.warning("abandoned submission undone", task_id=task_id)
                self._settle_now()

    async def sweep(self, *, older_than_seconds: float = ORPHAN_SECONDS) -> None:
        """Remove files that were written before a crash kept their rows from being.

        A database without one image is more likely lost, or another's, than right about every file there is.
        """
        if not await self._tasks.has_images():
            return
        async for batch in self._files.older_than(older_than_seconds):
            known = await self._tasks.known_files(sorted(set(batch.values())))
            for path, spoken_for_by in batch.items():
                if spoken_for_by not in known:
                    log.warning("orphan file removed", path=path)
                    await self._files.remove_file(path)
