"""Image files: checked, given their settings as text, and written so that no power cut leaves half of one."""

import asyncio
import contextlib
import hashlib
import importlib.metadata
import io
import json
import os
import re
import stat
import struct
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final

import PIL.Image
import shortuuid

from services.foundation import database, logs
from services.tasks.errors import GenerationFailed, ImageNotFound
from services.tasks.generation import Picture
from services.tasks.values import Image, Parameters

log = logs.logger(__name__)
CHUNK_BYTES: Final = 1024 * 1024
VERSION: Final = importlib.metadata.version("daydream")
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEADER_END: Final = len(_SIGNATURE) + 25
"""The signature and IHDR, which is always first and always 25 bytes."""
_PART: Final = ".part"
_OURS: Final = re.compile(r"(?P<first>[0-9A-Za-z_-]{2})/(?P=first)[0-9A-Za-z_-]{20}/[0-9]+-[0-9]+\.png(\.part)?")
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


class ImageFolder:
    """Image files below one folder, named after task, index and attempt so that no two attempts share a file."""

    def __init__(self, folder: Path) -> None:
        """The folder is made when the first image comes."""
        self._folder = folder

    async def save(self, picture: Picture, *, task_id: str, index: int, attempt: int, parameters: Parameters) -> Image:
        """Write an image safely. Raises BadPicture, and NotStored when the disk does not take it."""
        path = f"{task_id[:2]}/{task_id}/{index}-{attempt}.png"
        try:
            data = await asyncio.to_thread(self._save, path, picture, parameters)
        except OSError as error:
            log.exception("image not stored", path=path)
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
            created=database.utc_now(),
        )

    async def remove(self, path: str) -> None:
        """Remove a file that no row speaks of; one that is gone already is no error."""
        await asyncio.to_thread((self._folder / path).unlink, missing_ok=True)

    async def read(self, image: Image) -> AsyncGenerator[bytes, None]:
        """The file in pieces of at most 1 MiB. Raises ImageNotFound when it is gone."""
        try:
            file = await asyncio.to_thread((self._folder / image.path).open, "rb")
        except FileNotFoundError as error:
            raise ImageNotFound from error
        try:
            while piece := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield piece
        finally:
            file.close()

    async def older_than(self, seconds: float) -> AsyncIterator[Sequence[str]]:
        """Paths of the files of ours last written longer ago, in batches: what a sweep for orphans looks at."""
        walk = self._walk(time.time() - seconds)
        while batch := await asyncio.to_thread(next, walk, ()):
            yield batch

    def _walk(self, before: float) -> Iterator[Sequence[str]]:
        batch: list[str] = []
        for path in self._folder.glob("*/*/*"):
            name = path.relative_to(self._folder).as_posix()
            if _OURS.fullmatch(name) is None:
                continue
            # A file may be renamed or removed while the walk goes on.
            with contextlib.suppress(FileNotFoundError):
                about = path.lstat()
                if stat.S_ISREG(about.st_mode) and about.st_mtime < before:
                    batch.append(name)
            if len(batch) == 200:
                yield batch
                batch = []
        if batch:
            yield batch

    def _save(self, path: str, picture: Picture, parameters: Parameters) -> bytes:
        _check(picture)
        data = with_text(picture.data, text_chunks(parameters, picture))
        target = self._folder / path
        for folder in _missing(target.parent):
            folder.mkdir(exist_ok=True)
            _sync_folder(folder.parent)
        aside = target.with_name(f"{target.name}{_PART}")
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
        # Without this the name, unlike the bytes, could be lost in a power cut.
        _sync_folder(target.parent)
        return data


def _missing(folder: Path) -> list[Path]:
    return [each for each in reversed((folder, *folder.parents)) if not each.exists()]


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _check(picture: Picture) -> None:
    try:
        with PIL.Image.open(io.BytesIO(picture.data), formats=["PNG"]) as image:
            # The size is known before anything is unpacked.
            if image.size != (picture.width, picture.height):
                raise BadPicture
            # Every chunk to the last; after it the file must be opened anew to be decoded.
            image.verify()
        with PIL.Image.open(io.BytesIO(picture.data), formats=["PNG"]) as image:
            image.load()
    except (OSError, ValueError, SyntaxError, PIL.Image.DecompressionBombError) as error:
        raise BadPicture from error


def text_chunks(parameters: Parameters, picture: Picture) -> dict[str, str]:
    """What an image says of itself: `parameters` as common tools read it, and `daydream`, the same as JSON."""
    settings = {
        "Steps": parameters.steps,
        "Sampler": parameters.sampler,
        "CFG scale": f"{parameters.guidance:g}",
        "Seed": picture.seed,
        "Size": f"{picture.width}x{picture.height}",
        "Model": parameters.model,
        "Version": f"daydream {VERSION}",
    }
    lines = [parameters.prompt]
    if parameters.negative_prompt:
        lines.append(f"Negative prompt: {parameters.negative_prompt}")
    lines.append(", ".join(f"{name}: {value}" for name, value in settings.items()))
    exact = {
        "prompt": parameters.prompt,
        "negative_prompt": parameters.negative_prompt,
        "model": parameters.model,
        "sampler": parameters.sampler,
        "steps": parameters.steps,
        "guidance": parameters.guidance,
        "width": picture.width,
        "height": picture.height,
        "seed": picture.seed,
        "version": VERSION,
    }
    return {"parameters": "\n".join(lines), "daydream": json.dumps(exact)}


def with_text(png: bytes, chunks: dict[str, str]) -> bytes:
    """The file with text chunks after its header; not one pixel is encoded again."""
    packed = b"".join(_chunk(keyword, text) for keyword, text in chunks.items())
    return png[:_HEADER_END] + packed + png[_HEADER_END:]


def _chunk(keyword: str, text: str) -> bytes:
    try:
        kind, body = b"tEXt", keyword.encode("latin-1") + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        # iTXt: not compressed, no language, no translated keyword.
        kind, body = b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode()
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
