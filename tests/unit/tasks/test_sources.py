"""Pictures fetched for a worker, and what becomes of a task when one cannot be."""

import asyncio
import datetime as dt
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from services.foundation.errors import DaydreamError, Unavailable
from services.tasks.asking.ingredients import NO_PICTURES, StartImage
from services.tasks.errors import GenerationFailed, ImageDamaged, ImageNotFound, UploadNotFound, WorkerBusy, WorkerFault
from services.tasks.values import Image, Upload
from services.tasks.workers.capabilities import Capabilities
from services.tasks.workers.generation import Finished, Happening, Part, Request
from services.tasks.workers.sources import AT_ONCE, Sources, Supplied
from tests.support.ledger_rows import PARAMETERS, new_image
from tests.support.picture_files import PNG


class Kept:
    """Uploads and images, every one the same picture; or the error that stands for what is wrong with them."""

    def __init__(self, wrong: Exception | None = None, data: bytes = PNG) -> None:
        self.wrong, self.data = wrong, data
        self.asked: list[tuple[str, str]] = []

    async def find(self, user_id: str, upload_id: str) -> Upload:
        self.asked.append((user_id, upload_id))
        now = dt.datetime.now(dt.UTC)
        return Upload(
            upload_id=upload_id,
            user_id=user_id,
            path="",
            width=40,
            height=20,
            bytes=1,
            sha256="",
            created=now,
            used=now,
        )

    async def read(self, upload: Upload) -> bytes:
        return self._data()

    async def image(self, user_id: str, image_id: str) -> Image | None:
        self.asked.append((user_id, image_id))
        return None if isinstance(self.wrong, ImageNotFound) else new_image(0)

    async def whole(self, image: Image) -> bytes:
        return self._data()

    def _data(self) -> bytes:
        if self.wrong is not None:
            raise self.wrong
        return self.data


class Crowded(Kept):
    """Counts how many read a file at a time."""

    inside = most = 0

    async def whole(self, image: Image) -> bytes:
        self.inside += 1
        self.most = max(self.most, self.inside)
        for _ in range(9):
            await asyncio.sleep(0)
        self.inside -= 1
        return self._data()


class Drawing:
    """A worker that writes down what it is asked for."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    async def capabilities(self) -> Capabilities:
        raise NotImplementedError

    async def generate(self, request: Request) -> AsyncGenerator[Happening, None]:
        self.requests.append(request)
        yield Finished()


async def draw(kept: Kept, **asked: Any) -> Drawing:
    worker = Drawing()
    supplied = Supplied(worker, Sources(uploads=kept, images=kept, files=kept))
    request = Request(
        task_id="task-1", user_id="ada", parameters=replace(PARAMETERS, **asked), preview_every_steps=1,
        part=Part(first=0, samples=1, seed=1),
    )  # fmt: skip
    assert [each async for each in supplied.generate(request)] == [Finished()]
    return worker


async def test_what_is_named_goes_along_and_nothing_else_is_read() -> None:
    kept = Kept()

    both = await draw(kept, start_image=StartImage(image_id="image-1"), mask_upload_id="mask-1")
    neither = await draw(Kept(ImageDamaged()))

    assert kept.asked == [("ada", "image-1"), ("ada", "mask-1")]
    assert both.requests[0].pictures.start.startswith(b"\x89PNG")
    assert both.requests[0].pictures.mask.startswith(b"\x89PNG")
    assert neither.requests[0].pictures == NO_PICTURES


@pytest.mark.parametrize(
    ("kept", "asked", "reason", "invalid"),
    [
        (Kept(UploadNotFound()), {"start_image": StartImage(upload_id="a")}, "START_IMAGE_GONE", True),
        (Kept(ImageNotFound()), {"start_image": StartImage(image_id="a")}, "START_IMAGE_GONE", True),
        (Kept(UploadNotFound()), {"mask_upload_id": "a"}, "MASK_GONE", True),
        (Kept(ImageDamaged()), {"start_image": StartImage(image_id="a")}, "START_IMAGE_UNREADABLE", False),
        (Kept(OSError(5, "no disk")), {"mask_upload_id": "a"}, "MASK_UNREADABLE", False),
        (Kept(data=PNG[:-30]), {"start_image": StartImage(upload_id="a")}, "START_IMAGE_UNREADABLE", False),
    ],
    ids=["upload", "image", "mask", "damaged image", "storage", "cut short"],
)
async def test_a_picture_that_cannot_be_had_fails_the_task_for_good(
    kept: Kept, asked: dict[str, Any], reason: str, invalid: bool
) -> None:
    with pytest.raises(GenerationFailed) as caught:
        await draw(kept, **asked)

    assert (caught.value.reason, caught.value.invalid) == (reason, invalid)
    assert caught.value.message.endswith(".")


async def test_however_many_slots_there_are_few_pictures_are_in_memory_at_a_time() -> None:
    crowded = Crowded()
    sources = Sources(uploads=crowded, images=crowded, files=crowded)
    asked = replace(PARAMETERS, start_image=StartImage(image_id="image-1"))

    fetched = await asyncio.gather(*(sources.fetch("ada", asked) for _ in range(3 * AT_ONCE)))

    assert crowded.most == AT_ONCE
    assert all(each.start for each in fetched)


async def test_a_database_that_is_away_only_makes_the_task_wait() -> None:
    with pytest.raises(WorkerFault) as caught:
        await draw(Kept(Unavailable()), mask_upload_id="a")

    assert isinstance(caught.value, WorkerBusy)
    assert isinstance(caught.value.__cause__, DaydreamError)
