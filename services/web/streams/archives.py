"""Pictures as one ZIP file: all of them, those of a session, or a choice, passed on piece by piece as tasks packs them.

`GET /account/archive.zip` and the posted form `/studio/archive` for pages, `GET /api/v1/archive` for programs. A
browser saves what comes by itself, so that no page ever holds it. How long it will be nobody knows before its end; it
is sent in chunks, and one that breaks off ends without the last of them: browsers and client libraries then say that it
failed.
"""

import contextlib
import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Final

from daydream.tasks.v1 import tasks_pb2
from starlette.requests import Request
from starlette.responses import Response

from services.foundation import errors
from services.web import identifiers
from services.web.backends import archives
from services.web.backends.accounts import Visitor
from services.web.backends.archives import Archives
from services.web.streams import files

MEDIA_TYPE: Final = "application/zip"
IMAGES_HEADER: Final = "X-Daydream-Images"
BYTES_HEADER: Final = "X-Daydream-Bytes"
MOST_CHOSEN: Final = 1000
"""As many as tasks takes by name."""
AT_ONCE: Final = 4
"""Archives that one person may read at the same time from one process."""

Form = Callable[[Request], Awaitable[dict[str, str]]]


class NoPictures(errors.NotPossibleNow):
    """There are no pictures here to pack yet. Make one in the studio, then come back."""

    reason = archives.NO_IMAGES


class TooManyArchives(errors.TooMuch):
    """Several archives are on their way to you already; let one of them finish first."""

    reason = "TOO_MANY_ARCHIVES"


class Seats:
    """How many archives each person reads; one is held for hours by whoever reads slowly."""

    def __init__(self, *, most: int = AT_ONCE) -> None:
        """`most` a person."""
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextlib.contextmanager
    def taken(self, user_id: str) -> Iterator[None]:
        """Sit down until the end of it. Raises TooManyArchives."""
        if self._taken[user_id] >= self._most:
            raise TooManyArchives
        self._taken[user_id] += 1
        try:
            yield
        finally:
            self._taken[user_id] -= 1
            self._taken += Counter()  # Adding nothing forgets everybody who has none.


class ArchiveFiles:
    """Answers with an archive."""

    def __init__(self, packed: Archives, seats: Seats, resolve: files.Resolve) -> None:
        """`resolve` says whose pictures they must be."""
        self._packed, self._seats, self._resolve = packed, seats, resolve

    async def answer(self, request: Request) -> Response:
        """All pictures, or with `?session=ID` those of a session. Raises NoPictures, TooManyArchives."""
        visitor = await self._resolve(request)
        session_id = request.query_params.get("session", "")
        return await self._stream(request, visitor, session_id=identifiers.checked(session_id) if session_id else "")

    async def _stream(
        self, request: Request, visitor: Visitor, *, session_id: str = "", image_ids: Sequence[str] = ()
    ) -> Response:
        resources = contextlib.AsyncExitStack()
        try:
            resources.enter_context(self._seats.taken(visitor.user_id))
            parts = await resources.enter_async_context(
                self._packed.download(visitor, session_id=session_id, image_ids=image_ids)
            )
            archive = await _opened(parts)
            headers = {
                "Content-Disposition": f'attachment; filename="{_name()}"',
                IMAGES_HEADER: str(archive.images),
                BYTES_HEADER: str(archive.bytes),
            }
            if request.method == "HEAD":
                await resources.aclose()
                return Response(headers=headers, media_type=MEDIA_TYPE)
            return files.Streamed(_bytes(parts), resources, media_type=MEDIA_TYPE, headers=headers)
        except BaseException:
            await resources.aclose()
            raise


class ChosenFiles(ArchiveFiles):
    """Answers a posted form with an archive of the pictures it names."""

    def __init__(self, packed: Archives, seats: Seats, resolve: files.Resolve, form: Form) -> None:
        """`form` reads and checks what was posted."""
        super().__init__(packed, seats, resolve)
        self._form = form

    async def answer(self, request: Request) -> Response:
        """The pictures that `images` names, ids with commas between. Raises InvalidInput, NotFound for another's."""
        visitor = await self._resolve(request)
        fields = await self._form(request)
        return await self._stream(request, visitor, image_ids=_chosen(fields.get("images", "")))


def _chosen(listed: str) -> list[str]:
    ids = [identifiers.checked(each) for each in dict.fromkeys(each.strip() for each in listed.split(",")) if each]
    if not 0 < len(ids) <= MOST_CHOSEN:
        wrong = f"Choose 1 to {MOST_CHOSEN:,} pictures; all of them are on the archive page of your account."
        raise errors.InvalidInput.of(errors.FieldViolation(field="images", description=wrong))
    return ids


async def _opened(parts: AsyncIterator[tasks_pb2.DownloadArchiveResponse]) -> tasks_pb2.Archive:
    try:
        first = await anext(parts, None)
    except errors.NotPossibleNow as error:
        if error.detail_reason == archives.NO_IMAGES:
            raise NoPictures from error
        raise
    if first is None or first.WhichOneof("part") != "archive":
        raise errors.Unexpected
    return first.archive


async def _bytes(parts: AsyncIterator[tasks_pb2.DownloadArchiveResponse]) -> AsyncIterator[bytes]:
    async for part in parts:
        yield part.data


def _name() -> str:
    return f"daydream-{dt.datetime.now(dt.UTC):%Y-%m-%d}.zip"
