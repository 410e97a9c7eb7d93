"""A cluster of three NATS servers that loses its leader, or two of the three: nothing accepted waits for it."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.support.aftermath import assert_sound, at_rest
from tests.support.audit import look
from tests.support.ledger import until
from tests.support.nats_cluster import Cluster
from tests.support.system import Places, System, running

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three servers."""
    made = Cluster()
    yield made
    made.remove()


async def ended(system: System, number: int) -> list[str]:
    """Tasks that were submitted one after the other and ended, by their ids."""
    ada = await system.sign_up()
    await system.ready(ada)
    return [(await ada.ended((await ada.submit()).task_id)).task_id for _ in range(number)]


async def leader_of(cluster: Cluster) -> str:
    """The server that leads, once one does."""
    leader = await until(cluster.leader)
    assert leader is not None
    return leader


@pytest.mark.patient
async def test_a_leader_that_is_killed_keeps_no_task_waiting_and_takes_no_event_with_it(
    places: Places, cluster: Cluster
) -> None:
    await cluster.copy_streams()
    async with running(System(replace(places, nats_url=cluster.url))) as system:
        before = await ended(system, 3)
        cluster.kill(await leader_of(cluster))

        after = await ended(system, 3)

        await assert_sound(system, answered=[*before, *after])
        assert await cluster.copies() == 3


@pytest.mark.patient
async def test_with_two_of_three_servers_dead_tasks_are_accepted_and_the_outbox_drains_once_one_is_back(
    places: Places, cluster: Cluster
) -> None:
    await cluster.copy_streams()
    async with running(System(replace(places, nats_url=cluster.url))) as system:
        before = await ended(system, 1)
        await at_rest(system)
        leader = await leader_of(cluster)
        dead = [leader, cluster.others(leader)[0]]
        for name in dead:
            cluster.kill(name)

        meanwhile = await ended(system, 3)
        waiting = len((await asyncio.to_thread(look, system.places)).outbox)
        cluster.start(dead[0])

        assert waiting == 3
        await assert_sound(system, answered=[*before, *meanwhile])
