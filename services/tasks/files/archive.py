"""Images as one ZIP file, made while it is sent: one image at a time is in memory, however many there are."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from zipstream import ZipStream  # type: ignore[import-untyped]

from services.foundation import logs
from services.foundation.errors import FieldViolation, InvalidInput
from services.tasks import identifiers
from services.tasks.errors import ImageDamaged, ImageNotFound, NoImages
from services.tasks.values import NO_SEED, Image

log = logs.logger(__name__)
MOST_SELECTED: Final = 1000
PAGE: Final = 200
PIECE_BYTES: Final = 1024 * 1024
MISSING: Final = "not in this archive.txt"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What an archive will hold."""

    images: int
    """How many."""
    bytes: int
    """Of their files together; the archive itself is a little larger."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which images are meant: those of one owner that fit everything that is said here."""

    user_id: str
    """Whose."""
    session_id: str = ""
    """Of this session; empty for every one."""
    image_ids: tuple[str, ...] = ()
    """These alone; empty for all."""


class Rows(Protocol):
    """Images as the ledger lists them; `store.images.Images` says what each call does."""

    async def totals(self, choice: Choice) -> tuple[int, int]: ...
    async def chosen(self, choice: Choice, *, after: int, size: int) -> tuple[Sequence[Image], int | None]: ...


class Files(Protocol):
    """Image files."""

    async def whole(self, image: Image) -> bytes:
        """The file. Raises ImageNotFound, and ImageDamaged when it has changed since it was stored."""
        ...


class Archive:
    """Packs images for their owner."""

    def __init__(self, *, rows: Rows, files: Files) -> None:
        """Nothing is read yet."""
        self._rows = rows
        self._files = files

    async def open(self, choice: Choice) -> tuple[Contents, AsyncGenerator[bytes, None]]:
        """What the archive will hold, and the archive in pieces of at most 1 MiB.

        Raises InvalidInput, NoImages, and ImageNotFound when one of those named is not the owner's.
        """
        identifiers.check_session(choice.session_id)
        if len(choice.image_ids) > MOST_SELECTED:
            wrong = f"At most {MOST_SELECTED} images can be chosen by name; leave image_ids empty for all of them."
            raise InvalidInput.of(FieldViolation(field="image_ids", description=wrong))
        if not all(identifiers.possible(each) for each in choice.image_ids):
            raise ImageNotFound
        images, size = await self._rows.totals(choice)
        if images < len(set(choice.image_ids)):
            raise ImageNotFound
        if not images:
            raise NoImages
        return Contents(images=images, bytes=size), self._pieces(choice)

    async def _pieces(self, choice: Choice) -> AsyncGenerator[bytes, None]:
        # PNG does not compress any further, so the files are stored as they are.
        packed = ZipStream()
        missing: list[str] = []
        after: int | None = 0
        while after is not None:
            images, after = await self._rows.chosen(choice, after=after, size=PAGE)
            for image in images:
                name = _name(image)
                try:
                    data = await self._files.whole(image)
                except (ImageNotFound, ImageDamaged) as error:
                    # One broken file is no reason to withhold the others; that it is missing is said inside.
                    log.warning("image left out of an archive", image_id=image.image_id, error=repr(error))
                    missing.append(name)
                    continue
                packed.add(_cut(data), name, size=len(data))
                for piece in packed.all_files():
                    yield piece
        if missing:
            packed.add("These files cannot be read any more:\n" + "\n".join(missing) + "\n", MISSING)
        for piece in packed.finalize():
            yield piece


def _cut(data: bytes) -> Sequence[bytes]:
    return [data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES)]


def _name(image: Image) -> str:
    # The date puts them in order, the seed is what people look for, the id keeps names apart.
    seed = "imported" if image.seed == NO_SEED else image.seed
    return f"{image.created:%Y-%m-%d_%H%M%S}_{seed}_{image.image_id[:8]}.png"
