"""Every way of drawing from the submission to the worker and back, over sockets, on both databases."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import PIL.Image
import pytest
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.foundation.rpc import client
from services.tasks.wire.worker import GrpcWorker
from services.tasks.workers.generation import Part, Request
from tests.support.fake_auth import FakeAuth
from tests.support.fake_worker import FakeWorker, draw_when_released, model
from tests.support.ledger import Person, Studio, address, running
from tests.support.ledger_rows import PARAMETERS
from tests.support.picture_files import encoded, picture

SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
FAILED = tasks_pb2.TaskState.TASK_STATE_FAILED
RED = encoded(picture(size=(300, 200), colour=(250, 0, 0)))
LEFT_HALF = picture("L", (300, 200))
LEFT_HALF.paste(255, (0, 0, 150, 200))
MASK = encoded(LEFT_HALF)


def opened(data: bytes) -> PIL.Image.Image:
    image = PIL.Image.open(io.BytesIO(data))
    image.load()
    return image


def from_upload(upload: tasks_pb2.Upload) -> tasks_pb2.StartImage:
    return tasks_pb2.StartImage(upload_id=upload.upload_id)


def file_of(studio: Studio, upload: tasks_pb2.Upload) -> Path:
    (file,) = Path(studio.settings.images).rglob(f"{upload.upload_id}.png")
    return file


async def downloaded(person: Person, upload_id: str) -> tuple[tasks_pb2.Upload, bytes]:
    request = tasks_pb2.DownloadUploadRequest(upload_id=upload_id)
    answers = client.translated_stream(person.stub.DownloadUpload(request, metadata=person.metadata))
    parts = [answer async for answer in answers]
    return parts[0].upload, b"".join(part.data for part in parts[1:])


async def test_everything_that_is_asked_for_reaches_the_worker_and_is_told_as_it_was_settled(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    able = model(max_clip_skip=1)
    able.adapters.extend(("ink", "clay"))
    worker.models = [able]
    async with running(new_studio()) as studio:
        ada = studio.person()
        start, mask = await ada.upload(RED), await ada.upload(MASK)
        offered = await ada.stub.GetCapabilities(tasks_pb2.GetCapabilitiesRequest(), metadata=ada.metadata)
        assert (list(offered.models[0].adapters), offered.models[0].limits.max_clip_skip) == (["ink", "clay"], 1)

        submitted = await ada.submit(
            start_image=from_upload(start), mask_upload_id=mask.upload_id, strength=0.55, samples=2, seed=10,
            variation_seed=20, variation_strength=0.3, guidance_rescale=0.7, clip_skip=1,
            adapters=[tasks_pb2.Adapter(name="ink", weight=0.55), tasks_pb2.Adapter(name="clay")],
        )  # fmt: skip
        task = await ada.ended(submitted.task_id)

        assert task.state == SUCCEEDED
        sent = (await worker.call()).request
        assert opened(sent.start_image).size == (64, 64)
        assert opened(sent.start_image).getpixel((9, 9)) == (250, 0, 0)
        assert (opened(sent.mask).getpixel((9, 9)), opened(sent.mask).getpixel((60, 9))) == (255, 0)
        assert (sent.strength, sent.guidance_rescale) == pytest.approx((0.55, 0.7))
        assert [sent.variation_seed, sent.variation_strength] == pytest.approx([20, 0.3])
        assert (sent.clip_skip, [each.name for each in sent.adapters]) == (1, ["ink", "clay"])
        assert [each.weight for each in sent.adapters] == pytest.approx([0.55, 1.0])
        told = task.parameters
        assert (told.start_image, told.mask_upload_id) == (from_upload(start), mask.upload_id)
        assert [told.strength, told.variation_seed, told.clip_skip] == pytest.approx([0.55, 20, 1])
        assert [each.weight for each in told.adapters] == pytest.approx([0.55, 1.0])
        said = opened((await ada.download(task.images[1].image_id))[1]).info
        assert said["parameters"].splitlines()[0] == "a red circle <lora:ink:0.55> <lora:clay:1>"
        assert (
            "Seed: 11, Size: 64x64, Model: mini, Denoising strength: 0.55, Variation seed: 21, "
            "Variation seed strength: 0.3, CFG rescale: 0.7, Clip skip: 2, Version" in said["parameters"]
        )
        exact = json.loads(said["daydream"])
        assert {name: exact[name] for name in ("start_image", "mask", "strength", "adapters", "variation_seed")} == {
            "start_image": {"upload_id": start.upload_id},
            "mask": {"upload_id": mask.upload_id},
            "strength": 0.55,
            "adapters": [{"name": "ink", "weight": 0.55}, {"name": "clay", "weight": 1.0}],
            "variation_seed": 21,
        }


async def test_an_own_image_can_be_what_the_next_one_begins_from(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        first = await ada.ended((await ada.submit(seed=77)).task_id)

        start = tasks_pb2.StartImage(image_id=first.images[0].image_id)
        second = await ada.ended((await ada.submit(start_image=start, width=128, height=64)).task_id)

        sent = (await worker.call(1)).request
        assert second.parameters.start_image == start
        assert second.parameters.strength == pytest.approx(0.8)
        assert (opened(sent.start_image).size, opened(sent.start_image).getpixel((9, 9))) == ((128, 64), (77, 0, 0))


async def test_the_rest_of_a_task_has_the_seeds_it_would_have_had(worker: FakeWorker) -> None:
    auth = FakeAuth(address())
    await auth.start()
    await worker.start()
    channels = [client.channel(auth.address), client.channel(worker.address)]
    ours = client.ServiceIdentity(channels[0], service="tasks", secret="secret")
    drawn = replace(PARAMETERS, samples=3, seed=5, variation_seed=9, variation_strength=0.5)
    part = Part(first=2, samples=1, seed=7)
    request = Request(task_id="task-1", user_id="ada", parameters=drawn, part=part, preview_every_steps=1)

    happened = [each async for each in GrpcWorker(channels[1], ours).generate(request)]

    sent = (await worker.call()).request
    assert happened
    assert (sent.seed, sent.samples, sent.variation_seed) == (7, 1, 11)
    for channel in channels:
        await channel.close()
    await worker.stop()
    await auth.stop()


async def test_what_a_caller_does_not_have_is_refused_on_its_field_and_costs_nothing(
    new_studio: Callable[..., Studio],
) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person(), studio.person("bob")
        bobs = await bob.upload(RED)
        bobs_image = (await bob.ended((await bob.submit()).task_id)).images[0].image_id
        mine, wide = await ada.upload(RED), await ada.upload(encoded(picture(size=(300, 100))))
        rows: list[tuple[str, dict[str, Any]]] = [
            ("start_image", {"start_image": tasks_pb2.StartImage(upload_id=bobs.upload_id)}),
            ("start_image", {"start_image": tasks_pb2.StartImage(image_id=bobs_image)}),
            ("start_image", {"start_image": tasks_pb2.StartImage(upload_id="../../etc/passwd")}),
            ("start_image", {"start_image": tasks_pb2.StartImage(image_id="x" * 300)}),
            ("start_image", {"start_image": tasks_pb2.StartImage()}),
            ("mask_upload_id", {"start_image": from_upload(mine), "mask_upload_id": bobs.upload_id}),
            ("mask_upload_id", {"start_image": from_upload(mine), "mask_upload_id": wide.upload_id}),
            ("mask_upload_id", {"mask_upload_id": mine.upload_id}),
            ("strength", {"strength": 0.5}),
            ("adapters", {"adapters": [tasks_pb2.Adapter(name="ink")]}),
        ]

        refused = []
        for _, asked in rows:
            with pytest.raises(errors.InvalidInput) as caught:
                await ada.submit(**asked)
            refused.append([violation.field for violation in caught.value.fields])

        assert refused == [[field] for field, _ in rows]
        assert not (await ada.list()).tasks
        assert studio.auth.purse.balance("ada") == 1_000


async def test_an_upload_can_be_read_again_by_its_owner_alone(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person(), studio.person("bob")
        upload = await ada.upload(RED)

        about, data = await downloaded(ada, upload.upload_id)

        assert (about, opened(data).size) == (upload, (300, 200))
        for person, upload_id in ((bob, upload.upload_id), (ada, "unknown"), (ada, "../x")):
            with pytest.raises(errors.NotFound) as caught:
                await downloaded(person, upload_id)
            assert caught.value.detail_reason == "UPLOAD_NOT_FOUND"
        file_of(studio, upload).write_bytes(MASK)
        with pytest.raises(errors.Unexpected) as damaged:
            await downloaded(ada, upload.upload_id)
        assert damaged.value.detail_reason == "IMAGE_DAMAGED"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: file.unlink(), "START_IMAGE_GONE"),
        (lambda file: file.write_bytes(b"not what it was"), "START_IMAGE_UNREADABLE"),
    ],
    ids=["deleted", "damaged"],
)
async def test_a_picture_that_went_before_it_was_drawn_fails_its_task_and_the_tokens_return(
    new_studio: Callable[..., Studio], worker: FakeWorker, spoil: Callable[[Path], Any], reason: str
) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada = studio.person()
        await ada.submit()
        busy = await worker.call()
        upload = await ada.upload(RED)
        waiting = await ada.submit(start_image=from_upload(upload))

        spoil(file_of(studio, upload))
        busy.released.set()
        task = await ada.ended(waiting.task_id)

        assert (task.state, task.charged, len(worker.calls)) == (FAILED, 0, 1)
        assert task.error.message.startswith("The start image")
        assert reason in str(task.error.details)
        assert studio.auth.purse.balance("ada") == 999


async def test_an_image_that_is_deleted_before_the_next_one_begins_from_it_fails_that_task(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        first = await ada.ended((await ada.submit()).task_id)
        worker.script = draw_when_released
        await ada.submit()
        busy = await worker.call(1)
        image_id = first.images[0].image_id
        waiting = await ada.submit(start_image=tasks_pb2.StartImage(image_id=image_id), samples=3)

        await ada.stub.DeleteImage(tasks_pb2.DeleteImageRequest(image_id=image_id), metadata=ada.metadata)
        busy.released.set()
        task = await ada.ended(waiting.task_id)

        assert (task.state, task.price, task.charged) == (FAILED, 3, 0)
        assert "START_IMAGE_GONE" in str(task.error.details)
        assert studio.auth.purse.balance("ada") == 998
