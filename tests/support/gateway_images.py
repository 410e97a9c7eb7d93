"""Image files as the gateway needs them, in memory: part of the made-up tasks."""

import hashlib
import io
from collections.abc import AsyncIterator
from typing import Any, Final

from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc
from PIL import Image

from services.foundation import errors, identity

SIDES: Final = {tasks_pb2.IMAGE_SIZE_SMALL: 256, tasks_pb2.IMAGE_SIZE_MEDIUM: 768}


class FakeImages(tasks_pb2_grpc.TaskServiceServicer):
    """Reads and deletes images of the ledger that it is mixed into."""

    def __init__(self) -> None:
        """Nobody read anything yet."""
        super().__init__()
        self.read: list[tuple[str, int]] = []
        """Which images were read, in which size."""

    def _found(self: Any, image_id: str) -> tuple[tasks_pb2.Task, tasks_pb2.Image]:
        for task in self._of(identity.caller().subject, ""):
            for image in task.images:
                if image.image_id == image_id:
                    return task, image
        raise errors.NotFound("There is no such image.", reason="IMAGE_NOT_FOUND")

    async def DownloadImage(self: Any, request: Any, _call: Any) -> AsyncIterator[tasks_pb2.DownloadImageResponse]:
        """The file in pieces; a thumbnail of what is no picture is the file itself."""
        _task, image = self._found(request.image_id)
        self.read.append((image.image_id, request.size))
        about, data = tasks_pb2.Image(), self.files[image.image_id]
        about.CopyFrom(image)
        if request.size in SIDES:
            data = _small(data, SIDES[request.size])
            about.content_type = "image/webp"
        about.bytes, about.sha256 = len(data), hashlib.sha256(data).hexdigest()
        yield tasks_pb2.DownloadImageResponse(image=about)
        for at in range(0, len(data), 1024):
            yield tasks_pb2.DownloadImageResponse(data=data[at : at + 1024])

    async def DeleteImage(self: Any, request: Any, _call: Any) -> tasks_pb2.DeleteImageResponse:
        """It is gone, and its task says so."""
        task, image = self._found(request.image_id)
        task.deleted_indexes.append(image.index)
        del self.files[image.image_id]
        task.images.remove(image)
        await self.stored(task)
        return tasks_pb2.DeleteImageResponse(task=task)


def _small(data: bytes, side: int) -> bytes:
    try:
        picture = Image.open(io.BytesIO(data))
        picture.thumbnail((side, side))
    except (OSError, SyntaxError, ValueError):
        return data
    file = io.BytesIO()
    picture.save(file, "WEBP")
    return file.getvalue()
