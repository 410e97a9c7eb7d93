"""What happens to tasks whose worker dies, is full, leaves or forgot its model, on both databases."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from daydream.gpu.v1 import inference_pb2
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from tests.support.fake_worker import (
    Call,
    FakeWorker,
    WorkerDraining,
    WorkerFull,
    draw_at_once,
    draw_one_then_wait,
)
from tests.support.ledger import Studio, address, running

SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
FAILED = tasks_pb2.TaskState.TASK_STATE_FAILED


async def test_a_task_whose_worker_dies_goes_on_where_it_was_on_another(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    other = FakeWorker(address())
    worker.script = draw_one_then_wait
    studio = new_studio(workers=[worker, other])
    other.models = []  # it can draw nothing yet, so the first worker gets the task
    async with running(studio):
        ada = studio.person()
        task = await ada.submit(samples=3)
        await ada.images_there(task.task_id, 1)
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

        ended = await ada.ended((await ada.submit()).task_id)

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
