"""The pictures that a task begins from, fetched when a worker is about to draw it."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final, Protocol

from services.foundation import logs
from services.foundation.errors import Unavailable
from services.foundation.shielding import in_thread
from services.tasks.asking.ingredients import NO_PICTURES, Parameters, Pictures, StartImage
from services.tasks.errors import GenerationFailed, ImageNotFound, UploadNotFound, WorkerBusy
from services.tasks.values import Image, Upload
from services.tasks.workers import fitting
from services.tasks.workers.capabilities import Capabilities
from services.tasks.workers.generation import Happening, Request, Worker

log = logs.logger(__name__)
START: Final = "start image"
MASK: Final = "mask"
AT_ONCE: Final = 2
"""Pictures unpacked at a time: each may take a few hundred megabytes, however many slots the workers have."""


class PictureGone(GenerationFailed):
    """What the task should begin from was deleted."""

    def __init__(self, what: str) -> None:
        """`what` is "start image" or "mask"."""
        reason = f"{what.replace(' ', '_').upper()}_GONE"
        message = f"The {what} was deleted before this could be drawn; what was not drawn is not charged."
        super().__init__(reason=reason, message=message, invalid=True)


class PictureUnreadable(GenerationFailed):
    """The file of what the task should begin from is damaged, or cannot be read."""

    def __init__(self, what: str) -> None:
        """`what` is "start image" or "mask"."""
        reason = f"{what.replace(' ', '_').upper()}_UNREADABLE"
        super().__init__(reason=reason, message=f"The {what} cannot be read any more; bring it again.")


class PictureTooLarge(GenerationFailed):
    """What the task should begin from cannot be made small enough for a worker."""

    def __init__(self, what: str) -> None:
        """`what` is "start image" or "mask"."""
        reason = f"{what.replace(' ', '_').upper()}_TOO_LARGE"
        message = f"The {what} is too finely grained to be sent to a worker at this size; draw something smaller."
        super().__init__(reason=reason, message=message, invalid=True)


class Uploads(Protocol):
    """Uploads and their files; `uploads.Uploads` says what each call does."""

    async def find(self, user_id: str, upload_id: str) -> Upload: ...
    async def read(self, upload: Upload) -> bytes: ...


class Images(Protocol):
    """Rows of images; `store.tasks.Tasks` says what the call does."""

    async def image(self, user_id: str, image_id: str) -> Image | None: ...


class Files(Protocol):
    """Files of images; `images.ImageFiles` says what the call does."""

    async def whole(self, image: Image) -> bytes: ...


class Sources:
    """Reads pictures and makes them fit."""

    def __init__(self, *, uploads: Uploads, images: Images, files: Files) -> None:
        """Nothing is read yet."""
        self._uploads = uploads
        self._images = images
        self._files = files
        self._unpacking = asyncio.Semaphore(AT_ONCE)

    async def fetch(self, user_id: str, parameters: Parameters) -> Pictures:
        """What a task begins from, of the size it draws. Raises PictureGone, PictureUnreadable and Unavailable."""
        size = (parameters.width, parameters.height)
        pictures = NO_PICTURES
        if (begun := parameters.start_image) is not None:
            data = await self._read(START, lambda: self._start(user_id, begun), lambda png: fitting.start(png, *size))
            pictures = replace(pictures, start=data)
        if parameters.mask_upload_id:
            mask = parameters.mask_upload_id
            data = await self._read(MASK, lambda: self._upload(user_id, mask), lambda png: fitting.mask(png, *size))
            pictures = replace(pictures, mask=data)
        return pictures

    async def _start(self, user_id: str, begun: StartImage) -> bytes:
        if begun.upload_id:
            return await self._upload(user_id, begun.upload_id)
        image = await self._images.image(user_id, begun.image_id)
        if image is None:
            raise ImageNotFound
        return await self._files.whole(image)

    async def _upload(self, user_id: str, upload_id: str) -> bytes:
        return await self._uploads.read(await self._uploads.find(user_id, upload_id))

    async def _read(
        self, what: str, read: Callable[[], Coroutine[Any, Any, bytes]], fit: Callable[[bytes], bytes]
    ) -> bytes:
        try:
            # The file too is read only now: that of an imported picture may be as large as its pixels.
            async with self._unpacking:
                data = await read()
                return await in_thread(lambda: fit(data))
        except (UploadNotFound, ImageNotFound) as error:
            raise PictureGone(what) from error
        except fitting.TooLarge as error:
            raise PictureTooLarge(what) from error
        except Unavailable:
            raise
        except Exception as error:  # the storage, a file that has changed, or whatever Pillow stumbles over
            log.exception("picture not read", what=what)
            raise PictureUnreadable(what) from error


class Supplied:
    """A worker that is handed the pictures with each request."""

    def __init__(self, worker: Worker, sources: Sources) -> None:
        """`worker` draws."""
        self._worker = worker
        self._sources = sources

    async def capabilities(self) -> Capabilities:
        """What it can do now. Raises WorkerLost."""
        return await self._worker.capabilities()

    async def generate(self, request: Request) -> AsyncGenerator[Happening, None]:
        """Fetch the pictures, then draw. Raises a WorkerFault."""
        try:
            pictures = await self._sources.fetch(request.user_id, request.parameters)
        except Unavailable as error:
            # Our own database is away: no worker's fault, so the task waits, and no attempt is spent.
            raise WorkerBusy from error
        events = self._worker.generate(replace(request, pictures=pictures))
        async with aclosing(events):
            async for happening in events:
                yield happening
