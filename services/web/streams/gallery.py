"""Files of the gallery: `GET /gallery/{id}?size=small|medium`, the original without a size."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from daydream.tasks.v1 import gallery_pb2, tasks_pb2
from starlette.requests import Request
from starlette.responses import Response

from services.foundation import errors
from services.web import identifiers, visitors
from services.web.backends.accounts import Accounts
from services.web.backends.gallery import Gallery
from services.web.streams import files

_SIZES: Final = {
    "small": tasks_pb2.IMAGE_SIZE_SMALL,
    "medium": tasks_pb2.IMAGE_SIZE_MEDIUM,
    "": tasks_pb2.IMAGE_SIZE_ORIGINAL,
}


class GalleryFiles:
    """Passes a picture of the gallery on, to whoever asks."""

    def __init__(self, gallery: Gallery, accounts: Accounts) -> None:
        """`accounts` says who asks for what not everybody sees."""
        self._gallery, self._accounts = gallery, accounts

    async def answer(self, request: Request) -> Response:
        """Answer with the file. Raises NotFound, InvalidInput for a size that is none."""
        gallery_id = identifiers.checked(request.path_params["gallery_id"])
        size = _SIZES.get(request.query_params.get("size", ""))
        if size is None:
            wrong = "Size is small or medium, or is left out for the picture as it was drawn."
            raise errors.InvalidInput.of(errors.FieldViolation(field="size", description=wrong))
        return await files.answer(request, self._download(request, gallery_id, size), _about)

    @asynccontextmanager
    async def _download(
        self, request: Request, gallery_id: str, size: "tasks_pb2.ImageSize.ValueType"
    ) -> AsyncIterator[AsyncIterator[gallery_pb2.DownloadGalleryImageResponse]]:
        # What everybody sees needs no look at who asks, so a wall of pictures costs auth nothing; only what is not
        # there for everybody may still be there for staff.
        async with self._gallery.download(None, gallery_id, size) as parts:
            try:
                first = await anext(parts, None)
            except errors.NotFound as missing:
                not_there = missing
            else:
                yield _with(first, parts)
                return
        visitor = await visitors.of_cookies(self._accounts, request.headers.get("cookie", ""))
        if visitor is None or not visitor.staff:
            raise not_there
        async with self._gallery.download(visitor, gallery_id, size) as parts:
            yield parts


async def _with(
    first: gallery_pb2.DownloadGalleryImageResponse | None,
    rest: AsyncIterator[gallery_pb2.DownloadGalleryImageResponse],
) -> AsyncIterator[gallery_pb2.DownloadGalleryImageResponse]:
    if first is not None:
        yield first
    async for part in rest:
        yield part


def _about(first: gallery_pb2.DownloadGalleryImageResponse) -> files.About | None:
    if first.WhichOneof("part") != "file":
        return None
    file = first.file
    # Named by its content: a gallery's id says nothing to whoever finds the file later.
    return files.About(
        name=f"daydream-{file.sha256[:12]}", content_type=file.content_type, bytes=file.bytes, sha256=file.sha256
    )
