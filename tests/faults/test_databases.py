"""The database killed under a running system; and clocks that are wrong, which leases do not go by."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from tests.support.aftermath import assert_sound, at_rest
from tests.support.ledger import until
from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.system import Member, Places, System, patiently, running

pytestmark = pytest.mark.slow
SUCCEEDED: Final = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
HOURS: Final = 3600.0


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that syncs what it commits, to be killed."""
    server = Postgres(durable=True)
    yield server
    server.stop()


@pytest.fixture
def on_postgres(own_postgres: Postgres, own_nats: Nats, tmp_path: Path) -> Places:
    """Databases of both services on it."""
    return Places(
        auth_url=own_postgres.new_url(), tasks_url=own_postgres.new_url(), nats_url=own_nats.url, folder=tmp_path
    )


async def test_a_database_killed_under_running_work_refuses_for_a_while_and_loses_nothing(
    on_postgres: Places, own_postgres: Postgres
) -> None:
    async with running(System(on_postgres, workers=2, step_ms=100)) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        tasks = [await ada.submit(samples=2) for _ in range(4)]

        await asyncio.to_thread(own_postgres.crash)
        with pytest.raises(errors.Unavailable) as told:
            await ada.submit(request_id="in between")
        await asyncio.to_thread(own_postgres.start)
        tasks.append(await patiently(partial(ada.submit, request_id="in between")))
        ended = [await ada.ended(task.task_id) for task in tasks]

        assert told.value.retry_after is not None
        assert [task.state for task in ended] == [SUCCEEDED] * 5
        await assert_sound(system, answered=[task.task_id for task in tasks])


async def test_replicas_whose_clocks_are_hours_apart_take_no_task_from_each_other(on_postgres: Places) -> None:
    clocks = {"tasks-0": -2 * HOURS, "tasks-1": 2 * HOURS}
    async with running(System(on_postgres, replicas=3, slots=2, step_ms=200, clocks=clocks)) as system:
        ada = await system.sign_up(replica=2)
        await system.ready(ada)
        system.workers[0].kill()
        # Nor is one tried there by the replica that is to die, which would cost it that attempt.
        await until(lambda: without_workers(ada))
        tasks = [await ada.submit(samples=2, steps=10) for _ in range(4)]
        # So that those run and watch over the tasks whose clocks are wrong.
        system.tasks[2].kill()
        system.workers[0].start()

        await at_rest(system)

        found = await assert_sound(system, answered=[task.task_id for task in tasks])
        assert (dict(found.ends), found.lost) == ({"SUCCEEDED": 4}, 0)


async def without_workers(member: Member) -> bool:
    """Whether the member's replica knows no worker that answers."""
    answer = await member.stub.GetCapabilities(tasks_pb2.GetCapabilitiesRequest(), metadata=member.metadata)
    return not answer.workers


async def test_a_crowd_of_every_kind_survives_the_death_of_everything_at_once(
    on_postgres: Places, own_postgres: Postgres, own_nats: Nats
) -> None:
    async with running(System(on_postgres, replicas=2, workers=2, slots=2, step_ms=50)) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        tasks = [await ada.submit(samples=2) for _ in range(8)]

        for program in system.programs:
            program.kill()
        await asyncio.to_thread(own_postgres.crash)
        own_nats.stop()
        own_nats.start()
        await asyncio.to_thread(own_postgres.start)
        await system.start()
        ended = [await patiently(partial(ada.ended, task.task_id)) for task in tasks]

        assert [task.state for task in ended] == [SUCCEEDED] * 8
        await assert_sound(system, answered=[task.task_id for task in tasks])
