"""Uploads as the gateway needs them, in memory: part of the made-up tasks."""

import hashlib
import io
import itertools
from collections.abc import AsyncIterator
from typing import Any, Final

import PIL.Image
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.foundation import errors, identity
from services.foundation.float32 import shortest
from tests.support.gateway_accounts import now

END: Final = b"IEND"
"""How what stands for a whole picture ends; a real one is looked at."""


class FakeUploads(tasks_pb2_grpc.TaskServiceServicer):
    """Keeps what is brought as it came."""

    def __init__(self) -> None:
        """Nothing was brought yet."""
        self.uploads: dict[str, tuple[str, tasks_pb2.Upload, bytes]] = {}
        self.heard = 0
        """Bytes that have arrived, of whatever became an upload or not."""
        self.closed_to = ""
        """Whose uploads are refused before they are read."""
        self._upload_numbers = itertools.count(1)

    def _let_in(self) -> None:
        if self.closed_to == identity.caller().subject:
            raise errors.NotAllowed("This key may not do this.")

    async def UploadImage(self, requests: Any, _call: Any) -> tasks_pb2.UploadImageResponse:
        """Take a picture in."""
        data = bytearray()
        async for request in requests:
            self._let_in()
            data += request.data
            self.heard += len(request.data)
        self._let_in()
        width, height = size_of(bytes(data))
        upload = tasks_pb2.Upload(
            upload_id=f"upload-{next(self._upload_numbers)}",
            width=width,
            height=height,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            created_time=now(),
            expire_time=now(),
        )
        self.uploads[upload.upload_id] = (identity.caller().subject, upload, bytes(data))
        return tasks_pb2.UploadImageResponse(upload=upload)

    async def DownloadUpload(self, request: Any, _call: Any) -> AsyncIterator[tasks_pb2.DownloadUploadResponse]:
        """The file in pieces."""
        owner, upload, data = self.uploads.get(request.upload_id, ("", None, b""))
        if owner != identity.caller().subject:
            raise errors.NotFound("There is no such upload.", reason="UPLOAD_NOT_FOUND")
        yield tasks_pb2.DownloadUploadResponse(upload=upload)
        for at in range(0, len(data), 1024):
            yield tasks_pb2.DownloadUploadResponse(data=data[at : at + 1024])


def steps_run(asked: tasks_pb2.Parameters) -> int:
    """Steps an image that are gone: with a start image, the share that its strength leaves."""
    return max(1, int(asked.steps * shortest(asked.strength))) if asked.HasField("strength") else asked.steps


def size_of(data: bytes) -> tuple[int, int]:
    """Of a whole picture, or of what stands for one. Raises InvalidInput."""
    # The pieces of a call that was given up end as if they were all; it is the picture that is not whole.
    if data.endswith(END):
        return 64, 48
    try:
        with PIL.Image.open(io.BytesIO(data)) as picture:
            picture.load()
            return picture.size
    except (OSError, SyntaxError) as error:
        damaged = "The picture cannot be read; its file is damaged."
        raise errors.InvalidInput(damaged, reason="PICTURE_REFUSED") from error
