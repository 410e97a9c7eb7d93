"""Image files: `GET /images/{id}` for pages, `GET /api/v1/images/{id}` for programs."""

from daydream.tasks.v1 import tasks_pb2
from starlette.requests import Request
from starlette.responses import Response

from services.web import identifiers
from services.web.backends.ledger import Tasks
from services.web.streams import files


class ImageFiles:
    """Passes an image on."""

    def __init__(self, tasks: Tasks, resolve: files.Resolve) -> None:
        """`resolve` says whose image it must be."""
        self._tasks, self._resolve = tasks, resolve

    async def answer(self, request: Request) -> Response:
        """Answer with the file. Raises NotFound, also for another's image."""
        visitor = await self._resolve(request)
        image_id = identifiers.checked(request.path_params["image_id"])
        return await files.answer(request, self._tasks.download(visitor, image_id), _about)


def _about(first: tasks_pb2.DownloadImageResponse) -> files.About | None:
    if first.WhichOneof("part") != "image":
        return None
    image = first.image
    return files.About(
        name=f"daydream-{image.seed}", content_type=image.content_type, bytes=image.bytes, sha256=image.sha256
    )
