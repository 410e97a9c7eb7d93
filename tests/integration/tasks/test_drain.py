"""A replica that is told to stop: running work ends in time, the rest goes back, watchers see it, the exit is clean."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from tests.support import ports
from tests.support.fake_worker import (
    FakeWorker,
    draw_at_once,
    draw_one_then_wait,
)
from tests.support.ledger import Studio, running, until

SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
QUEUED = tasks_pb2.TaskState.TASK_STATE_QUEUED


async def test_a_drain_lets_running_work_end_and_gives_the_rest_back_at_no_cost(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_one_then_wait
    studio = new_studio(drain_seconds=0.2)
    async with running(studio):
        ada = studio.person()
        task = await ada.submit(samples=2)
        await ada.images_there(task.task_id, 1)

        await studio.stop()
        worker.script = draw_at_once
        await studio.start()
        ended = await studio.person().ended(task.task_id)

        assert ended.state == SUCCEEDED
        assert len(worker.calls) == 2


async def test_a_watcher_sees_a_drained_task_go_back_before_it_is_sent_away(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_one_then_wait
    studio = new_studio(drain_seconds=0.2)
    async with running(studio):
        ada = studio.person()
        task = await ada.submit(samples=2)
        await ada.images_there(task.task_id, 1)
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


@contextmanager
def replica_in_its_own_process(studio: Studio) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, **studio.environment(), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-m", "services.tasks"], env=environment, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=60)


async def test_the_clean_exit_of_a_process_on_sigterm_is_zero(new_studio: Callable[..., Studio]) -> None:
    studio = new_studio()
    await studio.migrate()
    await studio.auth.start()
    with replica_in_its_own_process(studio) as process:
        port = int(studio.settings.bind.rsplit(":", 1)[1])
        await asyncio.to_thread(ports.wait_for_port, port, seconds=90)

        process.terminate()

        _, log = await asyncio.to_thread(process.communicate, timeout=60)
        assert process.returncode == 0
        assert b"Traceback" not in log
    await studio.auth.stop()
