"""What watchers hold while their readers are slow, and what they are told."""

import asyncio

from services.tasks.ports import Change, stored
from services.tasks.states import State
from services.tasks.values import Progress
from services.tasks.watching.board import MOST_LIVE, Board, Viewer
from tests.support.fake_parts import Notes
from tests.support.ledger import until
from tests.support.ledger_rows import Store
from tests.support.watching import ADA, Desk, following, following_view


def change(step: int, *, attempt: int = 1, task_id: str = "t", preview: bytes = b"") -> Change:
    progress = Progress(step=step, steps=10, preview=preview)
    return Change(user_id="ada", session_id="s", task_id=task_id, attempt=attempt, progress=progress)


def live_step(board: Board, attempt: int) -> int | None:
    live = board.live("t", attempt)
    return None if live is None else live.progress.step


def test_late_progress_never_turns_a_bar_back() -> None:
    board = Board(Notes())

    for step, attempt in ((3, 1), (2, 1), (1, 2), (9, 1)):
        board.hear(change(step, attempt=attempt))

    assert (live_step(board, 1), live_step(board, 2)) == (None, 1)


def test_a_step_keeps_the_preview_before_it() -> None:
    board = Board(Notes())

    board.hear(change(1, preview=b"one"))
    board.hear(change(2))

    live = board.live("t", 1)
    assert live is not None
    assert (live.progress.step, live.progress.preview, live.previews) == (2, b"one", 1)


def test_what_is_kept_is_bounded() -> None:
    board = Board(Notes())

    for number in range(MOST_LIVE + 10):
        board.hear(change(1, task_id=f"task-{number}"))

    assert board.live("task-0", 1) is None
    assert board.live(f"task-{MOST_LIVE + 9}", 1) is not None


async def test_a_watcher_that_is_not_read_holds_marks_not_messages() -> None:
    board = Board(Notes())
    with board.join(ADA) as watcher:
        for step in range(1000):
            board.announce(change(step % 10))

        assert await watcher.wait(0.01)
        assert not await watcher.wait(0.01)
        assert vars(watcher).keys() == {"viewer", "task_id", "ended", "stale", "in_line", "_news"}


async def test_only_the_owners_watchers_and_those_in_line_are_marked() -> None:
    board = Board(Notes())
    with board.join(ADA) as ada, board.join(Viewer(user_id="bob")) as bob, board.join(Viewer(user_id="eve")) as eve:
        eve.in_line = True

        board.hear(Change(user_id="ada", session_id="s", task_id="t"))

        assert [await each.wait(0.01) for each in (ada, bob, eve)] == [True, False, True]


async def test_a_waiting_task_hears_when_the_queue_before_it_moves(store: Store) -> None:
    desk = Desk(store)
    first = await store.queued("bob")
    second = await store.queued("ada")
    stream = desk.watching.session(ADA, "", 0)
    before = await following(stream)

    cancelled = await store.tasks.cancel("bob", first)
    assert cancelled is not None
    moved = asyncio.ensure_future(following(stream))
    await until_in_line(desk.board)
    desk.board.announce(stored(cancelled))
    after = await moved

    assert [view.progress.position for view in before.views if view.progress] == [2]
    assert [(view.task.task_id, view.progress.position) for view in after.views if view.progress] == [(second, 1)]
    await stream.aclose()


async def until_in_line(board: Board) -> None:
    async def look() -> bool:
        return any(watcher.in_line for watchers in board._watchers.values() for watcher in watchers)

    await until(look)


async def test_a_preview_is_told_once_to_each_watcher_and_at_once_to_a_new_one(store: Store) -> None:
    desk = Desk(store)
    await store.workers.save("gpu-1", b"")
    task_id = await store.queued()
    claimed = await store.leases().claim("gpu-1", model_names=["mini"], slots=1)
    assert claimed is not None
    stream = desk.watching.task(ADA, task_id, 0)
    await following_view(stream)

    def tell(step: int, preview: bytes = b"") -> None:
        progress = Progress(step=step, steps=8, preview=preview)
        desk.board.announce(Change(user_id="ada", session_id="s", task_id=task_id, attempt=1, progress=progress))

    tell(1, b"one")
    with_preview = await following_view(stream)
    tell(2)
    without = await following_view(stream)
    late = await following_view(desk.watching.task(ADA, task_id, 0))

    assert [view.progress.preview for view in (with_preview, without, late) if view.progress] == [b"one", b"", b"one"]
    await stream.aclose()


async def test_a_slow_reader_gets_the_latest_state_and_then_the_end(store: Store) -> None:
    desk = Desk(store)
    await store.workers.save("gpu-1", b"")
    task_id = await store.queued()
    claimed = await store.leases().claim("gpu-1", model_names=["mini"], slots=1)
    assert claimed is not None
    stream = desk.watching.task(ADA, task_id, 0)
    await following_view(stream)

    for step in range(1, 8):
        progress = Progress(step=step, steps=8)
        desk.board.announce(Change(user_id="ada", session_id="s", task_id=task_id, attempt=1, progress=progress))
    latest = await following_view(stream)
    ended = await store.leases().end(claimed[0], State.CANCELLED)
    desk.board.announce(stored(ended))
    rest = [view async for view in stream]

    assert latest.progress is not None
    assert latest.progress.step == 7
    assert [view.task.state for view in rest] == [State.CANCELLED]
    assert not desk.board._watchers
