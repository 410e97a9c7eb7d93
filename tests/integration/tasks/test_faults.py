"""What happens to tasks and tokens when a part of the system is away or dies, on both databases."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nats
import pytest
from daydream.gpu.v1 import inference_pb2
from daydream.tasks.v1 import tasks_pb2
from nats.js import JetStreamContext

from services.foundation import errors, events
from tests.support import ports
from tests.support.fake_worker import (
    Call,
    FakeWorker,
    WorkerDraining,
    WorkerFull,
    draw_at_once,
    draw_when_released,
)
from tests.support.ledger import Person, Studio, address, running, until
from tests.support.nats import Nats

RUNNING = tasks_pb2.TaskState.TASK_STATE_RUNNING
SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
FAILED = tasks_pb2.TaskState.TASK_STATE_FAILED
QUEUED = tasks_pb2.TaskState.TASK_STATE_QUEUED


async def one_image_then_wait(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
    for message in (call.admitted(), *call.drawing(0)):
        yield message
    await call.released.wait()


async def images_there(studio: Studio, task_id: str, number: int) -> None:
    async def look() -> bool:
        return len((await studio.person().get(task_id)).images) >= number

    await until(look)


async def test_a_task_whose_worker_dies_goes_on_where_it_was_on_another(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    other = FakeWorker(address())
    worker.script = one_image_then_wait
    studio = new_studio(workers=[worker, other])
    other.models = []  # it can draw nothing yet, so the first worker gets the task
    async with running(studio):
        ada = studio.person()
        task = await ada.submit(samples=3)
        await images_there(studio, task.task_id, 1)
        first = (await ada.get(task.task_id)).images[0]

        other.models = worker.models
        await worker.stop()
        ended = await ada.ended(task.task_id)

        call = await other.call()
        assert ended.state == SUCCEEDED
        assert ended.images[0] == first
        assert (call.request.samples, call.request.seed) == (2, first.seed + 1)
        assert [image.seed for image in ended.images] == [first.seed, first.seed + 1, first.seed + 2]
        assert (ended.charged, studio.auth.purse.balance("ada")) == (3, 997)


async def test_a_task_that_loses_its_worker_three_times_fails_and_is_not_charged(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    async def break_off(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
        yield call.admitted()

    worker.script = break_off
    async with running(new_studio()) as studio:
        ada = studio.person()

        ended = await ada.ended((await ada.submit()).task_id, seconds=30)

        assert (ended.state, ended.charged, len(worker.calls)) == (FAILED, 0, 3)
        assert "lost 3 times" in ended.error.message
        assert studio.auth.purse.balance("ada") == 1000


@pytest.mark.parametrize("refusal", [WorkerFull(retry_after=0.05), WorkerDraining()], ids=["full", "draining"])
async def test_a_full_or_leaving_worker_costs_a_task_no_attempt_and_is_not_pestered(
    new_studio: Callable[..., Studio], worker: FakeWorker, refusal: errors.DaydreamError
) -> None:
    async def refuse_three_times(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
        if len(worker.calls) <= 3:
            raise refusal
        async for message in draw_at_once(call):
            yield message

    worker.script = refuse_three_times
    async with running(new_studio()) as studio:
        ada = studio.person()
        begun = asyncio.get_running_loop().time()

        ended = await ada.ended((await ada.submit()).task_id)

        assert (ended.state, len(worker.calls)) == (SUCCEEDED, 4)
        assert asyncio.get_running_loop().time() - begun > 1  # 0.25, 0.5 and 1 s of rest between refusals


class ModelNotFound(errors.NotFound):
    """The worker has no such model."""

    reason = "MODEL_NOT_FOUND"


async def test_a_worker_that_came_back_without_the_model_is_asked_again_and_the_task_goes_on(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    async def refuse_once(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
        if len(worker.calls) == 1:
            raise ModelNotFound
        async for message in draw_at_once(call):
            yield message

    worker.script = refuse_once
    async with running(new_studio()) as studio:
        ada = studio.person()

        ended = await ada.ended((await ada.submit()).task_id)

        assert (ended.state, len(worker.calls)) == (SUCCEEDED, 2)


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
        settled = await ada.ended(task.task_id, seconds=30)

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
            await message.ack_sync()
            return tasks_pb2.TaskEnded.FromString(message.data)

        found = await until(look, seconds=30)
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
                return await connection.jetstream().pull_subscribe(
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
                    await message.ack_sync()
            except TimeoutError:
                return len({event.event_id for event in received}) >= 3
            return False

        await until(look)
        await connection.close()
        assert sorted(event.task.task_id for event in received) == sorted(task.task_id for task in done)
        assert len({event.event_id for event in received}) == 3
        assert all(event.task.state == SUCCEEDED and len(event.task.images) == 1 for event in received)


@contextmanager
def replica_in_its_own_process(studio: Studio) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **studio.environment(), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-m", "services.tasks"], env=environment, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


async def test_a_task_survives_the_sigkill_of_its_replica_and_completes_once(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = one_image_then_wait
    studio = new_studio()
    await studio.migrate()
    await studio.auth.start()
    await worker.start()
    ada = studio.person()
    with replica_in_its_own_process(studio) as process:
        await studio.worker_seen()
        task = await ada.submit(samples=2)
        await images_there(studio, task.task_id, 1)
        process.kill()
        process.wait(timeout=10)
    await asyncio.wait_for((await worker.call()).stopped.wait(), timeout=10)
    worker.script = draw_at_once

    with replica_in_its_own_process(studio):
        await studio.worker_seen()
        ended = await ada.ended(task.task_id, seconds=30)

        assert (ended.state, len(ended.images), ended.charged) == (SUCCEEDED, 2, 2)
        assert studio.auth.purse.holds[task.task_id].charge == 2
        assert studio.auth.purse.balance("ada") == 998
        for image in ended.images:
            assert len((await ada.download(image.image_id))[1]) == image.bytes
    await ada.channel.close()
    await worker.stop()
    await studio.auth.stop()


async def test_a_drain_lets_running_work_end_and_gives_the_rest_back_at_no_cost(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = one_image_then_wait
    studio = new_studio(drain_seconds=0.2)
    async with running(studio):
        ada = studio.person()
        task = await ada.submit(samples=2)
        await images_there(studio, task.task_id, 1)

        await studio.stop()
        worker.script = draw_at_once
        await studio.start()
        ended = await studio.person().ended(task.task_id)

        assert ended.state == SUCCEEDED
        assert len(worker.calls) == 2


async def test_a_watcher_sees_a_drained_task_go_back_before_it_is_sent_away(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = one_image_then_wait
    studio = new_studio(drain_seconds=0.2)
    async with running(studio):
        ada = studio.person()
        task = await ada.submit(samples=2)
        await images_there(studio, task.task_id, 1)
        states: list[int] = []

        async def watch() -> None:
            async for message in ada.watch(task.task_id):
                states.append(message.task.state)

        watching = asyncio.create_task(watch())
        await until(lambda: there(states))
        assert studio.service is not None

        await studio.service.stop()

        with pytest.raises(errors.Unavailable, match="The service restarts"):
            await watching
        assert states[-1] == QUEUED
        studio.service = None


async def there(things: list[int]) -> bool:
    return bool(things)


async def test_the_clean_exit_of_a_process_on_sigterm_is_zero(new_studio: Callable[..., Studio]) -> None:
    studio = new_studio()
    await studio.migrate()
    await studio.auth.start()
    with replica_in_its_own_process(studio) as process:
        ports.wait_for_port(int(studio.settings.bind.rsplit(":", 1)[1]))

        process.terminate()

        _, log = await asyncio.to_thread(process.communicate, timeout=20)
        assert process.returncode == 0
        assert b"Traceback" not in log
    await studio.auth.stop()


def start_alone(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run `python -m services.tasks` to its end; exit code and standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "services.tasks", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


async def test_a_start_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    base = {"DAYDREAM_DATA_DIR": str(tmp_path), "TASKS_SERVICE_SECRET": "secret"}

    stale = await asyncio.to_thread(start_alone, base)
    migrated = await asyncio.to_thread(start_alone, base, "migrate")
    wrong = await asyncio.to_thread(start_alone, {**base, "TASKS_QUEUE_LIMIT": "none"})
    with_listener = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = with_listener.sockets[0].getsockname()[1]
    taken = await asyncio.to_thread(start_alone, {**base, "TASKS_BIND": f"127.0.0.1:{port}"})
    with_listener.close()

    assert stale[0] == 1
    assert "services.tasks migrate" in stale[1]
    assert "Traceback" not in stale[1]
    assert migrated == (0, "")
    assert wrong[0] == 2
    assert wrong[1].startswith("TASKS_QUEUE_LIMIT: ")
    assert taken[0] == 1
    assert "taken the port" in taken[1].splitlines()[-1]
    assert "Traceback" not in taken[1]


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "sentence"),
    [
        ((), {"TASKS_DATABASE_URL": "postgres://nobody@127.0.0.1/tasks"}, 2, "TASKS_DATABASE_URL: must be a URL"),
        ((), {"TASKS_DATABASE_URL": "nonsense"}, 2, "TASKS_DATABASE_URL: must be a URL"),
        ((), {"TASKS_BIND": "foo"}, 2, "TASKS_BIND: must be host:port"),
        ((), {"TASKS_SERVICE_SECRET": ""}, 1, "TASKS_SERVICE_SECRET: must be set"),
        ((), {"DAYDREAM_DATA_DIR": "/dev/null/data"}, 1, "/dev/null"),
        (("migrate",), {"DAYDREAM_DATA_DIR": "/dev/null/data"}, 1, "/dev/null"),
    ],
    ids=["another scheme", "no url", "no address", "no secret", "no folder", "no folder to migrate in"],
)
async def test_a_setting_that_cannot_be_is_one_sentence(
    tmp_path: Path, arguments: tuple[str, ...], changes: dict[str, str], code: int, sentence: str
) -> None:
    given = {"DAYDREAM_DATA_DIR": str(tmp_path), "TASKS_SERVICE_SECRET": "secret", **changes}

    told = await asyncio.to_thread(start_alone, given, *arguments)

    assert told[0] == code
    assert told[1].startswith(sentence)
    assert len(told[1].splitlines()) == 1
