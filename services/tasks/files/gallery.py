"""The gallery: what people publish of their own, what was found in the data folder, and what staff hide of it.

What is hidden is a picture, not an entry: whoever publishes the same file again, or puts it into the data folder under
another name, does not bring it back. Knows nothing of where entries are kept.
"""

import datetime as dt
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import shortuuid

from services.foundation import logs
from services.foundation.errors import NotAllowed
from services.tasks import identifiers
from services.tasks.asking.ingredients import Parameters
from services.tasks.errors import GalleryImageNotFound, ImageNotFound
from services.tasks.machine.deeds import check_reason
from services.tasks.ports import Announcer, stored
from services.tasks.values import Image, Size, Task

log = logs.logger(__name__)
DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 100


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who looks at the gallery."""

    user_id: str = ""
    """Empty for somebody who has not signed in."""
    staff: bool = False
    """May see what is hidden, and whose each picture is."""


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What a member of staff said of a picture."""

    hidden: bool
    """Whether it is hidden, or was restored."""
    staff_id: str
    """Who said so; empty once that account is deleted."""
    reason: str
    """Why."""
    ruled: dt.datetime
    """When."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A picture in the gallery."""

    gallery_id: str
    """Opaque id; tells nothing of the image's."""
    user_id: str
    """Whose it is; empty for a picture that was found."""
    image_id: str
    """The image's own id, which is its owner's business alone; empty for a picture that was found."""
    image: Image
    """Its file."""
    parameters: Parameters | None
    """What it was made with, its own seed and one sample; None where nobody knows."""
    published: dt.datetime
    """When it was published or found."""
    ruling: Ruling | None = None
    """What staff last said of it."""

    @property
    def hidden(self) -> bool:
        """Whether staff alone see it."""
        return self.ruling is not None and self.ruling.hidden


class Rows(Protocol):
    """The gallery as the ledger keeps it; `store.gallery.Gallery` says what each call does."""

    async def publish(self, user_id: str, image_id: str, *, gallery_id: str) -> tuple[Entry, Task | None]: ...
    async def unpublish(self, user_id: str, image_id: str) -> Task | None: ...
    async def page(
        self, *, before: int | None, size: int, include_hidden: bool
    ) -> tuple[Sequence[Entry], int | None]: ...
    async def find(self, gallery_id: str) -> Entry | None: ...
    async def rule(
        self, gallery_id: str, *, hidden: bool, staff_id: str, reason: str
    ) -> tuple[Entry, Sequence[Task]]: ...


class Files(Protocol):
    """Image files, as the gallery shows them."""

    async def open(self, image: Image, size: Size) -> tuple[Image, AsyncGenerator[bytes, None]]:
        """What the file of that size is, and the file in pieces. Raises ImageNotFound when it is gone."""
        ...


class Gallery:
    """Publishes, shows and hides."""

    def __init__(self, *, rows: Rows, files: Files, announcer: Announcer) -> None:
        """`announcer` hears of each task whose images stand otherwise."""
        self._rows = rows
        self._files = files
        self._announcer = announcer

    async def publish(self, user_id: str, image_id: str) -> Entry:
        """Put an image of the owner's into the gallery; one that is there stays. Raises ImageNotFound."""
        if not identifiers.possible(image_id):
            raise ImageNotFound
        entry, changed = await self._rows.publish(user_id, image_id, gallery_id=shortuuid.uuid())
        if changed is not None:
            self._announcer.announce(stored(changed))
        return entry

    async def unpublish(self, user_id: str, image_id: str) -> None:
        """Take an image of the owner's out of the gallery, if it is there. Raises ImageNotFound."""
        if not identifiers.possible(image_id):
            raise ImageNotFound
        if (changed := await self._rows.unpublish(user_id, image_id)) is not None:
            self._announcer.announce(stored(changed))

    async def page(
        self, visitor: Visitor, *, before: int | None, size: int, include_hidden: bool
    ) -> tuple[Sequence[Entry], int | None]:
        """A page, newest first; `size` 0 means 20, more than 100 are never given. Raises NotAllowed."""
        if include_hidden and not visitor.staff:
            raise NotAllowed("Only staff see what is hidden.")
        return await self._rows.page(
            before=before, size=min(size or DEFAULT_PAGE, MAX_PAGE), include_hidden=include_hidden
        )

    async def get(self, visitor: Visitor, gallery_id: str) -> Entry:
        """What is known of a picture. Raises GalleryImageNotFound, also for a hidden one unless staff ask."""
        entry = await self._rows.find(gallery_id) if identifiers.possible(gallery_id) else None
        if entry is None or (entry.hidden and not visitor.staff):
            raise GalleryImageNotFound
        return entry

    async def open(self, visitor: Visitor, gallery_id: str, size: Size) -> tuple[Image, AsyncGenerator[bytes, None]]:
        """What the file of that size is, and the file in pieces. Raises GalleryImageNotFound."""
        entry = await self.get(visitor, gallery_id)
        try:
            return await self._files.open(entry.image, size)
        except ImageNotFound as error:
            raise GalleryImageNotFound from error

    async def hide(self, staff_id: str, gallery_id: str, reason: str) -> Entry:
        """Hide a picture; one that is hidden stays as it is. Raises InvalidInput and GalleryImageNotFound."""
        return await self._rule(gallery_id, hidden=True, staff_id=staff_id, reason=reason)

    async def restore(self, staff_id: str, gallery_id: str, reason: str) -> Entry:
        """Show it again; one that is not hidden stays as it is. Raises InvalidInput and GalleryImageNotFound."""
        return await self._rule(gallery_id, hidden=False, staff_id=staff_id, reason=reason)

    async def _rule(self, gallery_id: str, *, hidden: bool, staff_id: str, reason: str) -> Entry:
        check_reason(reason)
        if not identifiers.possible(gallery_id):
            raise GalleryImageNotFound
        entry, changed = await self._rows.rule(gallery_id, hidden=hidden, staff_id=staff_id, reason=reason)
        log.info("gallery ruling", gallery_id=gallery_id, hidden=hidden, staff_id=staff_id, tasks=len(changed))
        for task in changed:
            self._announcer.announce(stored(task))
        return entry
