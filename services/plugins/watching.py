"""Looks for changes of tasks that somebody watches: one statement for all of them, however many streams there are."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

import sqlalchemy as sa
from flask import Flask
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask

from services.foundation import logs

log = logs.logger(__name__)
LOOK_SECONDS: Final = 0.5
AT_ONCE: Final = 500
GONE: Final = -1
"""The revision of a task that is not there (any more)."""


class Watch:
    """Every watched task of this process; used with `async with`."""

    def __init__(self, flask: Flask, *, every: float = LOOK_SECONDS) -> None:
        """`every` so many seconds it looks."""
        self._flask, self._every = flask, every
        self._watchers: defaultdict[str, set[Watcher]] = defaultdict(set)
        # Threads of its own: those that serve requests may all be waiting for plugins.
        self.threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="watch")
        self.closing = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to look."""
        self._looking = asyncio.create_task(self._look())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Look no longer."""
        self.close()
        if self._looking is not None:
            self._looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._looking
        self.threads.shutdown(wait=False)

    def close(self) -> None:
        """End every stream now; the process is about to stop."""
        self.closing.set()
        for watchers in self._watchers.values():
            for each in watchers:
                each.changed.set()

    @contextlib.contextmanager
    def of(self, task_id: str) -> "Iterator[Watcher]":
        """Watch one task, by its public id, while the block lasts."""
        watcher = Watcher()
        self._watchers[task_id].add(watcher)
        try:
            yield watcher
        finally:
            self._watchers[task_id].discard(watcher)
            if not self._watchers[task_id]:
                del self._watchers[task_id]

    async def _look(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(self._every)
            for some in batched_ids(list(self._watchers)):
                try:
                    revisions = await loop.run_in_executor(self.threads, self._revisions, some)
                except sa.exc.SQLAlchemyError as error:
                    log.warning("no news of tasks", error=repr(error))
                    continue
                for task_id in some:
                    for watcher in self._watchers.get(task_id, ()):
                        watcher.saw(revisions.get(task_id, GONE))

    def _revisions(self, task_ids: Sequence[str]) -> dict[str, int]:
        with self._flask.app_context(), DB.engine.connect() as connection:
            asked = sa.select(ProcessingTask.public_id, ProcessingTask.revision).where(
                ProcessingTask.public_id.in_(task_ids)
            )
            return {row.public_id: row.revision for row in connection.execute(asked)}


class Watcher:
    """One stream's view of its task."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.revision: int | None = None
        self.changed = asyncio.Event()

    def saw(self, revision: int) -> None:
        """Note the revision that the database has."""
        if revision != self.revision:
            self.revision = revision
            self.changed.set()


def batched_ids(task_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Pieces that fit into one statement."""
    for first in range(0, len(task_ids), AT_ONCE):
        yield task_ids[first : first + AT_ONCE]
