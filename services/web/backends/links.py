"""Links to single pictures, as tasks makes them and gives what they lead to: how a plugin is given a picture."""

import contextlib
from collections.abc import AsyncIterator

import grpc
from daydream.tasks.v1 import tasks_pb2, tasks_pb2_grpc

from services.foundation import errors
from services.foundation.rpc import client
from services.web.backends.accounts import Visitor


class LinksUnavailable(errors.Unavailable):
    """Linked pictures cannot be read at the moment; try again in a moment."""

    reason = "LINKS_UNAVAILABLE"


class Links:
    """tasks: links to images."""

    def __init__(self, channel: grpc.aio.Channel, ourselves: client.ServiceIdentity) -> None:
        """`ourselves` gives the token that links are followed with: whoever follows one is unknown."""
        self._tasks = tasks_pb2_grpc.TaskServiceStub(channel)
        self._ourselves = ourselves

    async def make(self, visitor: Visitor, image_id: str) -> tasks_pb2.CreateImageLinkResponse:
        """A link to an image of the visitor's. Raises NotFound."""
        request = tasks_pb2.CreateImageLinkRequest(image_id=image_id)
        with client.translated():
            return await self._tasks.CreateImageLink(request, metadata=client.bearer(visitor.identity))

    @contextlib.asynccontextmanager
    async def download(self, secret: str) -> AsyncIterator[AsyncIterator[tasks_pb2.DownloadLinkedImageResponse]]:
        """Read what a link leads to: what it is, then its bytes. Its first message may raise NotFound."""
        request = tasks_pb2.DownloadLinkedImageRequest(link_secret=secret)
        try:
            ours = await self._ourselves.metadata()
        except errors.NotAuthenticated as error:
            raise LinksUnavailable from error
        call = self._tasks.DownloadLinkedImage(request, metadata=ours)
        try:
            yield self._believed(client.translated_stream(call))
        finally:
            call.cancel()

    async def _believed(
        self, parts: AsyncIterator[tasks_pb2.DownloadLinkedImageResponse]
    ) -> AsyncIterator[tasks_pb2.DownloadLinkedImageResponse]:
        try:
            async for part in parts:
                yield part
        except errors.NotAuthenticated as error:
            # auth may sign with another key since our token was made; whoever follows the link asks again.
            self._ourselves.forget()
            raise LinksUnavailable from error
