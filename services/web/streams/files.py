"""Files of tasks as HTTP answers, passed on piece by piece: one piece is held at a time."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from services.foundation import errors
from services.web import visitors
from services.web.backends.accounts import Accounts, Visitor

# Only what a browser draws and never runs; anything else is a file to save.
_SAFE_TYPES: Final = frozenset({"image/png", "image/webp", "image/jpeg"})
_ENDINGS: Final = {"image/png": "png", "image/webp": "webp", "image/jpeg": "jpg"}

T = TypeVar("T")
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


def of_our_pages(resolve: Resolve, check: Callable[[Request], None]) -> Resolve:
    """Who asks, where a script of our own pages does: a cookie alone comes along with any site's request.

    `check` raises for what another page sent.
    """

    async def believed(request: Request) -> Visitor:
        visitor = await resolve(request)
        check(request)
        return visitor

    return believed


@dataclass(frozen=True, kw_only=True)
class About:
    """What a file is."""

    name: str
    """What to call it where it is saved, without an ending."""
    content_type: str
    """What tasks says it is."""
    bytes: int
    """Its size."""
    sha256: str
    """Of the file, in lower-case hexadecimal."""


async def answer(
    request: Request,
    download: contextlib.AbstractAsyncContextManager[AsyncIterator[T]],
    describe: Callable[[T], About | None],
    *,
    also: Mapping[str, str] | None = None,
) -> Response:
    """Answer with a file that never changes, and with the headers in `also`. Raises what opening it does.

    `download` gives a message that says what it is, then messages with `data`; `describe` reads the first, None where
    it is not that.
    """
    resources = contextlib.AsyncExitStack()
    try:
        parts = await resources.enter_async_context(download)
        about = await _what_it_is(parts, describe)
        # Whoever holds it may keep it; `private`, as it is one person's.
        headers = {
            "Cache-Control": "private, max-age=86400, immutable",
            "ETag": f'"{about.sha256}"',
            "Content-Disposition": _disposition(about, attachment="download" in request.query_params),
            **(also or {}),
        }
        if request.headers.get("if-none-match") == headers["ETag"]:
            await resources.aclose()
            return Response(status_code=304, headers=headers)
        headers["Content-Length"] = str(about.bytes)
        media_type = about.content_type if about.content_type in _SAFE_TYPES else "application/octet-stream"
        if request.method == "HEAD":
            await resources.aclose()
            return Response(headers=headers, media_type=media_type)
        return Streamed(_bytes(parts), resources, media_type=media_type, headers=headers)
    except BaseException:
        await resources.aclose()
        raise


class Streamed(StreamingResponse):
    """Closes the call behind it whichever way it ends."""

    def __init__(
        self,
        body: AsyncIterator[bytes],
        resources: contextlib.AsyncExitStack,
        *,
        media_type: str,
        headers: dict[str, str],
    ) -> None:
        """`resources` hold the call; they are closed after the last piece, or when the reader leaves."""
        super().__init__(body, media_type=media_type, headers=headers)
        self._resources = resources

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        async with self._resources:
            await super().__call__(scope, receive, send)


async def _what_it_is(parts: AsyncIterator[T], describe: Callable[[T], About | None]) -> About:
    first = await anext(parts, None)
    about = None if first is None else describe(first)
    if about is None:
        raise errors.Unexpected
    return about


async def _bytes(parts: AsyncIterator[Any]) -> AsyncIterator[bytes]:
    async for part in parts:
        yield part.data


def _disposition(about: About, *, attachment: bool) -> str:
    ending = _ENDINGS.get(about.content_type, "bin")
    return f'{"attachment" if attachment else "inline"}; filename="{about.name}.{ending}"'
