"""Pictures as one ZIP file, as tasks packs them while it is read."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Final

import grpc
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.foundation import errors
from services.foundation.rpc import client
from services.web.backends.accounts import Visitor

NO_IMAGES: Final = "NO_IMAGES"


class Archives:
    """tasks: archives."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Every call is made in the visitor's name."""
        self._tasks = tasks_pb2_grpc.TaskServiceStub(channel)

    @contextlib.asynccontextmanager
    async def download(
        self, visitor: Visitor, *, session_id: str = "", image_ids: Sequence[str] = ()
    ) -> AsyncIterator[AsyncIterator[tasks_pb2.DownloadArchiveResponse]]:
        """Read an archive: what it will hold, then its bytes. Of all the visitor's images where nothing is chosen.

        Its first message may raise NotFound, NotPossibleNow NO_IMAGES, InvalidInput.
        """
        request = tasks_pb2.DownloadArchiveRequest(image_ids=image_ids, session_id=session_id)
        call = self._tasks.DownloadArchive(request, metadata=client.bearer(visitor.identity))
        try:
            yield client.translated_stream(call)
        finally:
            call.cancel()

    async def contents(self, visitor: Visitor, *, session_id: str = "") -> tasks_pb2.Archive:
        """How many images an archive would hold, and their bytes; the archive itself is not read."""
        async with self.download(visitor, session_id=session_id) as parts:
            try:
                first = await anext(parts, None)
            except errors.NotPossibleNow as error:
                if error.detail_reason != NO_IMAGES:
                    raise
                return tasks_pb2.Archive()
        if first is None or first.WhichOneof("part") != "archive":
            raise errors.Unexpected
        return first.archive
