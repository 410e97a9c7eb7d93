"""tasks, the ledger of generations, asked in a person's name with tokens of a delegation."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

import grpc
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.foundation.rpc import client

ENDED: Final = frozenset({tasks_pb2.TASK_STATE_SUCCEEDED, tasks_pb2.TASK_STATE_FAILED, tasks_pb2.TASK_STATE_CANCELLED})
TRANSFER_SECONDS: Final = 120.0
"""For a picture's way to the ledger or from it."""
_PIECE: Final = 256 * 1024


class Ledger:
    """TaskService. `token` is a delegated identity token; all methods raise DaydreamErrors."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Nothing connects yet."""
        self._stub = tasks_pb2_grpc.TaskServiceStub(channel)

    async def submit(self, token: str, request_id: str, parameters: Mapping[str, Any]) -> tasks_pb2.Task:
        """Ask for a generation, `parameters` by their fields' names; the same request_id gives the same one."""
        request = tasks_pb2.SubmitTaskRequest(request_id=request_id, parameters=tasks_pb2.Parameters(**parameters))
        with client.translated():
            return (await self._stub.SubmitTask(request, metadata=client.bearer(token))).task

    async def cancel(self, token: str, task_id: str) -> None:
        """Stop a generation; one that has ended stays as it is. Raises NotFound."""
        request = tasks_pb2.CancelTaskRequest(task_id=task_id)
        with client.translated():
            await self._stub.CancelTask(request, metadata=client.bearer(token))

    @contextlib.asynccontextmanager
    async def watch(self, token: str, task_id: str, after: int) -> AsyncIterator[AsyncIterator[tasks_pb2.Task]]:
        """Follow a generation to its end, from a revision on (0: from how it is). Ends with TOKEN_EXPIRED at times."""
        request = tasks_pb2.WatchTaskRequest(task_id=task_id, after_revision=after)
        call = self._stub.WatchTask(request, metadata=client.bearer(token))
        try:
            yield _tasks(client.translated_stream(call))
        finally:
            call.cancel()

    async def upload(self, token: str, picture: IO[bytes]) -> str:
        """Bring a picture to begin from; its id. Raises InvalidInput PICTURE_REFUSED with a sentence."""

        async def pieces() -> AsyncIterator[tasks_pb2.UploadImageRequest]:
            while piece := picture.read(_PIECE):
                yield tasks_pb2.UploadImageRequest(data=piece)

        with client.translated():
            answer = await self._stub.UploadImage(pieces(), metadata=client.bearer(token), timeout=TRANSFER_SECONDS)
        return answer.upload.upload_id

    async def download(self, token: str, image_id: str, to: Path) -> None:
        """Write an image's file. Raises NotFound for one that its owner has deleted."""
        request = tasks_pb2.DownloadImageRequest(image_id=image_id)
        call = self._stub.DownloadImage(request, metadata=client.bearer(token), timeout=TRANSFER_SECONDS)
        with to.open("wb") as file:
            async for message in client.translated_stream(call):
                file.write(message.data)

    async def capabilities(self, ours: grpc.aio.Metadata) -> tasks_pb2.GetCapabilitiesResponse:
        """What the workers can do, asked in this service's own name. Raises Unavailable NO_WORKER."""
        with client.translated():
            return await self._stub.GetCapabilities(tasks_pb2.GetCapabilitiesRequest(), metadata=ours)


async def _tasks(messages: AsyncIterator[tasks_pb2.WatchTaskResponse]) -> AsyncIterator[tasks_pb2.Task]:
    async for message in messages:
        yield message.task
