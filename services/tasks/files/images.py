"""Image files: checked, given their settings as text, kept with their thumbnails, and checked again when they are read.

An image's files are named after task, index and attempt, so that no two attempts share one and none ever changes. The
thumbnails' names follow from the image's, so no row speaks of them.
"""

import asyncio
import contextlib
import datetime as dt
import hashlib
import io
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import BinaryIO, Final

import PIL.Image
import shortuuid

from services.foundation import logs
from services.tasks.asking.ingredients import Parameters
from services.tasks.errors import GenerationFailed, ImageNotFound
from services.tasks.files import png_text, reading
from services.tasks.files.storage import Storage
from services.tasks.values import Image, Size
from services.tasks.workers.generation import Picture

log = logs.logger(__name__)
PNG: Final = "image/png"
WEBP: Final = "image/webp"
SIDES: Final[Mapping[Size, int]] = {Size.SMALL: 256, Size.MEDIUM: 768}
"""The longer side of a thumbnail in pixels, at most: a card on the timeline, and a viewer on a phone."""
WEBP_QUALITY: Final = 82
SWEEP_BATCH: Final = 200
_DEPTH: Final = 3
_OURS: Final = re.compile(
    r"(?P<image>(?P<first>[0-9A-Za-z_-]{2})/(?P=first)[0-9A-Za-z_-]{20}/[0-9]+-[0-9]+)"
    r"(\.png|\.(small|medium)\.webp)(?P<part>\.part)?"
    r"|(?P<upload>uploads/(?P<up>[0-9A-Za-z_-]{2})/(?P=up)[0-9A-Za-z_-]{20})\.png(?P<upload_part>\.part)?"
    r"|(?P<found>found/(?P<fo>[0-9A-Za-z_-]{2})/(?P=fo)[0-9A-Za-z_-]{20})"
    r"(\.png|\.(small|medium)\.webp)(?P<found_part>\.part)?"
)
"""The only names this service gives. The folder may hold a person's other pictures, which are none of its business."""


class BadPicture(GenerationFailed):
    """The worker sent an image that cannot be read."""

    def __init__(self) -> None:
        """It would be so the next time too."""
        super().__init__(reason="BAD_IMAGE", message="The worker sent an image that cannot be read.")


class NotStored(GenerationFailed):
    """An image could not be written; what was not delivered is not charged."""

    def __init__(self) -> None:
        """Another worker's image would not fit either."""
        super().__init__(reason="IMAGE_NOT_STORED", message="The image could not be stored; the disk may be full.")


