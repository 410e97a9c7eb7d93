"""tasks behind the gateway: the gallery, for visitors and for those who have not signed in."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

import grpc
from daydream.tasks.v1 import gallery_pb2, gallery_pb2_grpc, tasks_pb2

from services.foundation import errors
from services.foundation.rpc import client
from services.web.backends.accounts import Visitor

T = TypeVar("T")


class GalleryUnavailable(errors.Unavailable):
    """The gallery cannot be shown at the moment; try again in a moment."""

    reason = "GALLERY_UNAVAILABLE"


class Gallery:
    """tasks: the gallery. Where a `visitor` may be None, the call is made in this service's own name."""

    def __init__(self, channel: grpc.aio.Channel, ourselves: client.ServiceIdentity) -> None:
        """`ourselves` gives the token that visitors are answered with who have not signed in."""
        self._gallery = gallery_pb2_grpc.GalleryServiceStub(channel)
        self._ourselves = ourselves

    async def page(
        self, visitor: Visitor | None, *, page_token: str = "", page_size: int = 24, include_hidden: bool = False
    ) -> gallery_pb2.ListGalleryResponse:
        """A page, newest first. Raises InvalidInput for a token that no page gave, NotAllowed, Unavailable."""
        request = gallery_pb2.ListGalleryRequest(
            page_size=page_size, page_token=page_token, include_hidden=include_hidden
        )
        return await self._asked(self._gallery.ListGallery, request, visitor)

    async def get(self, visitor: Visitor | None, gallery_id: str) -> gallery_pb2.GalleryImage:
        """One picture. Raises NotFound, also for a hidden one unless staff ask."""
        request = gallery_pb2.GetGalleryImageRequest(gallery_id=gallery_id)
        return (await self._asked(self._gallery.GetGalleryImage, request, visitor)).gallery_image

    async def publish(self, visitor: Visitor, image_id: str) -> gallery_pb2.GalleryImage:
        """Put an image of the visitor's into the gallery; one that is there stays. Raises NotFound."""
        request = gallery_pb2.PublishImageRequest(image_id=image_id)
        return (await self._asked(self._gallery.PublishImage, request, visitor)).gallery_image

    async def unpublish(self, visitor: Visitor, image_id: str) -> None:
        """Take it out, if it is there. Raises NotFound."""
        await self._asked(self._gallery.UnpublishImage, gallery_pb2.UnpublishImageRequest(image_id=image_id), visitor)

    async def hide(self, visitor: Visitor, gallery_id: str, reason: str) -> gallery_pb2.GalleryImage:
        """Hide a picture from everybody but staff. Raises NotFound, InvalidInput, NotAllowed."""
        request = gallery_pb2.HideImageRequest(gallery_id=gallery_id, reason=reason)
        return (await self._asked(self._gallery.HideImage, request, visitor)).gallery_image

    async def restore(self, visitor: Visitor, gallery_id: str, reason: str) -> gallery_pb2.GalleryImage:
        """Show it again. Raises as `hide` does."""
        request = gallery_pb2.RestoreImageRequest(gallery_id=gallery_id, reason=reason)
        return (await self._asked(self._gallery.RestoreImage, request, visitor)).gallery_image

    @contextlib.asynccontextmanager
    async def download(
        self, visitor: Visitor | None, gallery_id: str, size: "tasks_pb2.ImageSize.ValueType"
    ) -> AsyncIterator[AsyncIterator[gallery_pb2.DownloadGalleryImageResponse]]:
        """Read a picture's file: what it is, then its bytes. Its first message may raise NotFound."""
        request = gallery_pb2.DownloadGalleryImageRequest(gallery_id=gallery_id, size=size)
        call = self._gallery.DownloadGalleryImage(request, metadata=await self._name(visitor))
        try:
            yield client.translated_stream(call)
        finally:
            call.cancel()

    async def _name(self, visitor: Visitor | None) -> grpc.aio.Metadata:
        if visitor is not None:
            return client.bearer(visitor.identity)
        try:
            return await self._ourselves.metadata()
        except errors.NotAuthenticated as error:
            # A secret that auth does not know is our trouble, and no reason to send a visitor to the door.
            raise GalleryUnavailable from error

    async def _asked(self, method: Callable[..., Awaitable[T]], request: object, visitor: Visitor | None) -> T:
        try:
            with client.translated():
                return await method(request, metadata=await self._name(visitor))
        except errors.NotAuthenticated:
            if visitor is not None:
                raise
            # auth may sign with another key since our token was made.
            self._ourselves.forget()
        try:
            with client.translated():
                return await method(request, metadata=await self._name(visitor))
        except errors.NotAuthenticated as error:
            raise GalleryUnavailable from error
