"""Following the machine: when it tells, how often, and when it ends; and which workers are told of."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from services.foundation.errors import Unavailable
from services.tasks.errors import SessionEnded, TokenExpired
from services.tasks.machine.crew import REMEMBERED, Crew, Member
from services.tasks.machine.watch import MOST_WAITING, MachineWatch, Sight
from services.tasks.ports import Change
from services.tasks.queue.lineup import Lineup
from services.tasks.states import State
from services.tasks.store.machine import Machine
from services.tasks.values import Progress
from services.tasks.watching.board import Viewer
from services.tasks.wire import model_messages
from services.tasks.workers.capabilities import Capabilities, StepTime
from tests.support.fake_parts import MODEL
from tests.support.ledger_rows import Store, claim
from tests.support.watching import Crew as EstimatesCrew
from tests.support.watching import Desk

GRACE = Viewer(user_id="grace", session_id="here")
SAID = Capabilities(worker_id="w", device="cpu", slots=2, busy_slots=0, models=(MODEL,))


class Fleet:
    """The workers that the test names."""

    def __init__(self, *members: Member) -> None:
        self.named = list(members)

    def members(self) -> Iterator[Member]:
        """Each of them."""
        yield from self.named


def crew_of(store: Store, fleet: Fleet, *, later: dt.timedelta = dt.timedelta()) -> Crew:
    """Looked at so much later than now."""
    return Crew(
        fleet=fleet,
        rows=Machine(store.database),
        decode=lambda stored: replace(SAID, worker_id=stored.decode()),
        now=lambda: dt.datetime.now(dt.UTC) + later,
    )


def watch_of(store: Store, desk: Desk, fleet: Fleet | None = None) -> MachineWatch:
    """With hardly a pause between messages."""
    return MachineWatch(
        rows=Machine(store.database),
        crew=crew_of(store, fleet or Fleet()),
        board=desk.board,
        lineup=Lineup(tasks=store.tasks, crew=EstimatesCrew(), board=desk.board, clock=lambda: desk.seconds),
        watching=desk.watching,
        pause_seconds=0.01,
    )


async def following(stream: AsyncGenerator[Sight, None]) -> Sight:
    """The next message."""
    async with asyncio.timeout(60):
        return await anext(stream)


async def test_steps_of_a_running_task_are_told_without_reading_the_ledger_and_without_its_preview(
    store: Store,
) -> None:
    await store.workers.save("gpu-1", b"w")
    await store.queued("ada")
    lease = await claim(store)
    desk = Desk(store)
    async with aclosing(watch_of(store, desk).follow(GRACE)) as stream:
        first = await following(stream)

        for step in (1, 2, 3):
            progress = Progress(step=step, steps=4, preview=b"picture", preview_content_type="image/webp")
            change = Change(
                user_id="ada", session_id="s", task_id=lease.task_id, attempt=lease.attempt, progress=progress
            )
            desk.board.announce(change)
        moved = await following(stream)

    assert [view.task.state for view in first.views] == [State.RUNNING]
    assert first.views[0].task.worker == "gpu-1"
    # Three steps at once are one message.
    assert [(view.progress.step, view.progress.preview) for view in moved.views if view.progress] == [(3, b"")]
    assert (moved.gone, moved.workers) == ((), ())


async def test_of_a_long_line_the_head_is_told_and_all_of_it_counted(store: Store) -> None:
    ids = [await store.queued(f"user-{number}") for number in range(MOST_WAITING + 2)]
    desk = Desk(store)
    async with aclosing(watch_of(store, desk).follow(GRACE)) as stream:
        first = await following(stream)

        cancelled = await store.tasks.cancel("user-0", ids[0])
        assert cancelled is not None
        # A line as long as this is left alone for a moment after it was read.
        desk.seconds += 1
        desk.board.announce(Change(user_id="user-0", session_id="s", task_id=ids[0]))
        second = await following(stream)

    assert [view.task.task_id for view in first.views] == ids[:MOST_WAITING]
    assert (first.queued, second.queued) == (MOST_WAITING + 2, MOST_WAITING + 1)
    assert second.gone == (ids[0],)
    # All the others moved up by one, and one has come into sight.
    assert [view.task.task_id for view in second.views] == ids[1 : MOST_WAITING + 1]


@pytest.mark.parametrize("end", ["session", "account", "token", "restart"])
async def test_a_watch_does_not_outlive_the_right_to_it(store: Store, end: str) -> None:
    desk = Desk(store)
    viewer = replace(GRACE, believed_until=desk.now + (0.05 if end == "token" else 100))
    stream = watch_of(store, desk).follow(viewer)
    await following(stream)
    reading = asyncio.ensure_future(following(stream))
    await asyncio.sleep(0)

    if end == "token":
        desk.now += 1
    elif end == "restart":
        desk.board.close()
    else:
        desk.board.end("grace", "here" if end == "session" else "")
    expected = {"token": TokenExpired, "restart": Unavailable}.get(end, SessionEnded)
    with pytest.raises(expected):
        await reading

    assert not desk.board._overseers


async def test_the_end_of_somebody_elses_session_ends_no_watch(store: Store) -> None:
    desk = Desk(store)
    stream = watch_of(store, desk).follow(GRACE)
    await following(stream)

    desk.board.end("ada")
    desk.board.end("grace", "elsewhere")
    await store.queued("ada")
    desk.board.announce(Change(user_id="ada", session_id="s", task_id="t"))
    told = await following(stream)

    assert told.queued == 1
    await stream.aclose()


async def test_a_worker_that_is_named_no_more_is_told_for_an_hour(store: Store) -> None:
    await store.workers.save("gpu-1", b"old")
    named = Member(target="gpu-2", answers=True, seen=dt.datetime.now(dt.UTC), said=SAID)

    soon = await crew_of(store, Fleet(named)).workers()
    late = await crew_of(store, Fleet(named), later=REMEMBERED).workers()

    assert [(each.target, each.answers, each.said and each.said.worker_id) for each in soon] == [
        ("gpu-2", True, "w"), ("gpu-1", False, "old"),
    ]  # fmt: skip
    assert [each.target for each in late] == ["gpu-2"]


def test_a_worker_s_pace_is_that_of_its_default_model_at_its_own_size() -> None:
    own = MODEL.defaults.width
    times = (
        StepTime(width=own, height=own, step_us=50_000, image_us=1, shared_step_us=25_000, images_at_once=4),
        StepTime(width=own * 8, height=own * 8, step_us=900_000, image_us=1),
    )

    measured = replace(SAID, models=(replace(MODEL, step_times=times),)).steps_per_second()
    alone = replace(SAID, models=(replace(MODEL, step_times=times[1:]),)).steps_per_second()
    unknown = replace(SAID, models=(replace(MODEL, step_times=()),)).steps_per_second()

    assert (measured, round(alone, 2), unknown, replace(SAID, models=()).steps_per_second()) == (40, 1.11, 0, 0)


def test_what_a_worker_said_is_stored_with_its_memory_and_its_start() -> None:
    started = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
    said = replace(SAID, memory_used=3, memory_total=8, started=started)

    again = model_messages.decode_capabilities(model_messages.encode_capabilities(said))

    assert (again.memory_used, again.memory_total, again.started) == (3, 8, started)
    assert model_messages.decode_capabilities(model_messages.encode_capabilities(SAID)).started is None
