"""Image files, streamed: `GET /images/{id}` for pages, `GET /api/v1/images/{id}` for programs."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from daydream.tasks.v1 import tasks_pb2
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.foundation import errors
from services.web import identifiers, visitors
from services.web.backends import Accounts, Tasks, Visitor

# Only what a browser draws and never runs; anything else is a file to save.
_SAFE_TYPES: Final = frozenset({"image/png", "image/webp", "image/jpeg"})
_ENDINGS: Final = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg"}

Resolve = Callable[[Request], Awaitable[Visitor]]


def by_session(accounts: Accounts) -> Resolve:
    """Who asks, by the session cookie."""

    async def resolve(request: Request) -> Visitor:
        visitor = await visitors.of_cookies(accounts, request.headers.get("cookie", ""))
        if visitor is None:
            raise visitors.SignInFirst
        return visitor

    return resolve


def by_key(accounts: Accounts) -> Resolve:
    """Who asks, by the API key."""

    async def resolve(request: Request) -> Visitor:
        return await visitors.of_authorization(accounts, request.headers.get("authorization", ""))

    return resolve


class ImageFiles:
    """Passes a file on piece by piece; holds one piece at a time."""

    def __init__(self, tasks: Tasks, resolve: Resolve) -> None:
        """`resolve` says whose image it must be."""
        self._tasks, self._resolve = tasks, resolve

    async def answer(self, request: Request) -> Response:
        """Answer with the file. Raises NotFound, also for another's image."""
        visitor = await self._resolve(request)
        image_id = identifiers.checked(request.path_params["image_id"])
        resources = contextlib.AsyncExitStack()
        try:
            parts = await resources.enter_async_context(self._tasks.download(visitor, image_id))
            image = await _what_it_is(parts)
            # An image never changes, so whoever holds it may keep it; `private`, as it is one person's.
            headers = {
                "Cache-Control": "private, max-age=86400, immutable",
                "ETag": f'"{image.sha256}"',
                "Content-Disposition": _disposition(image, attachment="download" in request.query_params),
            }
            if request.headers.get("if-none-match") == headers["ETag"]:
                await resources.aclose()
                return Response(status_code=304, headers=headers)
            headers["Content-Length"] = str(image.bytes)
            media_type = image.content_type if image.content_type in _SAFE_TYPES else "application/octet-stream"
            if request.method == "HEAD":
                await resources.aclose()
                return Response(headers=headers, media_type=media_type)
            return _Streamed(_bytes(parts), resources, media_type=media_type, headers=headers)
        except BaseException:
            await resources.aclose()
            raise


class _Streamed(StreamingResponse):
    """Closes the call behind it whichever way it ends."""

    def __init__(
        self,
        body: AsyncIterator[bytes],
        resources: contextlib.AsyncExitStack,
        *,
        media_type: str,
        headers: dict[str, str],
    ) -> None:
        super().__init__(body, media_type=media_type, headers=headers)
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._resources:
            await super().__call__(scope, receive, send)


async def _what_it_is(parts: AsyncIterator[tasks_pb2.DownloadImageResponse]) -> tasks_pb2.Image:
    first = await anext(parts, None)
    if first is None or first.WhichOneof("part") != "image":
        raise errors.Unexpected
    return first.image


async def _bytes(parts: AsyncIterator[tasks_pb2.DownloadImageResponse]) -> AsyncIterator[bytes]:
    async for part in parts:
        yield part.data


def _disposition(image: tasks_pb2.Image, *, attachment: bool) -> str:
    ending = _ENDINGS.get(image.content_type, "bin")
    return f'{"attachment" if attachment else "inline"}; filename="daydream-{image.seed}.{ending}"'