class ImageFiles:
    """The files of finished images in one storage."""

    def __init__(self, storage: Storage) -> None:
        """Nothing is touched yet."""
        self._storage = storage

    async def save(self, picture: Picture, *, task_id: str, index: int, attempt: int, parameters: Parameters) -> Image:
        """Keep an image and its thumbnails. Raises BadPicture, and NotStored when the storage does not take it."""
        path = f"{task_id[:2]}/{task_id}/{index}-{attempt}.png"
        try:
            data = await asyncio.to_thread(self._save, path, picture, parameters)
        except OSError as error:
            log.exception("image not stored", path=path)
            with contextlib.suppress(OSError):
                await self.remove(path)
            raise NotStored from error
        return Image(
            image_id=shortuuid.uuid(),
            index=index,
            path=path,
            seed=picture.seed,
            width=picture.width,
            height=picture.height,
            bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            created=dt.datetime.now(dt.UTC),
        )

    async def keep(self, path: str, png: bytes) -> None:
        """Keep a picture that was checked, with its thumbnails. Raises OSError when the storage does not take it."""
        try:
            await asyncio.to_thread(self._keep, path, png)
        except OSError:
            with contextlib.suppress(OSError):
                await self.remove(path)
            raise

    async def remove(self, path: str) -> None:
        """Remove an image that no row speaks of, with its thumbnails; what is gone already is no error."""
        for each in (*(_thumbnail_path(path, size) for size in SIDES), path):
            await asyncio.to_thread(self._storage.remove, each)

    async def open(self, image: Image, size: Size) -> tuple[Image, AsyncGenerator[bytes, None]]:
        """What the file of that size is, and the file in pieces of at most 1 MiB.

        Raises ImageNotFound when it is gone; the pieces raise ImageDamaged, before the last of them, when it has
        changed since it was stored.
        """
        if size is Size.ORIGINAL:
            return image, self._pieces(image)
        data, width, height = await asyncio.to_thread(self._thumbnail, image, size)
        digest = hashlib.sha256(data).hexdigest()
        about = replace(image, width=width, height=height, bytes=len(data), sha256=digest, content_type=WEBP)
        return about, _one(data)

    async def whole(self, image: Image) -> bytes:
        """The image's file. Raises ImageNotFound, and ImageDamaged when it has changed since it was stored."""
        return b"".join([piece async for piece in self._pieces(image)])

    async def older_than(self, seconds: float) -> AsyncIterator[Mapping[str, str]]:
        """Files of ours last written longer ago, in batches: what a sweep for orphans looks at.

        Each comes with the image that it belongs to: it is an orphan where no row speaks of that.
        """
        walk = self._walk(time.time() - seconds)
        while batch := await asyncio.to_thread(next, walk, None):
            yield batch

    async def remove_file(self, path: str) -> None:
        """Remove a single file."""
        await asyncio.to_thread(self._storage.remove, path)

    def _walk(self, before: float) -> Iterator[Mapping[str, str]]:
        batch: dict[str, str] = {}
        for path, written in self._storage.files(_DEPTH):
            named = _OURS.fullmatch(path)
            if named is None or written >= before:
                continue
            # A file that was never finished belongs to no image, whatever rows there are.
            unfinished = named["part"] or named["upload_part"] or named["found_part"]
            batch[path] = "" if unfinished else f"{named['image'] or named['upload'] or named['found']}.png"
            if len(batch) == SWEEP_BATCH:
                yield batch
                batch = {}
        if batch:
            yield batch

    def _pieces(self, image: Image) -> AsyncGenerator[bytes, None]:
        return reading.checked(lambda: self._open(image.path), image.path, image.sha256)

    def _open(self, path: str) -> BinaryIO:
        try:
            return self._storage.open(path)
        except FileNotFoundError as error:
            raise ImageNotFound from error

    def _save(self, path: str, picture: Picture, parameters: Parameters) -> bytes:
        thumbnails = _checked(picture)
        chunks = png_text.text_chunks(parameters, seed=picture.seed, width=picture.width, height=picture.height)
        data = png_text.with_text(picture.data, chunks)
        self._write(path, data, thumbnails)
        return data

    def _keep(self, path: str, png: bytes) -> None:
        with PIL.Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            thumbnails = {size: _webp(image, side) for size, side in SIDES.items()}
        self._write(path, png, thumbnails)

    def _write(self, path: str, png: bytes, thumbnails: Mapping[Size, bytes]) -> None:
        for size, thumbnail in thumbnails.items():
            self._storage.write(_thumbnail_path(path, size), thumbnail)
        self._storage.write(path, png)

    def _thumbnail(self, image: Image, size: Size) -> tuple[bytes, int, int]:
        path = _thumbnail_path(image.path, size)
        try:
            with self._storage.open(path) as file:
                data = file.read()
        except FileNotFoundError:
            # From before there were thumbnails; the next reader finds it.
            with self._open(image.path) as file, PIL.Image.open(io.BytesIO(file.read()), formats=["PNG"]) as opened:
                data = _webp(opened, SIDES[size])
            self._storage.write(path, data)
        with PIL.Image.open(io.BytesIO(data), formats=["WEBP"]) as opened:
            return data, opened.width, opened.height


async def _one(data: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(data), reading.CHUNK_BYTES):
        yield data[start : start + reading.CHUNK_BYTES]


def _thumbnail_path(path: str, size: Size) -> str:
    return f"{path.removesuffix('.png')}.{size}.webp"


def _checked(picture: Picture) -> Mapping[Size, bytes]:
    """The thumbnails of a picture that is what it claims to be. Raises BadPicture."""
    try:
        with PIL.Image.open(io.BytesIO(picture.data), formats=["PNG"]) as image:
            # The size is known before anything is unpacked.
            if image.size != (picture.width, picture.height):
                raise BadPicture
            # Every chunk to the last; after it the file must be opened anew to be decoded.
            image.verify()
        with PIL.Image.open(io.BytesIO(picture.data), formats=["PNG"]) as image:
            image.load()
            return {size: _webp(image, side) for size, side in SIDES.items()}
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise BadPicture from error


def _webp(image: PIL.Image.Image, side: int) -> bytes:
    """The picture no larger than `side`, and never enlarged."""
    small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small.thumbnail((side, side), PIL.Image.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, "WEBP", quality=WEBP_QUALITY, method=4)
    return file.getvalue()
