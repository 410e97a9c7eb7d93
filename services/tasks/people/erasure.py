"""Removes everything of one person: what others can see first, then the files, then the rows that spoke of them.

Each step is a transaction of its own over a bounded number of rows, and finds out anew what there is to do. So it may
be called again after a crash at any point, by any replica, or by two at once. Files go before their rows here, unlike
everywhere else: as long as a file is there a row knows of it, and who is told that nothing is left can believe it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from services.foundation import logs
from services.tasks.ports import Announcer, stored
from services.tasks.states import State
from services.tasks.values import Task

log = logs.logger(__name__)
BATCH: Final = 20
"""Tasks, each with ten images at most, or uploads: what one transaction is about."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A row with the files that go with it."""

    name: str
    """The task's id, or the upload's."""
    paths: tuple[str, ...]
    """Its images' files, or its own."""


class Rows(Protocol):
    """What a person has; `store.erasure.ErasureRows` says what each call does."""

    async def unpublish(self, user_id: str, *, most: int) -> bool: ...
    async def unlink(self, user_id: str) -> None: ...
    async def forget_rulings(self, user_id: str) -> None: ...
    async def unended(self, user_id: str) -> Sequence[tuple[str, State]]: ...
    async def finished(self, user_id: str, *, most: int) -> Sequence[Part]: ...
    async def remove_tasks(self, user_id: str, task_ids: Sequence[str]) -> None: ...
    async def uploads(self, user_id: str, *, most: int) -> Sequence[Part]: ...
    async def remove_uploads(self, user_id: str, upload_ids: Sequence[str]) -> None: ...
    async def close(self, user_id: str) -> bool: ...


class Tasks(Protocol):
    """What stops tasks; `store.tasks.Tasks` says what each call does."""

    async def cancel(self, user_id: str, task_id: str) -> Task | None: ...
    async def undo(self, task_id: str) -> bool: ...


class Files(Protocol):
    """The files of images and uploads."""

    async def remove(self, path: str) -> None:
        """Remove an image's file with its thumbnails; what is gone already is no error. Raises OSError."""
        ...


class Erasure:
    """Erases people."""

    def __init__(
        self, *, rows: Rows, tasks: Tasks, files: Files, announcer: Announcer, settle_now: Callable[[], None]
    ) -> None:
        """`announcer` tells those who run the tasks; `settle_now` wakes the relay that settles them."""
        self._rows = rows
        self._tasks = tasks
        self._files = files
        self._announcer = announcer
        self._settle_now = settle_now

    async def erase(self, user_id: str) -> bool:
        """Remove what can be removed by now; whether nothing of the person is left.

        Else it is to be called again in a while: a worker has yet to stop, auth to settle a task, or JetStream to take
        the event that tells of its end. Raises Unavailable and OSError; what was removed by then stays removed.
        """
        while await self._rows.unpublish(user_id, most=BATCH):
            pass
        await self._rows.unlink(user_id)
        await self._rows.forget_rulings(user_id)
        await self._stop(user_id)
        while uploads := await self._rows.uploads(user_id, most=BATCH):
            await self._remove_files(uploads)
            await self._rows.remove_uploads(user_id, [upload.name for upload in uploads])
        while tasks := await self._rows.finished(user_id, most=BATCH):
            await self._remove_files(tasks)
            await self._rows.remove_tasks(user_id, [task.name for task in tasks])
        done = await self._rows.close(user_id)
        log.info("person erased" if done else "person not erased yet", user_id=user_id)
        return done

    async def _stop(self, user_id: str) -> None:
        for task_id, state in await self._rows.unended(user_id):
            if state is State.PENDING:
                # One that is just being accepted is cancelled the next time.
                await self._tasks.undo(task_id)
            elif (task := await self._tasks.cancel(user_id, task_id)) is not None:
                self._announcer.announce(stored(task))
        # Also for what had ended before, in case the relay is waiting between two tries.
        self._settle_now()

    async def _remove_files(self, parts: Sequence[Part]) -> None:
        for part in parts:
            for path in part.paths:
                await self._files.remove(path)
