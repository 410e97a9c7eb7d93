"""Callers at a fixed rate, and callers that ask again and again. They know of a service only how to ask it once."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bench.ledger.figures import Asked

Ask = Callable[[int], Awaitable[object]]
"""One call, given its number; raises where it fails."""


async def at_rate(ask: Ask, *, rate: float, count: int) -> list[Asked]:
    """`count` calls, `rate` a second, each at its own moment whether or not those before it were answered."""
    begun = time.perf_counter()
    under_way = []
    for number in range(count):
        due = begun + number / rate
        # Arrival times are the experiment itself: nothing else is waited for here.
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        under_way.append(asyncio.create_task(_once(ask, number, due)))
    return list(await asyncio.gather(*under_way))


async def again_and_again(ask: Ask, *, callers: int, until: asyncio.Event) -> list[Asked]:
    """`callers` at once, each asking again as soon as it is answered, until told to end."""
    asked: list[Asked] = []

    async def call_on(first: int) -> None:
        number = first
        while not until.is_set():
            asked.append(await _once(ask, number, time.perf_counter()))
            number += callers

    await asyncio.gather(*(call_on(first) for first in range(callers)))
    return asked


async def _once(ask: Ask, number: int, due: float) -> Asked:
    failure = ""
    try:
        await ask(number)
    except Exception as error:  # whatever a call fails with is a figure, not the end of the measuring
        failure = f"{type(error).__name__}: {error}"
    return Asked(due=due, answered=time.perf_counter(), failure=failure)
