"""Callers of the ledger's benchmark: an open loop waits for nobody, and lateness counts."""

import asyncio

from bench.ledger import loads


async def test_calls_at_a_rate_are_made_whether_or_not_those_before_are_answered() -> None:
    released = asyncio.Event()
    under_way: set[int] = set()

    async def ask(number: int) -> None:
        under_way.add(number)
        if len(under_way) == 5:
            released.set()
        # With a closed loop the first would wait here for ever.
        await released.wait()

    asked = await asyncio.wait_for(loads.at_rate(ask, rate=1000, count=5), timeout=10)

    assert under_way == {0, 1, 2, 3, 4}
    assert [each.failure for each in asked] == [""] * 5


async def test_latency_counts_from_the_moment_a_call_was_due() -> None:
    async def ask(_number: int) -> None:
        return

    asked = await loads.at_rate(ask, rate=200, count=3)

    first, second, third = (each.due for each in asked)
    assert [round(second - first, 9), round(third - second, 9)] == [0.005, 0.005]
    assert all(each.latency >= 0 for each in asked)


async def test_a_call_that_fails_is_a_figure_and_not_the_end() -> None:
    async def ask(number: int) -> None:
        if number == 1:
            raise ValueError("no")

    asked = await loads.at_rate(ask, rate=1000, count=3)

    assert [each.failure for each in asked] == ["", "ValueError: no", ""]


async def test_callers_ask_again_until_told_to_end() -> None:
    over = asyncio.Event()
    numbers: list[int] = []

    async def ask(number: int) -> None:
        numbers.append(number)
        if len(numbers) >= 6:
            over.set()
        await asyncio.sleep(0)

    asked = await asyncio.wait_for(loads.again_and_again(ask, callers=2, until=over), timeout=10)

    assert len(asked) == len(numbers) >= 6
    assert len(set(numbers)) == len(numbers)
