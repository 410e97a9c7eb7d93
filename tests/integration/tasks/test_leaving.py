"""Streams that end with the right to them, and tasks that end with their owner's leaving, over sockets."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.foundation.rpc import client
from tests.support import account_events, identity
from tests.support.fake_worker import FakeWorker, draw_when_released
from tests.support.ledger import Person, Studio, address, running, until

QUEUED = tasks_pb2.TaskState.TASK_STATE_QUEUED
CANCELLED = tasks_pb2.TaskState.TASK_STATE_CANCELLED
KEEP = tasks_pb2.Leaving.LEAVING_KEEP
CANCEL = tasks_pb2.Leaving.LEAVING_CANCEL
NEARLY_OVER = -2
"""A token's lifetime in seconds: with the ten that clocks may differ by, it is believed for seven or eight more.

So long may it take until all streams are open that are opened with it.
"""


async def end_of(stream: AsyncIterator[Any]) -> str:
    """The reason that a stream ends with, whatever it tells until then."""
    try:
        async with asyncio.timeout(60):
            async for _ in stream:
                pass
    except errors.NotAuthenticated as error:
        return error.detail_reason
    return ""


async def choose(person: Person, leaving: int) -> None:
    with client.translated():
        await person.stub.SetLeaving(
            tasks_pb2.SetLeavingRequest(leaving=leaving),  # type: ignore[arg-type]
            metadata=person.metadata,
        )


async def chosen(person: Person) -> int:
    with client.translated():
        answer = await person.stub.GetLeaving(tasks_pb2.GetLeavingRequest(), metadata=person.metadata)
    return answer.leaving


async def test_streams_end_with_the_token_and_a_new_one_goes_on_where_they_were(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada = studio.person()
        task = await ada.submit()
        await worker.call()
        fresh, ada.metadata = ada.metadata, client.bearer(identity.mint("ada", lifetime=NEARLY_OVER))
        streams = (aiter(ada.watch_session("session-1")), aiter(ada.watch(task.task_id)))
        last = (await anext(streams[0])).revision

        reasons = await asyncio.gather(*(end_of(stream) for stream in streams))
        ada.metadata = fresh
        (await worker.call()).released.set()
        await ada.ended(task.task_id)
        resumed = await anext(aiter(ada.watch_session("session-1", last)))

        assert reasons == ["TOKEN_EXPIRED", "TOKEN_EXPIRED"]
        assert [each.task_id for each in resumed.tasks] == [task.task_id]


@pytest.fixture
def waiting_worker() -> FakeWorker:
    """A worker that waits for the test."""
    return FakeWorker(address(), script=draw_when_released)


async def test_a_session_that_ends_closes_its_streams_on_every_replica(
    new_postgres_url: Callable[[], str], nats_url: str, tmp_path: Path, waiting_worker: FakeWorker
) -> None:
    url = new_postgres_url()
    first = Studio(database_url=url, folder=tmp_path, nats_url=nats_url, workers=[waiting_worker])
    second = Studio(database_url=url, folder=tmp_path, nats_url=nats_url, workers=[waiting_worker], auth=first.auth)
    async with running(first):
        await second.start()
        for replica in (first, second):
            await replica.hears()
        ada, elsewhere = first.person(), second.person()
        other = second.person(session_id="session-2")
        task = await ada.submit()
        ends = [ada.watch_session("session-1"), elsewhere.watch_session(""), elsewhere.watch(task.task_id)]
        stays = other.watch_session("")
        for stream in (*ends, stays):
            await anext(aiter(stream))

        await account_events.publish(nats_url, account_events.session_ended("ada", "session-1"))
        reasons = await asyncio.gather(*(end_of(stream) for stream in ends))
        late = await end_of(elsewhere.watch_session("session-1"))
        await other.cancel(task.task_id)
        async with asyncio.timeout(60):
            after = await anext(aiter(stays))

        assert reasons == ["SESSION_ENDED"] * 3
        assert late == "SESSION_ENDED"
        assert [each.task_id for each in after.tasks] == [task.task_id]
        await second.stop()


async def test_who_leaves_and_chose_so_gets_the_tasks_of_that_page_cancelled(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_when_released
    # Not so short that a page which is there could be late with a renewal.
    async with running(new_studio(presence_seconds=5.0)) as studio:
        ada, elsewhere = studio.person(), studio.person(session_id="session-2")
        program = studio.person(session_id="")
        drawn, waiting = [await ada.submit(from_studio=True) for _ in range(2)]
        kept = [
            await ada.submit(),
            await elsewhere.submit(from_studio=True),
            await program.submit(from_studio=True),
        ]
        await choose(ada, CANCEL)
        request = tasks_pb2.WatchSessionRequest(present=True)
        page, other_page, by_key = (
            person.stub.WatchSession(request, metadata=person.metadata) for person in (ada, elsewhere, program)
        )
        for stream in (page, other_page, by_key):
            await stream.read()
        call = await worker.call()

        page.cancel()
        ended = [await ada.ended(task.task_id) for task in (drawn, waiting)]

        assert [(each.state, each.charged) for each in ended] == [(CANCELLED, 0), (CANCELLED, 0)]
        await asyncio.wait_for(call.stopped.wait(), timeout=60)
        # Whatever left with the lease is gone by now; the others are there because nobody left them.
        assert CANCELLED not in {(await ada.get(task.task_id)).state for task in kept}
        for stream in (other_page, by_key):
            stream.cancel()


async def test_an_ended_session_is_left_without_delay(
    new_studio: Callable[..., Studio], worker: FakeWorker, nats_url: str
) -> None:
    worker.script = draw_when_released
    async with running(new_studio(presence_seconds=3.0)) as studio:
        await studio.hears()
        ada = studio.person(session_id="session-that-ends")
        await choose(ada, CANCEL)
        tasks = [await ada.submit(from_studio=True) for _ in range(2)]
        page = ada.watch_session(present=True)
        await anext(aiter(page))

        await account_events.publish(nats_url, account_events.session_ended("ada", "session-that-ends"))

        assert await end_of(page) == "SESSION_ENDED"
        assert {(await ada.ended(task.task_id)).state for task in tasks} == {CANCELLED}


async def test_the_choice_is_each_persons_own_and_must_be_one(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person(), studio.person("bob")
        before = await chosen(ada)

        await choose(ada, CANCEL)
        for none in (0, 3):
            with pytest.raises(errors.InvalidInput, match="LEAVING_KEEP or LEAVING_CANCEL"):
                await choose(ada, none)

        assert (before, await chosen(ada), await chosen(bob)) == (KEEP, CANCEL, KEEP)


async def test_an_account_that_is_gone_leaves_nothing_and_what_comes_late_leaves_nothing_either(
    new_studio: Callable[..., Studio], nats_url: str, tmp_path: Path
) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person("ada-who-leaves"), studio.person("bob-who-stays")
        await choose(ada, CANCEL)
        for person in (ada, bob):
            await person.ended((await person.submit(samples=2)).task_id)
        page = ada.watch_session(present=True)
        await anext(aiter(page))
        await studio.hears()
        studio.auth.purse.closed["ada-who-leaves"] = errors.NotFound("No such user.", reason="USER_NOT_FOUND")

        await account_events.publish(nats_url, account_events.user_deleted("ada-who-leaves"))

        async def gone() -> bool:
            return not (await ada.list()).tasks and await chosen(ada) == KEEP

        assert await end_of(page) == "SESSION_ENDED"
        await until(gone)
        with pytest.raises(errors.NotAllowed) as refused:
            await ada.submit()
        assert refused.value.detail_reason == "ACCOUNT_CLOSED"
        assert not (await ada.list()).tasks
        kept = (await bob.list()).tasks[0]
        assert all([(await bob.download(image.image_id))[1] for image in kept.images])
        files = [each for each in (tmp_path / "images").rglob("*") if each.is_file()]
        assert len({each.parent for each in files}) == 1
