"""Deletes single images for their owners: the row first, then the files, so that a crash leaves nothing but orphans."""

from typing import Final, Protocol

from services.foundation import logs
from services.tasks import identifiers
from services.tasks.errors import ImageNotFound
from services.tasks.ports import Announcer, stored
from services.tasks.values import Task

log: Final = logs.logger(__name__)


class Rows(Protocol):
    """Images as the ledger keeps them; `store.images.Images` says what the call does."""

    async def delete(self, user_id: str, image_id: str) -> tuple[Task, str]: ...


class Files(Protocol):
    """Image files."""

    async def remove(self, path: str) -> None:
        """Remove an image that no row speaks of, with its thumbnails. Raises OSError."""
        ...


class Removal:
    """Deletes images."""

    def __init__(self, *, rows: Rows, files: Files, announcer: Announcer) -> None:
        """`announcer` hears of each task that has an image less."""
        self._rows = rows
        self._files = files
        self._announcer = announcer

    async def delete(self, user_id: str, image_id: str) -> Task:
        """Delete an image of one of the owner's tasks; the task after it. Raises ImageNotFound, for another's too."""
        if not identifiers.possible(image_id):
            raise ImageNotFound
        task, path = await self._rows.delete(user_id, image_id)
        self._announcer.announce(stored(task))
        try:
            await self._files.remove(path)
        except OSError as error:
            # It is deleted all the same: no row speaks of the files, so the sweep takes them when it can.
            log.warning("files of a deleted image stay until the sweep", path=path, error=repr(error))
        return task
