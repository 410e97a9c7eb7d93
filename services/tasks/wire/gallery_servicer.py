"""GalleryService on the wire: reads requests, calls the gallery for the caller, writes answers. Decides nothing."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from daydream.tasks.v1 import gallery_pb2, gallery_pb2_grpc

from services.foundation import identity
from services.tasks.files.gallery import Gallery, Visitor
from services.tasks.wire import gallery_messages, messages, paging

Context = grpc.aio.ServicerContext[Any, Any]


class GalleryServicer(gallery_pb2_grpc.GalleryServiceServicer):
    """The service of the contract."""

    def __init__(self, gallery: Gallery) -> None:
        """What it passes calls on to."""
        self._gallery = gallery

    async def PublishImage(
        self, request: gallery_pb2.PublishImageRequest, context: Context
    ) -> gallery_pb2.PublishImageResponse:
        """Put an image into the gallery."""
        visitor = _visitor()
        entry = await self._gallery.publish(visitor.user_id, request.image_id)
        return gallery_pb2.PublishImageResponse(gallery_image=gallery_messages.to_gallery_image(entry, visitor))

    async def UnpublishImage(
        self, request: gallery_pb2.UnpublishImageRequest, context: Context
    ) -> gallery_pb2.UnpublishImageResponse:
        """Take it out."""
        await self._gallery.unpublish(_visitor().user_id, request.image_id)
        return gallery_pb2.UnpublishImageResponse()

    async def ListGallery(
        self, request: gallery_pb2.ListGalleryRequest, context: Context
    ) -> gallery_pb2.ListGalleryResponse:
        """List the gallery."""
        visitor = _visitor()
        entries, following = await self._gallery.page(
            visitor,
            before=paging.read_token(request.page_token),
            size=paging.check_size(request.page_size),
            include_hidden=request.include_hidden,
        )
        return gallery_pb2.ListGalleryResponse(
            gallery_images=[gallery_messages.to_gallery_image(entry, visitor) for entry in entries],
            next_page_token=paging.make_token(following),
        )

    async def GetGalleryImage(
        self, request: gallery_pb2.GetGalleryImageRequest, context: Context
    ) -> gallery_pb2.GetGalleryImageResponse:
        """Read what is known of a picture."""
        visitor = _visitor()
        entry = await self._gallery.get(visitor, request.gallery_id)
        return gallery_pb2.GetGalleryImageResponse(gallery_image=gallery_messages.to_gallery_image(entry, visitor))

    async def HideImage(self, request: gallery_pb2.HideImageRequest, context: Context) -> gallery_pb2.HideImageResponse:
        """Hide a picture."""
        visitor = _visitor()
        entry = await self._gallery.hide(visitor.user_id, request.gallery_id, request.reason)
        return gallery_pb2.HideImageResponse(gallery_image=gallery_messages.to_gallery_image(entry, visitor))

    async def RestoreImage(
        self, request: gallery_pb2.RestoreImageRequest, context: Context
    ) -> gallery_pb2.RestoreImageResponse:
        """Show it again."""
        visitor = _visitor()
        entry = await self._gallery.restore(visitor.user_id, request.gallery_id, request.reason)
        return gallery_pb2.RestoreImageResponse(gallery_image=gallery_messages.to_gallery_image(entry, visitor))

    async def DownloadGalleryImage(
        self, request: gallery_pb2.DownloadGalleryImageRequest, context: Context
    ) -> AsyncIterator[gallery_pb2.DownloadGalleryImageResponse]:
        """Read a picture's file."""
        about, pieces = await self._gallery.open(_visitor(), request.gallery_id, messages.to_size(request.size))
        yield gallery_pb2.DownloadGalleryImageResponse(file=gallery_messages.to_file(about))
        async with aclosing(pieces):
            async for piece in pieces:
                yield gallery_pb2.DownloadGalleryImageResponse(data=piece)


def _visitor() -> Visitor:
    caller = identity.caller()
    # The gateway asks in its own name for those who have not signed in.
    user_id = "" if caller.role is identity.Role.SERVICE else caller.subject
    return Visitor(user_id=user_id, staff=caller.is_staff)
