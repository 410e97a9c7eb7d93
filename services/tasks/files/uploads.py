"""Pictures that people bring for their own tasks: taken in piece by piece, checked, kept while they are of use."""

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import BinaryIO, Final, Protocol

import shortuuid

from services.foundation import logs
from services.foundation.errors import Unavailable
from services.foundation.shielding import in_thread
from services.tasks import identifiers
from services.tasks.errors import UploadNotFound
from services.tasks.files import pictures, reading
from services.tasks.files.intake import Intake
from services.tasks.files.storage import Storage
from services.tasks.values import Upload

log = logs.logger(__name__)
KEPT_AFTER_USE: Final = dt.timedelta(days=1)
KEPT_EACH: Final = 100
"""Uploads a person may have at once; one more takes the place of the longest unused that no unended task needs."""


class Rows(Protocol):
    """Uploads as the ledger keeps them; `store.uploads.Uploads` says what each call does."""

    async def add(self, upload: Upload, *, most: int) -> Sequence[str]: ...
    async def find(self, user_id: str, upload_id: str) -> Upload | None: ...
    async def remove_unused(self, older_than: dt.timedelta) -> Sequence[str]: ...


class Uploads:
    """Takes uploads in, and forgets those that nobody uses."""

    def __init__(self, *, rows: Rows, storage: Storage, intake: Intake) -> None:
        """Nothing is touched yet."""
        self._rows = rows
        self._storage = storage
        self._intake = intake

    async def take(self, user_id: str, pieces: AsyncIterator[bytes], now: dt.datetime) -> Upload:
        """Keep the picture that arrives. Raises PictureRefused, UploadStalled and Unavailable; then nothing is kept."""
        data = await self._intake.gather(pieces)
        async with self._intake.unpacking:
            picture = await in_thread(lambda: pictures.plain(data))
        upload_id = shortuuid.uuid()
        upload = Upload(
            upload_id=upload_id,
            user_id=user_id,
            path=f"uploads/{upload_id[:2]}/{upload_id}.png",
            width=picture.width,
            height=picture.height,
            bytes=len(picture.data),
            sha256=hashlib.sha256(picture.data).hexdigest(),
            created=now,
            used=now,
        )
        try:
            await asyncio.to_thread(self._storage.write, upload.path, picture.data)
        except OSError as error:
            log.exception("upload not stored", path=upload.path)
            raise Unavailable("The picture cannot be stored just now; the disk may be full.", retry_after=5) from error
        await self._forget(await self._rows.add(upload, most=KEPT_EACH))
        return upload

    async def find(self, user_id: str, upload_id: str) -> Upload:
        """One of the owner's uploads. Raises UploadNotFound, for another's too."""
        found = await self._rows.find(user_id, upload_id) if identifiers.possible(upload_id) else None
        if found is None:
            raise UploadNotFound
        return found

    def pieces(self, upload: Upload) -> AsyncGenerator[bytes, None]:
        """The file in pieces of at most 1 MiB.

        They raise UploadNotFound when it is gone, and ImageDamaged, before the last of them, when it has changed.
        """
        return reading.checked(lambda: self._open(upload.path), upload.path, upload.sha256)

    async def read(self, upload: Upload) -> bytes:
        """The file. Raises UploadNotFound when it is gone, and ImageDamaged when it has changed."""
        return b"".join([piece async for piece in self.pieces(upload)])

    async def remove_unused(self) -> None:
        """Forget what no task has used for a day, and no unended task needs."""
        await self._forget(await self._rows.remove_unused(KEPT_AFTER_USE))

    def _open(self, path: str) -> BinaryIO:
        try:
            return self._storage.open(path)
        except FileNotFoundError as error:
            raise UploadNotFound from error

    async def _forget(self, paths: Sequence[str]) -> None:
        # The rows are gone; a crash here leaves files that the sweep finds.
        for path in paths:
            await asyncio.to_thread(self._storage.remove, path)
