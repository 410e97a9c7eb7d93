"""Whoever is killed while a task is submitted: an answered submission holds, and a repeat finds the same task."""

import asyncio
from functools import partial
from typing import Final

import grpc
import httpx
import pytest
import sqlalchemy as sa
from daydream.tasks.v1 import tasks_pb2

from services.foundation import database, errors
from tests.faults.conftest import NewSystem
from tests.support.aftermath import assert_sound
from tests.support.sabotage import Fault
from tests.support.system import Member, System, patiently

pytestmark = pytest.mark.slow
SUCCEEDED: Final = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
POINTS: Final = {
    "before its row is committed": Fault(at="services.tasks.store.rows:from_new", when="after"),
    "once its row is committed": Fault(at="services.tasks.store.tasks:Tasks.admit", when="after"),
    "once its price is held": Fault(at="services.tasks.wire.purse:GrpcPurse.hold", when="after"),
    "before its place in line is committed": Fault(at="services.tasks.store.base:Database.move", when="after"),
    "before its answer": Fault(at="services.tasks.queue.ledger:Ledger.submit", when="after"),
}


async def submit_to_its_death(system: System, member: Member) -> None:
    """A submission in the middle of which the replica is killed."""
    await system.ready(member)
    with pytest.raises(errors.Unavailable):
        await member.submit(request_id="the one", samples=2)
    await asyncio.to_thread(system.tasks[0].died)


@pytest.mark.parametrize("point", POINTS)
async def test_a_submission_whose_replica_was_killed_is_one_task_when_it_is_repeated(
    new_system: NewSystem, point: str
) -> None:
    async with new_system(faults={"tasks-0": [POINTS[point]]}) as system:
        ada = await system.sign_up()
        await submit_to_its_death(system, ada)

        await system.start()
        again = [await patiently(lambda: ada.submit(request_id="the one", samples=2)) for _ in range(2)]

        assert len({task.task_id for task in again}) == 1
        ended = await ada.ended(again[0].task_id)
        assert (ended.state, ended.charged) == (SUCCEEDED, 2)
        found = await assert_sound(system, answered=[ended.task_id])
        assert dict(found.ends) == {"SUCCEEDED": 1}


async def test_a_submission_that_nobody_repeats_is_undone_and_its_tokens_return(new_system: NewSystem) -> None:
    async with new_system(faults={"tasks-0": [POINTS["once its price is held"]]}) as system:
        ada = await system.sign_up()
        await submit_to_its_death(system, ada)
        # As a minute later.
        await sql(system, "UPDATE task SET date = '2026-01-01 00:00:00'")

        await system.start()

        found = await assert_sound(system)
        assert dict(found.ends) == {}


async def sql(system: System, statement: str) -> None:
    """What no call can do to the ledger."""
    engine = database.open_engine(system.places.tasks_url)
    async with engine.begin() as connection:
        await connection.execute(sa.text(statement))
    await engine.dispose()


ASKED: Final = {"prompt": "a red circle", "samples": 2}


async def test_a_gateway_killed_after_the_submit_and_before_its_reply_costs_nothing_but_the_repeat(
    new_system: NewSystem,
) -> None:
    async with new_system() as system:
        ada = await system.sign_up()
        await system.ready(ada)
        headers = {"Authorization": f"Bearer {await system.api_key(ada)}", "Idempotency-Key": "the-one"}
        url = await system.start_web(Fault(at="services.web.backends.ledger:Tasks.submit", when="after"))
        async with httpx.AsyncClient(headers=headers, timeout=90) as browser:
            with pytest.raises(httpx.TransportError):
                await browser.post(f"{url}/api/v1/tasks", json=ASKED)
            await asyncio.to_thread(system.web.died)
            (accepted,) = (await ada.list()).tasks

            await system.start_web()
            answers = [await browser.post(f"{url}/api/v1/tasks", json=ASKED) for _ in range(2)]

        assert {(each.status_code, each.json()["id"]) for each in answers} == {(202, accepted.task_id)}
        await ada.ended(accepted.task_id)
        assert dict((await assert_sound(system)).ends) == {"SUCCEEDED": 1}


async def test_while_auth_is_dead_submissions_get_503_and_running_work_finishes(new_system: NewSystem) -> None:
    async with new_system(hold_after=1) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        headers = {"Authorization": f"Bearer {await system.api_key(ada)}"}
        url = await system.start_web()
        async with httpx.AsyncClient(headers=headers, timeout=90) as browser:
            first = await browser.post(f"{url}/api/v1/tasks", json=ASKED)
            task_id = first.json()["id"]
            await ada.in_state(task_id, tasks_pb2.TaskState.TASK_STATE_RUNNING)

            system.auth.kill()
            refused = await browser.post(f"{url}/api/v1/tasks", json=ASKED)
            with pytest.raises(errors.Unavailable) as told:
                await ada.submit()
            system.let_draw()
            drawn = await ada.in_state(task_id, SUCCEEDED)
            system.auth.start()
            ended = await ada.ended(task_id)

        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
        assert told.value.detail_reason == "AUTH_UNAVAILABLE"
        assert not drawn.HasField("settled_time")
        assert ended.charged == 2
        assert dict((await assert_sound(system, answered=[task_id])).ends) == {"SUCCEEDED": 1}


async def test_submits_that_race_with_a_kill_are_answered_and_kept_or_leave_nothing(new_system: NewSystem) -> None:
    fault = Fault(at="services.tasks.store.tasks:Tasks.confirm", when="before", nth=7)
    async with new_system(slots=4, faults={"tasks-0": [fault]}) as system:
        ada = await system.sign_up()
        await system.ready(ada)

        async def submit(number: int) -> str:
            try:
                return str((await ada.submit(request_id=f"request-{number}")).task_id)
            except (errors.Unavailable, grpc.RpcError):
                return ""

        before = await asyncio.gather(*(submit(number) for number in range(12)))
        await asyncio.to_thread(system.tasks[0].died)
        await system.start()
        await system.ready(ada)
        after = [await patiently(partial(ada.submit, request_id=f"request-{number}")) for number in range(12)]

        answered = [task_id for task_id in before if task_id]
        assert set(answered) <= {task.task_id for task in after}
        assert [old for old, new in zip(before, after, strict=True) if old not in ("", new.task_id)] == []
        found = await assert_sound(system, answered=[task.task_id for task in after])
        assert dict(found.ends) == {"SUCCEEDED": 12}
