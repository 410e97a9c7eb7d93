"""Pictures that people bring, as tasks takes them in and gives them back; both streamed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import grpc
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.foundation import errors
from services.foundation.rpc import client
from services.web.backends.accounts import Visitor

TAKE_SECONDS: Final = 330.0
"""A little more than tasks gives a sender: its own word for a slow one is the better answer."""


class Uploads:
    """tasks: uploads."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Every call is made in the visitor's name."""
        self._tasks = tasks_pb2_grpc.TaskServiceStub(channel)

    async def take(self, visitor: Visitor, pieces: AsyncIterator[bytes]) -> tasks_pb2.Upload:
        """Bring a picture. Raises InvalidInput for one that is refused, Unavailable, and what `pieces` raises."""
        try:
            return await self._take(visitor, pieces)
        except errors.Unexpected as lost:
            # grpc.aio loses the status of a call that ends while a piece is on its way (grpc issue 36066). What ends
            # one so early, a key that may not or a service that is gone, ends one without any pieces just so.
            try:
                await self._take(visitor, _nothing())
            except errors.InvalidInput:
                raise lost from None
            raise

    async def _take(self, visitor: Visitor, pieces: AsyncIterator[bytes]) -> tasks_pb2.Upload:
        call = self._tasks.UploadImage(metadata=client.bearer(visitor.identity), timeout=TAKE_SECONDS)
        try:
            with client.translated():
                # A call that has ended says why when its answer is asked for, and takes nothing more before that.
                with contextlib.suppress(asyncio.InvalidStateError):
                    async for piece in pieces:
                        await call.write(tasks_pb2.UploadImageRequest(data=piece))
                    await call.done_writing()
                return (await call).upload
        finally:
            call.cancel()

    @contextlib.asynccontextmanager
    async def download(
        self, visitor: Visitor, upload_id: str
    ) -> AsyncIterator[AsyncIterator[tasks_pb2.DownloadUploadResponse]]:
        """Read an upload: what it is, then its bytes. Its first message may raise NotFound."""
        request = tasks_pb2.DownloadUploadRequest(upload_id=upload_id)
        call = self._tasks.DownloadUpload(request, metadata=client.bearer(visitor.identity))
        try:
            yield client.translated_stream(call)
        finally:
            call.cancel()


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
