"""Image files: `GET /images/{id}` for pages, `GET /api/v1/images/{id}` for programs; `?size=` asks for a thumbnail."""

from collections.abc import Mapping
from typing import Final

from daydream.tasks.v1 import tasks_pb2
from starlette.requests import Request
from starlette.responses import Response

from services.foundation import errors
from services.web import identifiers
from services.web.backends.ledger import Tasks
from services.web.streams import files

_SIZES: Final[Mapping[str, "tasks_pb2.ImageSize.ValueType"]] = {
    "original": tasks_pb2.IMAGE_SIZE_ORIGINAL,
    "small": tasks_pb2.IMAGE_SIZE_SMALL,
    "medium": tasks_pb2.IMAGE_SIZE_MEDIUM,
    # What programs may call the smaller one, without knowing that there are two.
    "thumb": tasks_pb2.IMAGE_SIZE_SMALL,
}


class ImageFiles:
    """Passes an image on."""

    def __init__(self, tasks: Tasks, resolve: files.Resolve) -> None:
        """`resolve` says whose image it must be."""
        self._tasks, self._resolve = tasks, resolve

    async def answer(self, request: Request) -> Response:
        """Answer with the file. Raises NotFound, also for another's image, and InvalidInput for an unknown size."""
        visitor = await self._resolve(request)
        image_id = identifiers.checked(request.path_params["image_id"])
        size = size_of(request)
        return await files.answer(request, self._tasks.download(visitor, image_id, size), _about)


def size_of(request: Request) -> "tasks_pb2.ImageSize.ValueType":
    """Which of a picture's files is asked for, the original where nothing is said. Raises InvalidInput."""
    named = request.query_params.get("size", "original")
    if named not in _SIZES:
        wrong = "Size is original, medium, small or thumb."
        raise errors.InvalidInput.of(errors.FieldViolation(field="size", description=wrong))
    return _SIZES[named]


def _about(first: tasks_pb2.DownloadImageResponse) -> files.About | None:
    if first.WhichOneof("part") != "image":
        return None
    image = first.image
    # One that was imported has no seed.
    name = image.seed if image.seed >= 0 else image.image_id
    return files.About(name=f"daydream-{name}", content_type=image.content_type, bytes=image.bytes, sha256=image.sha256)
