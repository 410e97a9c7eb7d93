"""No stream outlives the right to it: neither the session of who holds it open, nor their identity token."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from services.tasks.errors import SessionEnded, TokenExpired
from services.tasks.watching.board import MOST_ENDED, Board, Viewer
from tests.support.fake_parts import Notes
from tests.support.ledger_rows import Store
from tests.support.watching import Desk, following

HERE = Viewer(user_id="ada", session_id="here")
THERE = Viewer(user_id="ada", session_id="there")
BY_KEY = Viewer(user_id="ada")
BOB = Viewer(user_id="bob", session_id="bobs")


async def opened(desk: Desk, viewer: Viewer) -> AsyncGenerator[Any, None]:
    """A stream of all the viewer's tasks that has told what there is."""
    stream = desk.watching.session(viewer, "", 0)
    await following(stream)
    return stream


async def test_a_session_that_ends_takes_its_streams_with_it_and_no_others(store: Store) -> None:
    desk = Desk(store)
    streams = [await opened(desk, viewer) for viewer in (HERE, THERE, BY_KEY, BOB)]
    waiting = [asyncio.ensure_future(following(stream)) for stream in streams]
    await asyncio.sleep(0)

    desk.board.end("ada", "here")
    with pytest.raises(SessionEnded):
        await waiting[0]

    assert not any(each.done() for each in waiting[1:])
    for each in waiting[1:]:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_person_who_is_gone_holds_nothing_open_by_key_or_session(store: Store) -> None:
    desk = Desk(store)
    streams = [await opened(desk, viewer) for viewer in (HERE, THERE, BY_KEY, BOB)]
    waiting = [asyncio.ensure_future(following(stream)) for stream in streams]
    await asyncio.sleep(0)

    desk.board.end("ada")
    ends = await asyncio.gather(*waiting[:3], return_exceptions=True)

    assert [type(each) for each in ends] == [SessionEnded] * 3
    assert not waiting[3].done()
    waiting[3].cancel()
    await asyncio.gather(waiting[3], return_exceptions=True)


async def test_a_stream_opened_with_a_token_from_before_the_end_is_refused(store: Store) -> None:
    desk = Desk(store)

    desk.board.end("ada", "here")
    with pytest.raises(SessionEnded):
        await opened(desk, HERE)

    await (await opened(desk, THERE)).aclose()


def test_what_is_known_of_ended_sessions_is_bounded() -> None:
    board = Board(Notes())

    for number in range(MOST_ENDED + 10):
        board.end("ada", f"session-{number}")

    for number, ended in ((0, False), (MOST_ENDED + 9, True)):
        with board.join(Viewer(user_id="ada", session_id=f"session-{number}")) as watcher:
            assert watcher.ended is ended


async def test_a_stream_ends_with_the_token_it_was_opened_with(store: Store) -> None:
    desk = Desk(store)
    viewer = Viewer(user_id="ada", session_id="here", believed_until=desk.now + 0.01)
    task_id = await store.queued()
    streams = [desk.watching.session(viewer, "", 0), desk.watching.task(viewer, task_id, 0)]
    for stream in streams:
        await anext(stream)

    async def end_of(stream: AsyncGenerator[Any, None]) -> type[BaseException] | None:
        try:
            await anext(stream)
        except TokenExpired as error:
            return type(error)
        return None

    reading = asyncio.gather(*(end_of(stream) for stream in streams))
    # Looks every 10 ms, as there is so little left, and finds that it may go on.
    await asyncio.wait((reading,), timeout=0.05)
    assert not reading.done()
    desk.now += 1
    ends = await asyncio.wait_for(reading, timeout=60)

    assert ends == [TokenExpired, TokenExpired]
    assert not desk.board._watchers


async def test_who_is_present_has_a_lease_for_their_own_session_whatever_they_watch(store: Store) -> None:
    desk = Desk(store)

    for viewer, present in ((HERE, True), (THERE, False), (BY_KEY, True)):
        stream = desk.watching.session(viewer, "elsewhere", 0, present=present)
        await following(stream)
        await stream.aclose()

    assert await store.presences() == [("ada", "here")]
