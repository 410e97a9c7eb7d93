"""What becomes of tasks and tokens while auth or NATS is away, and what consumers of events get, on both databases."""

from collections.abc import Callable, Iterator

import nats
import pytest
from daydream.tasks.v1 import tasks_pb2
from nats.js import JetStreamContext

from services.foundation import errors, events
from tests.support import ports
from tests.support.fake_worker import (
    FakeWorker,
    draw_when_released,
)
from tests.support.ledger import Person, Studio, running, until
from tests.support.nats import Nats

SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED


async def accepted(person: Person) -> tasks_pb2.Task | None:
    """What a client does that is told to try again."""
    try:
        return await person.submit(request_id="again")
    except errors.Unavailable:
        return None


async def test_a_submission_without_auth_is_refused_and_leaves_nothing(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        await ada.list()  # the replica has auth's keys now
        await studio.auth.stop()

        with pytest.raises(errors.Unavailable) as caught:
            await ada.submit()

        assert caught.value.detail_reason == "AUTH_UNAVAILABLE"
        assert caught.value.retry_after is not None
        assert not (await ada.list()).tasks
        await studio.auth.start()
        again = await until(lambda: accepted(ada))
        assert again is not None
        assert (await ada.ended(again.task_id)).state == SUCCEEDED
        assert studio.auth.purse.balance("ada") == 999


async def test_running_work_finishes_without_auth_and_is_settled_when_it_is_back(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada = studio.person()
        task = await ada.submit(samples=2)
        call = await worker.call()
        await studio.auth.stop()

        call.released.set()
        unsettled = await ada.in_state(task.task_id, SUCCEEDED)
        assert not unsettled.HasField("settled_time")
        await studio.auth.start()
        settled = await ada.ended(task.task_id)

        hold = studio.auth.purse.holds[task.task_id]
        assert (hold.tokens, hold.charge, settled.charged) == (2, 2, 2)
        assert settled.revision > unsettled.revision


@pytest.fixture
def own_nats() -> Iterator[Nats]:
    server = Nats()
    yield server
    server.remove()


async def test_without_nats_tasks_are_accepted_drawn_and_watched_and_the_events_come_later(
    new_studio: Callable[..., Studio], own_nats: Nats
) -> None:
    own_nats.stop()
    async with running(new_studio(nats_url=own_nats.url)) as studio:
        ada = studio.person()

        task = await ada.submit()
        states = [message.task.state async for message in ada.watch(task.task_id)]
        await ada.ended(task.task_id)
        own_nats.start()

        assert states[-1] == SUCCEEDED
        ended = await next_event(own_nats.url, "late")
        assert ended.task.task_id == task.task_id


async def next_event(url: str, durable: str) -> tasks_pb2.TaskEnded:
    """The first completion event a durable consumer gets, once the stream is there."""
    connection = await nats.connect(url)
    try:

        async def look() -> tasks_pb2.TaskEnded | None:
            try:
                consumer = await connection.jetstream().pull_subscribe(
                    f"{events.TASK_ENDED}.*", durable=durable, stream=events.TASKS_STREAM
                )
                (message,) = await consumer.fetch(1, timeout=1)
            except (nats.errors.Error, TimeoutError):
                return None
            await message.ack_sync(timeout=30)
            return tasks_pb2.TaskEnded.FromString(message.data)

        found = await until(look)
        assert found is not None
        return found
    finally:
        await connection.close()


async def test_a_durable_consumer_gets_every_end_once(new_studio: Callable[..., Studio], nats_url: str) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person(f"lover-of-events-{studio.settings.bind}")
        connection = await nats.connect(nats_url)

        async def subscribe() -> JetStreamContext.PullSubscription | None:
            try:
                return await connection.jetstream(timeout=30).pull_subscribe(
                    f"{events.TASK_ENDED}.*", durable=f"test-{ports.free_port()}", stream=events.TASKS_STREAM
                )
            except nats.js.errors.NotFoundError:
                return None

        consumer = await until(subscribe)
        assert consumer is not None

        done = [await ada.ended((await ada.submit()).task_id) for _ in range(3)]

        received: list[tasks_pb2.TaskEnded] = []

        async def look() -> bool:
            try:
                for message in await consumer.fetch(10, timeout=0.5):
                    event = tasks_pb2.TaskEnded.FromString(message.data)
                    received.extend([event] if event.user_id == ada.name else [])
                    await message.ack_sync(timeout=30)
            except TimeoutError:
                return len({event.event_id for event in received}) >= 3
            return False

        await until(look)
        await connection.close()
        assert sorted(event.task.task_id for event in received) == sorted(task.task_id for task in done)
        assert len({event.event_id for event in received}) == 3
        assert all(event.task.state == SUCCEEDED and len(event.task.images) == 1 for event in received)
