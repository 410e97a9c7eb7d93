"""Pictures that programs and people bring: `POST` takes one in as it arrives, `GET` gives it back.

`/api/v1/uploads` for programs, `/studio/uploads` for the studio's scripts.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

from daydream.tasks.v1 import tasks_pb2
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from services.foundation import errors
from services.web import identifiers, present
from services.web.backends.uploads import Uploads
from services.web.streams import files

PATH: Final = "/api/v1/uploads"
PAGE_PATH: Final = "/studio/uploads"
REFUSED: Final = "PICTURE_REFUSED"
PIECE_SECONDS: Final = 15.0
"""A sender that is silent for so long has stalled."""
MOST_BYTES: Final = 20 * 1024 * 1024
"""As much as tasks takes; told here, where it is noticed first."""
READ_OUT_BYTES: Final = 8 * 1024 * 1024
READ_OUT_SECONDS: Final = 10.0
"""What is refused is read on for a while and thrown away, so that its sender is there for the answer."""


class Bring:
    """Takes a picture in. Its bytes go on to tasks as they come; no more than a piece is held."""

    def __init__(
        self, uploads: Uploads, resolve: files.Resolve, *, path: str = PATH, piece_seconds: float = PIECE_SECONDS
    ) -> None:
        """`resolve` says whose it is; nothing is read for a stranger. Uploads are found again below `path`."""
        self._path = path
        self._uploads, self._resolve, self._piece_seconds = uploads, resolve, piece_seconds

    async def answer(self, request: Request) -> Response:
        """201 with the upload. Raises what `resolve` does, InvalidInput, Unavailable."""
        body = request.stream()
        try:
            visitor = await self._resolve(request)
            upload = await self._uploads.take(visitor, pieces(body, self._piece_seconds))
        except ClientDisconnect:
            # Nobody is there to read this.
            return Response(status_code=400)
        except errors.DaydreamError:
            await read_out(body)
            raise
        shown = present.upload(upload, path=f"{self._path}/")
        return JSONResponse(shown, status_code=201, headers={"Location": shown["url"]})


class UploadFiles:
    """Gives an upload back to its owner."""

    def __init__(self, uploads: Uploads, resolve: files.Resolve) -> None:
        """`resolve` says whose it must be."""
        self._uploads, self._resolve = uploads, resolve

    async def answer(self, request: Request) -> Response:
        """Answer with the PNG. Raises NotFound, also for another's."""
        visitor = await self._resolve(request)
        upload_id = identifiers.checked(request.path_params["upload_id"])
        return await files.answer(request, self._uploads.download(visitor, upload_id), _about)


async def pieces(body: AsyncIterator[bytes], seconds: float = PIECE_SECONDS) -> AsyncIterator[bytes]:
    """A picture's file as it arrives, each piece within `seconds`.

    Raises HTTPException 408 for a sender that falls silent, InvalidInput for more than a picture may be.
    """
    seen = 0
    while True:
        try:
            async with asyncio.timeout(seconds):
                piece = await anext(body, None)
        except TimeoutError as error:
            raise HTTPException(408) from error
        if piece is None:
            return
        seen += len(piece)
        if seen > MOST_BYTES:
            said = f"The file is too large; {MOST_BYTES // 2**20} MB are allowed."
            raise errors.InvalidInput(said, reason=REFUSED)
        if piece:
            yield piece


async def read_out(body: AsyncIterator[bytes]) -> None:
    """Read on what was refused, for a while, so that its sender is there for the answer."""
    seen = 0
    with contextlib.suppress(TimeoutError, ClientDisconnect):
        async with asyncio.timeout(READ_OUT_SECONDS):
            async for piece in body:
                seen += len(piece)
                if seen > READ_OUT_BYTES:
                    return


def _about(first: tasks_pb2.DownloadUploadResponse) -> files.About | None:
    if first.WhichOneof("part") != "upload":
        return None
    upload = first.upload
    return files.About(
        name=f"daydream-{upload.upload_id}", content_type="image/png", bytes=upload.bytes, sha256=upload.sha256
    )
