"""Leases of sessions in the store, on both databases: who left, and which tasks of theirs are cancelled for it."""

import asyncio
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from services.tasks import models
from services.tasks.people.presence import Presence
from services.tasks.states import State
from services.tasks.store.inbox import Inbox
from services.tasks.store.presence import Presences
from tests.support.fake_parts import Notes
from tests.support.ledger_rows import Store, claim

GONE = -1.0
"""A lease of so many seconds has lapsed."""


@pytest.fixture
def presences(store: Store) -> Presences:
    return Presences(store.database)


def presence_of(presences: Presences, notes: Notes, settle: Callable[[], None] = lambda: None) -> Presence:
    return Presence(store=presences, announcer=notes, settle_now=settle, lease_seconds=30)


async def state(store: Store, task_id: str, user_id: str = "ada") -> tuple[State, bool]:
    """Where a task stands, and whether it is to stop."""
    task = await store.tasks.get(user_id, task_id)
    assert task is not None
    return task.state, task.cancel_requested


QUEUED = (State.QUEUED, False)
CANCELLED = (State.CANCELLED, False)
STOPPING = (State.RUNNING, True)


async def test_who_left_and_chose_so_has_their_studio_tasks_cancelled_and_no_others(
    store: Store, presences: Presences
) -> None:
    running = await store.queued(from_studio=True)
    await claim(store)
    waiting = await store.queued(from_studio=True)
    by_program = await store.queued()
    in_another = await store.queued(session_id="session-2", from_studio=True)
    bobs = await store.queued("bob", from_studio=True)
    await presences.choose("ada", cancel=True)
    await presences.renew("ada", "session-1", seconds=GONE)
    await presences.renew("ada", "session-2", seconds=60)
    notes, settled = Notes(), asyncio.Event()

    await presence_of(presences, notes, settled.set).look()

    assert await state(store, running) == STOPPING
    assert await state(store, waiting) == CANCELLED
    assert [await state(store, each) for each in (by_program, in_another)] == [QUEUED, QUEUED]
    assert await state(store, bobs, "bob") == QUEUED
    assert await store.presences() == [("ada", "session-2")]
    assert {change.task_id for change in notes.changes} == {running, waiting}
    assert settled.is_set()
    assert await store.count(models.Settlement) == 1


async def test_who_left_and_chose_nothing_keeps_everything(store: Store, presences: Presences) -> None:
    task_id = await store.queued(from_studio=True)
    await presences.renew("ada", "session-1", seconds=GONE)

    await presence_of(presences, Notes()).look()

    assert await state(store, task_id) == QUEUED
    assert await store.presences() == []


async def test_a_choice_is_kept_until_the_next_one(store: Store, presences: Presences) -> None:
    before = await presences.cancels("ada")

    await presences.choose("ada", cancel=True)
    await store.queued()
    chosen = await presences.cancels("ada")
    await presences.choose("ada", cancel=False)

    assert (before, chosen, await presences.cancels("ada")) == (False, True, False)
    assert not await presences.cancels("bob")


async def test_a_session_without_a_lease_is_never_left_and_a_renewed_one_is_not(
    store: Store, presences: Presences
) -> None:
    never_open = await store.queued(session_id="session-2", from_studio=True)
    back_again = await store.queued(from_studio=True)
    await presences.choose("ada", cancel=True)
    await presences.renew("ada", "session-1", seconds=GONE)

    await presences.renew("ada", "session-1", seconds=60)
    await presence_of(presences, Notes()).look()

    assert [await state(store, each) for each in (never_open, back_again)] == [QUEUED, QUEUED]


async def test_a_person_who_comes_back_half_way_keeps_what_is_not_cancelled_yet(
    store: Store, presences: Presences
) -> None:
    first, second = [await store.queued(from_studio=True) for _ in range(2)]
    await presences.choose("ada", cancel=True)
    await presences.renew("ada", "session-1", seconds=GONE)

    step = await presences.leave_one()
    await presences.renew("ada", "session-1", seconds=60)
    await presence_of(presences, Notes()).look()

    assert step is not None
    assert [await state(store, each) for each in (first, second)] == [CANCELLED, QUEUED]


async def test_what_a_crash_left_undone_is_done_by_another_replica(store: Store, presences: Presences) -> None:
    tasks = [await store.queued(from_studio=True) for _ in range(3)]
    await presences.choose("ada", cancel=True)
    await presences.renew("ada", "session-1", seconds=GONE)

    # One step, and then nothing: as if the process had ended here.
    await presences.leave_one()
    await presence_of(Presences(store.database), Notes()).look()

    assert [await state(store, each) for each in tasks] == [CANCELLED] * 3
    assert await store.presences() == []


async def test_several_replicas_at_once_cancel_each_task_once(store: Store, presences: Presences) -> None:
    people = [f"user-{number}" for number in range(4)]
    tasks = [(person, await store.queued(person, from_studio=True)) for person in people for _ in range(3)]
    for person in people:
        await presences.choose(person, cancel=True)
        await presences.renew(person, f"session-of-{person}", seconds=GONE)
        async with store.database.write() as session:
            changed = sa.update(models.Task).where(models.Task.user_id == person)
            await session.execute(changed.values(sessionid=f"session-of-{person}"))
    notes = Notes()

    await asyncio.gather(*(presence_of(Presences(store.database), notes).look() for _ in range(4)))
    await presence_of(presences, notes).look()

    assert [await state(store, task_id, person) for person, task_id in tasks] == [CANCELLED] * 12
    assert sorted(change.task_id for change in notes.changes) == sorted(task_id for _, task_id in tasks)
    assert await store.waiting() == 0
    assert await store.count(models.Settlement) == 12


async def test_a_session_that_ended_is_left_at_once_and_the_event_counts_once(
    store: Store, presences: Presences
) -> None:
    inbox = Inbox(store.database)
    task_id = await store.queued(from_studio=True)
    await presences.choose("ada", cancel=True)
    await presences.renew("ada", "session-1", seconds=60)

    others = [
        await inbox.end_session("event-1", user_id="ada", session_id="session-2"),
        await inbox.end_session("event-2", user_id="bob", session_id="session-1"),
    ]
    ended = await inbox.end_session("event-3", user_id="ada", session_id="session-1")
    await presence_of(presences, Notes()).look()
    # The person signs in again under an id that is never the same; were it, a repeat must not end it.
    await presences.renew("ada", "session-1", seconds=60)
    again = await inbox.end_session("event-3", user_id="ada", session_id="session-1")

    assert others == [False, False]
    assert (ended, again) == (True, False)
    assert await state(store, task_id) == CANCELLED
    assert await store.presences() == [("ada", "session-1")]


async def test_an_event_that_comes_to_two_replicas_at_once_counts_once(store: Store, presences: Presences) -> None:
    inbox = Inbox(store.database)
    await presences.renew("ada", "session-1", seconds=60)

    counted = await asyncio.gather(
        *(inbox.end_session("event-1", user_id="ada", session_id="session-1") for _ in range(5))
    )

    assert sorted(counted) == [False, False, False, False, True]
    assert await store.count(models.Inbox) == 1
