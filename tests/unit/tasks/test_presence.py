"""When leases are renewed, and from when on somebody counts as gone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.foundation.errors import Unavailable
from services.tasks.people.presence import Presence
from services.tasks.values import Left
from tests.support.fake_parts import Notes


class Kept:
    """Leases in memory: counts what is asked of it, and can be away."""

    def __init__(self) -> None:
        self.renewals = self.looks = 0
        self.away = False
        self.looked = asyncio.Event()

    async def renew(self, user_id: str, session_id: str, *, seconds: float) -> None:
        self.renewals += 1
        if self.away:
            raise Unavailable

    async def leave_one(self) -> Left | None:
        self.looks += 1
        self.looked.set()
        if self.away:
            raise Unavailable
        return None

    async def cancels(self, user_id: str) -> bool:
        return False

    async def choose(self, user_id: str, *, cancel: bool) -> None:
        return None


class Desk:
    """Presence with leases of 30 seconds and a clock that stands still."""

    def __init__(self) -> None:
        self.kept, self.now = Kept(), 1000.0
        self.presence = Presence(
            store=self.kept,
            announcer=Notes(),
            settle_now=lambda: None,
            lease_seconds=30,
            clock=lambda: self.now,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The loop that looks for those who left."""
        loop = asyncio.create_task(self.presence.run())
        await self.turn()
        try:
            yield
        finally:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)

    async def turn(self, seconds: float = 0) -> int:
        """Let time pass and the loop go round; how often it has looked."""
        self.now += seconds
        self.presence.look_now()
        for _ in range(5):
            await asyncio.sleep(0)
        return self.kept.looks


async def test_a_lease_is_renewed_three_times_in_its_length_and_no_more() -> None:
    desk = Desk()
    lease = desk.presence.lease("ada", "here")

    renewals = []
    for _ in range(61):
        await lease.keep()
        renewals.append(desk.kept.renewals)
        desk.now += 1

    assert (renewals[0], renewals[30], renewals[60]) == (1, 4, 7)
    assert lease.seconds() == 9


async def test_a_ledger_that_is_away_ends_no_stream_and_is_asked_again() -> None:
    desk = Desk()
    lease = desk.presence.lease("ada", "here")
    desk.kept.away = True

    await lease.keep()
    desk.now += 10
    await lease.keep()

    assert desk.kept.renewals == 2


async def test_nobody_has_left_before_everybody_had_the_time_to_come_back_after_a_start() -> None:
    desk = Desk()

    async with desk.running():
        looks = [await desk.turn(10) for _ in range(4)]

    assert looks == [0, 0, 1, 2]


async def test_nobody_has_left_while_the_ledger_was_away_and_none_could_renew() -> None:
    desk = Desk()
    async with desk.running():
        for _ in range(3):
            await desk.turn(10)
        desk.kept.away = True
        await desk.turn(10)
        desk.kept.away = False

        looks = [await desk.turn(10) for _ in range(5)]

    assert looks == [2, 2, 2, 3, 4]


async def test_nobody_has_left_while_the_service_stood_still() -> None:
    desk = Desk()
    async with desk.running():
        for _ in range(3):
            await desk.turn(10)

        looks = [await desk.turn(300), await desk.turn(10), await desk.turn(10), await desk.turn(10)]

    assert looks == [1, 1, 1, 2]
