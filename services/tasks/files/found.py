"""Pictures that somebody puts into the data folder's gallery: found by looking, checked like uploads, shown as copies.

What is shown is a plain PNG made from the file, never the file: it may lie about what it is, tell where it was taken,
or be another one by the time it is read. What a PNG of ours says of its settings is kept.
"""

import asyncio
import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, Protocol

import shortuuid

from services.foundation import logs
from services.tasks.asking.ingredients import Parameters
from services.tasks.errors import PictureRefused
from services.tasks.files import pictures, png_text
from services.tasks.files.intake import MOST_BYTES
from services.tasks.files.storage import Listed, Storage

log = logs.logger(__name__)
FOLDER: Final = "gallery"
ENDINGS: Final = frozenset({".png", ".jpg", ".jpeg", ".webp"})
"""Other files are somebody's notes; nobody is told of them."""
MOST_PATH_CHARS: Final = 512
LOOK_SECONDS: Final = 60.0
BATCH: Final = 200


@dataclass(frozen=True, kw_only=True)
class Made:
    """The picture that was made from a file."""

    gallery_id: str
    """What its entry is to be called."""
    kept: str
    """Its own file, relative to the images' place."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    bytes: int
    """Size of its own file."""
    sha256: str
    """Of its own file, in lower-case hexadecimal."""
    parameters: Parameters | None
    """What the file says that it was made with."""


class Rows(Protocol):
    """What became of each file; `store.found.FoundFiles` says what each call does."""

    async def now(self) -> dt.datetime: ...
    async def stamps(self, paths: Sequence[str]) -> Mapping[str, str]: ...
    async def show(self, path: str, stamp: str, made: Made) -> Sequence[str]: ...
    async def refuse(self, path: str, stamp: str, why: str) -> Sequence[str]: ...
    async def before(self, time: dt.datetime, *, after: str, size: int) -> Sequence[str]: ...
    async def forget(self, paths: Sequence[str]) -> Sequence[str]: ...


class Files(Protocol):
    """Where the pictures that are made go."""

    async def keep(self, path: str, png: bytes) -> None:
        """Keep a picture and its thumbnails. Raises OSError."""
        ...

    async def remove(self, path: str) -> None:
        """Remove it with its thumbnails."""
        ...


class DataFolder:
    """Looks into the folder again and again, on every replica; what becomes of a file is one transaction."""

    def __init__(self, *, rows: Rows, storage: Storage, files: Files, every_seconds: float = LOOK_SECONDS) -> None:
        """`every_seconds` between two looks. Nothing is touched yet."""
        self._rows = rows
        self._storage = storage
        self._files = files
        self._every = every_seconds
        self._told: set[str] = set()

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("the gallery folder was not looked through; it is tried again", folder=FOLDER)
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Take in what is new or has changed, and let go of what is gone.

        Raises OSError when the folder cannot be listed or a copy cannot be kept; nothing then counts as gone.
        """
        began = await self._rows.now()
        there: set[str] = set()
        walk = self._walk()
        while batch := await asyncio.to_thread(next, walk, None):
            there.update(batch)
            known = await self._rows.stamps(list(batch))
            for path, listed in batch.items():
                if known.get(path) != listed.stamp:
                    await self._take(listed)
        await self._forget_all_but(there, began)

    async def _take(self, listed: Listed) -> None:
        try:
            data, picture = await asyncio.to_thread(self._read, listed)
        except FileNotFoundError:
            # It is being written, or gone already: the next look tells.
            return
        except PictureRefused as refused:
            log.warning("a file in the gallery folder is not shown", path=listed.path, why=refused.message)
            await self._remove(await self._rows.refuse(listed.path, listed.stamp, refused.message))
            return
        except OSError as error:
            self._tell_once(listed.path, repr(error))
            return
        parameters = png_text.read(data)
        png = picture.data
        if parameters is not None and parameters.seed is not None:
            chunks = png_text.text_chunks(
                parameters, seed=parameters.seed, width=parameters.width, height=parameters.height
            )
            png = png_text.with_text(png, chunks)
        name = shortuuid.uuid()
        made = Made(
            gallery_id=shortuuid.uuid(),
            kept=f"found/{name[:2]}/{name}.png",
            width=picture.width,
            height=picture.height,
            bytes=len(png),
            sha256=hashlib.sha256(png).hexdigest(),
            parameters=parameters,
        )
        # The file first, as everywhere; a crash between the two leaves an orphan for the sweep.
        await self._files.keep(made.kept, png)
        await self._remove(await self._rows.show(listed.path, listed.stamp, made))

    def _read(self, listed: Listed) -> tuple[bytes, pictures.Plain]:
        if listed.bytes > MOST_BYTES:
            raise PictureRefused(f"The file is too large; {MOST_BYTES // 2**20} MB are allowed.")
        data = self._storage.take(listed)
        return data, pictures.plain(data)

    async def _forget_all_but(self, there: set[str], began: dt.datetime) -> None:
        after = ""
        # What another replica has found since is not gone.
        while known := await self._rows.before(began, after=after, size=BATCH):
            after = known[-1]
            if gone := [path for path in known if path not in there]:
                await self._remove(await self._rows.forget(gone))

    async def _remove(self, kept: Sequence[str]) -> None:
        # The rows are gone; a crash here leaves files that the sweep finds.
        for path in kept:
            await self._files.remove(path)

    def _walk(self) -> Iterator[Mapping[str, Listed]]:
        batch: dict[str, Listed] = {}
        for listed in self._storage.listed(FOLDER):
            name = PurePosixPath(listed.path)
            if name.suffix.lower() not in ENDINGS or name.name.startswith("."):
                continue
            if not _storable(listed.path):
                self._tell_once(listed.path, "its name is too long or is no text")
                continue
            batch[listed.path] = listed
            if len(batch) == BATCH:
                yield batch
                batch = {}
        if batch:
            yield batch

    def _tell_once(self, path: str, why: str) -> None:
        if path not in self._told:
            self._told.add(path)
            log.warning("a file in the gallery folder cannot be read", path=ascii(path), why=why)


def _storable(path: str) -> bool:
    # A folder may hold names that are no UTF-8, and a bucket names with anything in them.
    return len(path) <= MOST_PATH_CHARS and path.isprintable()
