"""Whoever is killed while an end is told to others: auth settles once, and the stream holds one event for each task."""

import asyncio
from typing import Final

import pytest
from daydream.tasks.v1 import tasks_pb2

from tests.faults.conftest import NewSystem
from tests.support.aftermath import assert_sound
from tests.support.audit import look
from tests.support.ledger import until
from tests.support.nats import Nats
from tests.support.sabotage import Fault
from tests.support.system import System

pytestmark = pytest.mark.slow
SUCCEEDED: Final = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
POINTS: Final = {
    "before the end is committed": Fault(at="services.tasks.store.base:Database.end", when="after"),
    "before anybody is told": Fault(at="services.tasks.store.leases:Leases.end", when="after"),
    "before the event is published": Fault(at="services.foundation.events:Publisher.publish", when="before"),
    "before the published event is noted": Fault(at="services.foundation.events:Publisher.publish", when="after"),
    "before the hold is settled": Fault(at="services.tasks.wire.purse:GrpcPurse.settle", when="before"),
    "before the settled hold is noted": Fault(at="services.tasks.wire.purse:GrpcPurse.settle", when="after"),
}


# What was being told is in the dead replica's hand for 20 s before another takes it.
IN_HAND: Final = {point for point in POINTS if "event" in point or "hold" in point}


@pytest.mark.parametrize(
    "point", [pytest.param(point, marks=pytest.mark.patient if point in IN_HAND else ()) for point in POINTS]
)
async def test_a_replica_killed_while_it_tells_of_an_end_tells_again_and_it_counts_once(
    new_system: NewSystem, point: str
) -> None:
    async with new_system(hold_after=0, faults={"tasks-0": [POINTS[point]]}) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        task = await ada.submit(samples=2)
        system.let_draw()
        await asyncio.to_thread(system.tasks[0].died)

        await system.start()
        ended = await ada.ended(task.task_id, seconds=120)

        assert (ended.state, ended.charged) == (SUCCEEDED, 2)
        found = await assert_sound(system, answered=[task.task_id])
        assert dict(found.ends) == {"SUCCEEDED": 1}


@pytest.mark.parametrize("point", ["before", "after"])
async def test_auth_killed_in_the_middle_of_a_settlement_settles_once(new_system: NewSystem, point: str) -> None:
    settle = Fault(at="services.auth.purse:Purse.settle", when=point)  # type: ignore[arg-type]
    async with new_system(faults={"auth": [settle]}) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        task = await ada.submit(samples=2)
        await asyncio.to_thread(system.auth.died)

        system.auth.start()
        ended = await ada.ended(task.task_id, seconds=120)

        assert ended.charged == 2
        await assert_sound(system, answered=[task.task_id])


async def test_with_nats_dead_tasks_are_accepted_drawn_and_watched_and_their_events_come_later(
    new_system: NewSystem, own_nats: Nats
) -> None:
    async with new_system(slots=2) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        own_nats.stop()

        tasks = [await ada.submit() for _ in range(3)]
        states = [message.task.state async for message in ada.watch(tasks[0].task_id)]
        ended = [await ada.ended(task.task_id) for task in tasks]
        waiting = len((await asyncio.to_thread(look, system.places)).outbox)
        own_nats.start()

        assert states[-1] == SUCCEEDED
        assert [task.state for task in ended] == [SUCCEEDED] * 3
        assert waiting == 3
        await assert_sound(system, answered=[task.task_id for task in tasks])


async def test_an_event_that_nats_acknowledged_just_before_it_was_killed_is_there_when_it_is_back(
    new_system: NewSystem, own_nats: Nats
) -> None:
    async with new_system() as system:
        ada = await system.sign_up()
        await system.ready(ada)
        task = await ada.submit()
        await until(lambda: nothing_waits(system))
        own_nats.stop()

        own_nats.start()

        await assert_sound(system, answered=[task.task_id])


async def nothing_waits(system: System) -> bool:
    """Whether the one task has ended and its event was acknowledged."""
    found = await asyncio.to_thread(look, system.places)
    return [row.state for row in found.tasks] == ["SUCCEEDED"] and not found.outbox
