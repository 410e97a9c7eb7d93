"""Plugins that draw, in a process of its own, with the real auth and ledger: one end, whenever the host is killed."""

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from daydream.tasks.v1 import tasks_pb2

from tests.support import connected_host
from tests.support.connected_host import ConnectedHost, reference_of
from tests.support.drawing_host import STARTED, TEXT, until
from tests.support.fake_worker import draw_when_released, png
from tests.support.sabotage import Fault

pytestmark = pytest.mark.slow


@pytest.fixture
async def host(tmp_path: Path, nats_url: str) -> AsyncIterator[ConnectedHost]:
    """All of it; the host and its worker do not run yet."""
    async with connected_host.running(tmp_path, nats_url) as made:
        yield made


async def test_a_picture_is_drawn_and_paid_for_once_though_the_host_is_killed_at_every_turn(
    host: ConnectedHost,
) -> None:
    turns = [
        # The ledger has accepted it, and the host does not know.
        Fault(at="services.plugins.peers.ledger:Ledger.submit", when="after"),
        # The files are stored, and nothing in the database says so.
        Fault(at="services.plugins.generation.finishing:_end", when="after"),
        # It is all written down, and nobody was told; the delegation is open.
        Fault(at="services.plugins.generation.store:Drawings.tell", when="before"),
    ]
    # It follows nothing in its first life, in which it is asked: before it died of the first turn its answer might not
    # have come.
    await host.start(Fault(at="services.plugins.generation.store:Drawings.look", when="before", do="hang"))
    address = await host.ask(TEXT, samples="2")
    host.program.kill()
    await host.start(turns[0])

    for number in range(len(turns)):
        await asyncio.to_thread(host.program.died)
        await host.start(*turns[number + 1 : number + 2])
    ended = await host.ended(address)
    await host.nothing_is_left()
    await host.events_were_heard()

    (task,) = await host.at_the_ledger()
    pictures = [(await host.http.get(each["href"])).content for each in ended["outputs"]]
    assert (ended["status"], task.reference, len(pictures)) == ("SUCCESS", reference_of(address), 2)
    assert all(each.startswith(b"\x89PNG") for each in pictures)
    assert sum((await host.house.auth.ledger(host.person))[1][1:]) == -task.charged


async def test_what_begins_from_a_picture_is_fetched_by_a_worker_and_a_deleted_task_is_cancelled_in_the_studio(
    host: ConnectedHost,
) -> None:
    host.house.worker.script = draw_when_released
    await host.start_with_worker()
    url = f"data:image/png;base64,{base64.b64encode(png(1, 64, 64)).decode()}"
    kept = await host.ask(STARTED, imageUrl=url, strength="0.5")
    call = await host.house.worker.call(seconds=120)
    deleted = await host.ask(TEXT)

    async def stands_at(state: "tasks_pb2.TaskState.ValueType") -> None:
        async def look() -> bool | None:
            ours = [task.state for task in await host.at_the_ledger() if task.reference == reference_of(deleted)]
            return ours == [state] or None

        await until(look)

    await stands_at(tasks_pb2.TASK_STATE_QUEUED)
    answer = await host.http.delete(deleted)
    await stands_at(tasks_pb2.TASK_STATE_CANCELLED)
    call.released.set()
    ended = await host.ended(kept)
    await host.nothing_is_left()

    assert answer.status_code == 204
    assert (ended["status"], len(ended["outputs"])) == ("SUCCESS", 1)
