"""Who has the studio open, and what becomes of their tasks when they leave it.

An open stream of the studio page renews a lease for its session, at whichever replica. A lease that lapsed is a person
who left: what the studio submitted in that session, and still waits or runs, is then cancelled, where they chose so.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from services.foundation import logs
from services.tasks.ports import Announcer, stored
from services.tasks.values import Left

log = logs.logger(__name__)
RENEWALS: Final = 3
"""Renewals within a lease's length, so that one that fails is no leaving."""


class PresenceStore(Protocol):
    """Leases and choices as the ledger keeps them; `store.presence.Presences` says what each call does."""

    async def renew(self, user_id: str, session_id: str, *, seconds: float) -> None: ...
    async def leave_one(self) -> Left | None: ...
    async def cancels(self, user_id: str) -> bool: ...
    async def choose(self, user_id: str, *, cancel: bool) -> None: ...


class Lease:
    """One open stream's part in keeping its session present."""

    def __init__(self, renew: Callable[[], Awaitable[None]], every_seconds: float, clock: Callable[[], float]) -> None:
        """Renews at the first call of `keep`, and then every so many seconds."""
        self._renew = renew
        self._every = every_seconds
        self._clock = clock
        self._due = float("-inf")

    async def keep(self) -> None:
        """Renew if it is time to; a ledger that does not answer is asked again the next time."""
        if self._clock() < self._due:
            return
        self._due = self._clock() + self._every
        try:
            await self._renew()
        except Exception as error:
            log.warning("presence not renewed", error=repr(error))

    def seconds(self) -> float:
        """Until it is time to."""
        return max(0.0, self._due - self._clock())


class Presence:
    """Leases of sessions, the choices of people, and what comes of both."""

    def __init__(
        self,
        *,
        store: PresenceStore,
        announcer: Announcer,
        settle_now: Callable[[], None],
        lease_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Who is not seen for `lease_seconds` has left; `settle_now` wakes the relay; `clock` counts seconds."""
        self._store = store
        self._announcer = announcer
        self._settle_now = settle_now
        self._seconds = lease_seconds
        self._clock = clock
        self._look_now = asyncio.Event()

    def lease(self, user_id: str, session_id: str) -> Lease:
        """For a stream that is open as long as the studio is."""
        return Lease(
            lambda: self._store.renew(user_id, session_id, seconds=self._seconds),
            self._seconds / RENEWALS,
            self._clock,
        )

    async def cancels(self, user_id: str) -> bool:
        """Whether a person's tasks are cancelled when they leave; they go on until somebody chooses that."""
        return await self._store.cancels(user_id)

    async def choose(self, user_id: str, *, cancel: bool) -> None:
        """Keep a person's choice, for every session of theirs."""
        await self._store.choose(user_id, cancel=cancel)

    def look_now(self) -> None:
        """Somebody may have left."""
        self._look_now.set()

    async def run(self) -> None:
        """Look for those who left, until cancelled."""
        looked = since = float("-inf")
        while True:
            self._look_now.clear()
            now = self._clock()
            if now - looked > self._seconds:
                # Before, this service, or its database, was away or stood still, so that nobody could renew a lease:
                # everybody gets the time to.
                since = now
            looked = now
            try:
                if now - since >= self._seconds:
                    await self.look()
            except Exception:
                log.exception("those who left cannot be looked for; it tries again")
                looked = float("-inf")
            try:
                async with asyncio.timeout(self._seconds / RENEWALS):
                    await self._look_now.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Deal with everybody who left.

        Each step is a transaction of its own and the lease goes last, so what a crash leaves undone is done later.
        """
        while (left := await self._store.leave_one()) is not None:
            if left.task is None:
                continue
            log.info("cancelled, as its owner left", task_id=left.task.task_id)
            self._announcer.announce(stored(left.task))
            if left.task.state.ended:
                self._settle_now()
