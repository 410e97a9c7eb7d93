"""The relay of an outbox: tells others what a service has written down, again and again until they acknowledge it.

Whoever is told takes a repeat for what it is, so telling twice after a crash does no harm and never telling cannot be.
Knows neither what a letter says nor where it is kept; `outbox_table` keeps letters in SQL.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, Protocol, TypeVar

from services.foundation import logs

log = logs.logger(__name__)
BATCH: Final = 20
LOOK_SECONDS: Final = 1.0
"""How often to look for what another replica, or the time before a restart, left behind."""
FIRST_RETRY_SECONDS: Final = 0.25
MOST_RETRY_SECONDS: Final = 10.0
DELIVERY_SECONDS: Final = 12.0
IN_HAND_SECONDS: Final = 20.0
"""For so long nobody else takes what one relay has taken; longer than any delivery is waited for."""


class Letter(Protocol):
    """Something that waits to be told."""

    @property
    def attempts(self) -> int:
        """How often it was taken, this time included."""
        ...


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event to publish."""

    event_id: str
    """Names it; a consumer acts on it once."""
    subject: str
    """What it is about: the subject it is published on ends in the event's id."""
    payload: bytes = field(repr=False)
    """A serialised message."""
    attempts: int
    """How often it was taken from the outbox, this time included."""


class Publisher(Protocol):
    """Stores events for good."""

    async def publish(self, subject: str, event_id: str, payload: bytes) -> None:
        """Return once it is stored, whether by this call or an earlier one; raise anything when it may not be."""
        ...


class EventStore(Protocol):
    """Where a service keeps the events that wait."""

    async def take_events(self, most: int) -> Sequence[Event]:
        """Take events that are due; they come due again by themselves unless `published` says otherwise."""
        ...

    async def published(self, event_id: str) -> None:
        """The event is stored for good: forget it."""
        ...

    async def postpone_event(self, event_id: str, *, seconds: float) -> None:
        """Try again later."""
        ...


L = TypeVar("L", bound=Letter)


def back_off(attempts: int) -> float:
    """Seconds to wait after so many failed attempts."""
    return min(MOST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, 16))


class Relay(Generic[L]):
    """Delivers letters of one kind, at a pace of their own: what one listener keeps waiting holds up no other."""

    def __init__(
        self,
        *,
        take: Callable[[int], Awaitable[Sequence[L]]],
        deliver: Callable[[L], Awaitable[None]],
        done: Callable[[L], Awaitable[None]],
        postpone: Callable[[L, float], Awaitable[None]],
    ) -> None:
        """`take` so many; `deliver` one, which may raise anything; then it is `done`, or to `postpone` by seconds."""
        self._take, self._deliver, self._done, self._postpone = take, deliver, done, postpone
        self._due = asyncio.Event()

    def wake(self) -> None:
        """Something was written: look now."""
        self._due.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            self._due.clear()
            try:
                while letters := await self._take(BATCH):
                    await asyncio.gather(*(self._tell(letter) for letter in letters))
            except Exception:
                # The database is away: what was taken comes due again by itself.
                log.exception("the outbox cannot be read")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._due.wait()

    async def _tell(self, letter: L) -> None:
        try:
            async with asyncio.timeout(DELIVERY_SECONDS):
                await self._deliver(letter)
        except Exception as error:
            log.warning("not delivered yet", letter=repr(letter), error=repr(error))
            await self._postpone(letter, back_off(letter.attempts))
            return
        await self._done(letter)


def event_relay(store: EventStore, publisher: Publisher) -> Relay[Event]:
    """A relay that publishes a service's events."""
    return Relay(
        take=store.take_events,
        deliver=lambda event: publisher.publish(event.subject, event.event_id, event.payload),
        done=lambda event: store.published(event.event_id),
        postpone=lambda event, seconds: store.postpone_event(event.event_id, seconds=seconds),
    )
