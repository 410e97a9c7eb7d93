"""A generation from the submission to the downloaded file, over sockets, on both databases."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable

import PIL.Image
import pytest
from daydream.gpu.v1 import inference_pb2
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from tests.support.fake_worker import Call, FakeWorker, GenerationBroke, draw_when_released
from tests.support.ledger import Studio, running

QUEUED = tasks_pb2.TaskState.TASK_STATE_QUEUED
RUNNING = tasks_pb2.TaskState.TASK_STATE_RUNNING
SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
FAILED = tasks_pb2.TaskState.TASK_STATE_FAILED
CANCELLED = tasks_pb2.TaskState.TASK_STATE_CANCELLED


async def test_a_prompt_becomes_images_that_can_be_downloaded(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()

        submitted = await ada.submit("a red circle", samples=2, seed=41)
        task = await ada.ended(submitted.task_id)

        assert (submitted.state, submitted.price, submitted.session_id) == (QUEUED, 2, "session-1")
        assert (task.state, task.charged) == (SUCCEEDED, 2)
        assert [(image.index, image.seed) for image in task.images] == [(0, 41), (1, 42)]
        assert task.parameters.steps == 4
        assert task.parameters.guidance == 2.5
        about, data = await ada.download(task.images[1].image_id)
        assert about == task.images[1]
        assert (len(data), hashlib.sha256(data).hexdigest()) == (about.bytes, about.sha256)
        with PIL.Image.open(io.BytesIO(data)) as image:
            image.load()
            assert image.getpixel((0, 0)) == (42, 0, 0)
            assert "Seed: 42, Size: 64x64, Model: mini" in image.info["parameters"]
        for size in (tasks_pb2.ImageSize.IMAGE_SIZE_SMALL, tasks_pb2.ImageSize.IMAGE_SIZE_MEDIUM):
            about, data = await ada.download(task.images[1].image_id, size)
            assert (about.content_type, len(data)) == ("image/webp", about.bytes)
            assert hashlib.sha256(data).hexdigest() == about.sha256
        with pytest.raises(errors.InvalidInput, match="not a size"):
            await ada.download(task.images[1].image_id, 9)  # type: ignore[arg-type]


async def test_the_seed_a_worker_drew_is_kept_and_told(new_studio: Callable[..., Studio], worker: FakeWorker) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()

        submitted = await ada.submit(seed=-1)
        task = await ada.ended(submitted.task_id)

        drawn = (await worker.call()).seed
        assert submitted.parameters.seed == -1
        assert task.parameters.seed == drawn
        assert task.images[0].seed == drawn


async def test_a_watcher_sees_every_state_rising_progress_and_a_preview(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    seen_whole = asyncio.Event()

    # What happens between two looks is told as one, so each thing waits until the one before was seen.
    async def draw_as_it_is_watched(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
        async for message in draw_when_released(call):
            if message.HasField("finished"):
                await seen_whole.wait()
            yield message

    worker.script = draw_as_it_is_watched
    async with running(new_studio()) as studio:
        ada = studio.person()
        task = await ada.submit(samples=2)
        seen: list[tasks_pb2.Task] = []

        async for message in ada.watch(task.task_id):
            seen.append(message.task)
            if message.task.progress.step == 1:
                (await worker.call()).released.set()
            if message.task.progress.percent == 100:
                seen_whole.set()

        states = list(dict.fromkeys(each.state for each in seen))
        percents = [each.progress.percent for each in seen if each.state == RUNNING]
        assert states[-2:] == [RUNNING, SUCCEEDED]
        assert percents == sorted(percents)
        assert percents[-1] == 100
        assert any(each.progress.preview.startswith(b"rough") for each in seen)
        assert [each.revision for each in seen] == sorted(each.revision for each in seen)
        assert len(seen[-1].images) == 2
        assert not seen[-1].HasField("progress")


async def test_what_the_worker_cannot_draw_fails_with_its_words_and_costs_nothing(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    async def broken(call):  # type: ignore[no-untyped-def]
        yield call.admitted()
        raise GenerationBroke

    worker.script = broken
    async with running(new_studio()) as studio:
        ada = studio.person()

        task = await ada.ended((await ada.submit()).task_id)

        assert (task.state, task.charged) == (FAILED, 0)
        assert "sampler produced" in task.error.message
        assert studio.auth.purse.balance("ada") == 1000
        assert len(worker.calls) == 1


async def test_cancelling_a_waiting_task_returns_everything_at_once(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada = studio.person()
        first = await ada.submit()
        await worker.call()
        second = await ada.submit(samples=4)
        assert second.progress.position == 1
        assert second.progress.ahead == 1

        cancelled = await ada.cancel(second.task_id)

        assert cancelled.state == CANCELLED
        assert (await ada.ended(second.task_id)).charged == 0
        assert studio.auth.purse.balance("ada") == 999
        again = await ada.cancel(second.task_id)
        assert (again.state, again.finished_time) == (CANCELLED, cancelled.finished_time)
        assert (await ada.get(first.task_id)).state == RUNNING


async def test_cancelling_a_running_task_keeps_and_charges_what_was_delivered(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    async def one_image_then_wait(call):  # type: ignore[no-untyped-def]
        for message in (call.admitted(), *call.drawing(0)):
            yield message
        await call.released.wait()

    worker.script = one_image_then_wait
    async with running(new_studio()) as studio:
        ada = studio.person()
        task = await ada.submit(samples=3)
        call = await worker.call()
        async for message in ada.watch(task.task_id):
            if message.task.images:
                break

        await ada.cancel(task.task_id)
        ended = await ada.ended(task.task_id)

        assert (ended.state, ended.charged, len(ended.images)) == (CANCELLED, 1, 1)
        assert studio.auth.purse.balance("ada") == 999
        await asyncio.wait_for(call.stopped.wait(), timeout=60)
        assert (await ada.cancel(task.task_id)).state == CANCELLED


async def test_anothers_task_and_image_look_exactly_like_missing_ones(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person(), studio.person("bob")
        task = await ada.ended((await ada.submit()).task_id)

        async def refusal(call) -> tuple[type, str, str]:  # type: ignore[no-untyped-def]
            with pytest.raises(errors.NotFound) as caught:
                await call
            return type(caught.value), caught.value.detail_reason, caught.value.message

        async def first(stream) -> object:  # type: ignore[no-untyped-def]
            return await anext(aiter(stream))

        image_id = task.images[0].image_id
        assert await refusal(bob.get(task.task_id)) == await refusal(bob.get("missing"))
        assert await refusal(bob.cancel(task.task_id)) == await refusal(bob.cancel("missing"))
        assert await refusal(first(bob.watch(task.task_id))) == await refusal(first(bob.watch("missing")))
        assert await refusal(bob.download(image_id)) == await refusal(bob.download("missing"))
        assert not (await bob.list()).tasks
        everything = await first(bob.watch_session(""))
        assert isinstance(everything, tasks_pb2.WatchSessionResponse)
        assert not everything.tasks
