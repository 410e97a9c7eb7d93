"""The relay: tells auth and JetStream what the ledger has written down, again and again until they acknowledge it.

Both listeners take repeats for what they are, so telling twice after a crash does no harm and never telling cannot be.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Protocol, TypeVar

from services.foundation import logs
from services.tasks.ports import Announcer, OutboxStore, Purse, stored
from services.tasks.values import Event, Settlement

log = logs.logger(__name__)
BATCH: Final = 20
LOOK_SECONDS: Final = 1.0
"""How often to look for what another replica, or the time before a restart, left behind."""
FIRST_RETRY_SECONDS: Final = 0.25
MOST_RETRY_SECONDS: Final = 10.0
DELIVERY_SECONDS: Final = 12.0

Letter = TypeVar("Letter", Settlement, Event)


class Publisher(Protocol):
    """Stores completion events for good."""

    async def publish(self, event_id: str, payload: bytes) -> None:
        """Return once it is stored, whether by this call or an earlier one; raise anything when it may not be."""
        ...


def back_off(attempts: int) -> float:
    """Seconds to wait after so many failed attempts."""
    return min(MOST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, 16))


class Relay:
    """Delivers settlements and events, each kind at its own pace: money does not wait for NATS."""

    def __init__(self, *, outbox: OutboxStore, purse: Purse, publisher: Publisher, announcer: Announcer) -> None:
        """Nothing runs yet."""
        self._outbox = outbox
        self._purse = purse
        self._publisher = publisher
        self._announcer = announcer
        self._settlements_due = asyncio.Event()
        self._events_due = asyncio.Event()

    def wake(self) -> None:
        """Something was written: look now."""
        self._settlements_due.set()
        self._events_due.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._loop(self._settlements_due, self._outbox.take_settlements, self._settle))
            group.create_task(self._loop(self._events_due, self._outbox.take_events, self._publish))

    async def _loop(
        self,
        due: asyncio.Event,
        take: Callable[[int], Awaitable[Sequence[Letter]]],
        deliver: Callable[[Letter], Awaitable[None]],
    ) -> None:
        while True:
            due.clear()
            try:
                while letters := await take(BATCH):
                    await asyncio.gather(*(deliver(letter) for letter in letters))
            except Exception:
                # The database is away: what was taken comes due again by itself.
                log.exception("the outbox cannot be read")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await due.wait()

    async def _settle(self, letter: Settlement) -> None:
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                await self._purse.settle(
                    hold_id=letter.hold_id, user_id=letter.user_id, charge=letter.charge, reason=letter.reason
                )
        except Exception as error:
            log.warning("not settled yet", hold_id=letter.hold_id, attempts=letter.attempts, error=repr(error))
            await self._outbox.postpone_settlement(letter.hold_id, seconds=back_off(letter.attempts))
            return
        task = await self._outbox.settled(letter.hold_id)
        if task is not None:
            self._announcer.announce(stored(task))

    async def _publish(self, letter: Event) -> None:
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                await self._publisher.publish(letter.event_id, letter.payload)
        except Exception as error:
            log.warning("not published yet", event_id=letter.event_id, attempts=letter.attempts, error=repr(error))
            await self._outbox.postpone_event(letter.event_id, seconds=back_off(letter.attempts))
            return
        await self._outbox.published(letter.event_id)
