"""Work that nobody can stop, and what becomes of who waits for it."""

import asyncio
import threading

import pytest

from services.foundation.shielding import in_thread


async def test_who_is_cancelled_while_a_thread_works_for_them_stays_until_it_is_through() -> None:
    began, go_on, over = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        go_on.wait(60)
        over.set()

    waiting = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(began.wait, 60)
    waiting.cancel()
    await asyncio.wait({waiting}, timeout=0.05)
    stayed = not waiting.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    assert (stayed, over.is_set()) == (True, True)


async def test_what_a_thread_gives_and_raises_comes_out() -> None:
    given = await in_thread(lambda: 7)

    assert given == 7
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)
