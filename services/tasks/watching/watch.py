"""Following tasks: full state first, then what changes, coalesced for whoever reads slowly.

Revisions cover what is stored; progress lies beyond them. So who resumes gets, after the tasks that are newer, the
progress of those that have not ended. With NATS away the ledger is read every second, which other replicas write to.

No stream outlives the right to it: it ends with its caller's session, which is told by NATS, and with the identity
token it was opened with at the latest, so that whoever lost their right while NATS was away keeps it for minutes only.
Who acts for a person does so whether their session is over or not, and follows until the token is.
"""

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Final

from services.foundation.errors import FieldViolation, InvalidInput, Unavailable
from services.tasks import identifiers
from services.tasks.errors import SessionEnded, TaskNotFound, TokenExpired
from services.tasks.people.presence import Lease, Presence
from services.tasks.ports import TaskStore
from services.tasks.queue.lineup import Lineup
from services.tasks.states import State
from services.tasks.values import Changes, Progress, Task, View
from services.tasks.watching.board import Board, Viewer, Watcher

MOST_TASKS: Final = 100
CONNECTED_LOOK_SECONDS: Final = 10.0
"""Core NATS may drop a message; a look this often makes up for it."""
AWAY_LOOK_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Update:
    """One message of a stream."""

    views: tuple[View, ...]
    """The tasks that changed, in full."""
    revision: int
    """Resume with this."""


@dataclass(frozen=True, kw_only=True)
class _Told:
    attempt: int
    progress: Progress | None
    previews: int


class Watching:
    """Opens streams of updates."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        board: Board,
        lineup: Lineup,
        presence: Presence,
        connected: Callable[[], bool],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`connected` says whether changes on other replicas are heard of; `now` gives seconds since 1970."""
        self._tasks = tasks
        self._board = board
        self._lineup = lineup
        self._presence = presence
        self._connected = connected
        self._now = now

    async def session(
        self, viewer: Viewer, session_id: str, after: int, *, present: bool = False
    ) -> AsyncGenerator[Update, None]:
        """All tasks of a session, or of the viewer when it is empty, until the caller leaves.

        `present` keeps the viewer's own session present as long. Raises InvalidInput; TokenExpired and SessionEnded.
        """
        identifiers.check_session(session_id)
        _check(after)

        async def read(revision: int) -> Changes:
            return await self._tasks.changes(viewer.user_id, session_id=session_id, after=revision, limit=MOST_TASKS)

        unended, _ = await self._tasks.page(
            viewer.user_id, session_id=session_id, states=(State.QUEUED, State.RUNNING), before=None, size=MOST_TASKS
        )
        here = present and viewer.session_id
        lease = self._presence.lease(viewer.user_id, viewer.session_id) if here else None
        with self._board.join(viewer) as watcher:
            stream = _Stream(self, watcher, read, after, unended, lease=lease)
            async with aclosing(stream.updates(always_first=True)) as updates:
                async for update in updates:
                    yield update

    async def task(self, viewer: Viewer, task_id: str, after: int) -> AsyncGenerator[View, None]:
        """One task, to its end. Raises InvalidInput and TaskNotFound; TokenExpired and SessionEnded."""
        _check(after)

        async def read(revision: int) -> Changes:
            task = None
            if identifiers.possible(task_id):
                task = await self._tasks.get(viewer.user_id, task_id, reference=viewer.reference)
            if task is None:
                raise TaskNotFound
            return Changes(revision=task.revision, tasks=(task,) if task.revision != revision else (), more=False)

        current = (await read(0)).tasks[0]
        if current.state.ended and current.revision <= after:
            return
        with self._board.join(viewer, task_id) as watcher:
            # From the future, a revision is of another database: the full state sets it right.
            stream = _Stream(self, watcher, read, after, (current,))
            async with aclosing(stream.updates(always_first=False)) as updates:
                async for update in updates:
                    for view in update.views:
                        yield view
                        if view.task.state.ended:
                            return

    async def see(self, task: Task) -> View:
        """The task with its progress, from the shared line."""
        return await self._lineup.view(task)

    def previews(self, task: Task) -> int:
        """How many previews of the task's attempt were heard of."""
        live = self._board.live(task.task_id, task.attempt)
        return 0 if live is None else live.previews

    def ended(self, task: Task) -> None:
        """Its live progress is of no more use."""
        self._board.forget(task.task_id)

    def check(self, watcher: Watcher) -> None:
        """Whether the viewer may go on. Raises SessionEnded and TokenExpired."""
        if watcher.ended:
            raise SessionEnded
        if self._now() >= watcher.viewer.believed_until:
            raise TokenExpired

    def look_seconds(self, viewer: Viewer) -> float:
        """How long to wait for a mark before reading the ledger without one, or before the viewer's time is up.

        Raises Unavailable when this replica stops.
        """
        if self._board.closed:
            raise Unavailable("The service restarts; connect again in a moment.", retry_after=1)
        usual = CONNECTED_LOOK_SECONDS if self._connected() else AWAY_LOOK_SECONDS
        return min(usual, max(0.0, viewer.believed_until - self._now()))


class _Stream:
    """The state of one stream: what it follows and what it has told."""

    def __init__(
        self,
        watching: Watching,
        watcher: Watcher,
        read: Callable[[int], Awaitable[Changes]],
        after: int,
        unended: tuple[Task, ...],
        *,
        lease: Lease | None = None,
    ) -> None:
        self._watching = watching
        self._watcher = watcher
        self._read = read
        self._revision = after
        self._lease = lease
        self._following = {task.task_id: task for task in unended}
        self._told: dict[str, _Told] = {}

    async def updates(self, *, always_first: bool) -> AsyncGenerator[Update, None]:
        first = True
        while True:
            self._watching.check(self._watcher)
            if self._lease is not None:
                await self._lease.keep()
            fresh = await self._refresh()
            views = [await self._tell(task) for task in fresh]
            if views or (first and always_first):
                yield Update(views=tuple(views), revision=self._revision)
            first = False
            if moved := [view for task in tuple(self._following.values()) if (view := await self._moved(task))]:
                yield Update(views=tuple(moved), revision=self._revision)
            self._watcher.in_line = any(task.state is State.QUEUED for task in self._following.values())
            if not self._watcher.stale and not await self._watcher.wait(self._wait_seconds()):
                self._watcher.stale = True

    def _wait_seconds(self) -> float:
        seconds = self._watching.look_seconds(self._watcher.viewer)
        return seconds if self._lease is None else min(seconds, self._lease.seconds())

    async def _refresh(self) -> tuple[Task, ...]:
        if not self._watcher.stale:
            return ()
        # Cleared before reading: what changes from here on marks it again.
        self._watcher.stale = False
        changes = await self._read(self._revision)
        self._revision = changes.revision
        self._watcher.stale = self._watcher.stale or changes.more
        for task in changes.tasks:
            if task.state.ended:
                self._following.pop(task.task_id, None)
                self._told.pop(task.task_id, None)
                self._watching.ended(task)
            else:
                self._following[task.task_id] = task
        return changes.tasks

    async def _tell(self, task: Task) -> View:
        view = await self._watching.see(task)
        if view.progress is None:
            return view
        told = self._told.get(task.task_id)
        progress, previews = view.progress, self._watching.previews(task)
        if told is not None and told.attempt == task.attempt:
            if told.progress is not None and progress.step < told.progress.step:
                # What is stored lags behind what was live; a bar never turns back within an attempt.
                progress = told.progress
            if previews <= told.previews:
                progress = replace(progress, preview=b"", preview_content_type="")
        bare = replace(progress, preview=b"", preview_content_type="")
        self._told[task.task_id] = _Told(attempt=task.attempt, progress=bare, previews=previews)
        return replace(view, progress=progress)

    async def _moved(self, task: Task) -> View | None:
        before = self._told.get(task.task_id)
        view = await self._tell(task)
        assert view.progress is not None  # what is followed has not ended
        now = self._told[task.task_id]
        if before is None or view.progress.preview:
            return view
        if task.state is State.QUEUED and before.progress is not None and now.progress is not None:
            # The time until the start shrinks by itself; only a new place is news.
            place = (now.progress.position, now.progress.ahead)
            return view if place != (before.progress.position, before.progress.ahead) else None
        return view if now.progress != before.progress else None


def _check(after: int) -> None:
    if after < 0:
        raise InvalidInput.of(FieldViolation(field="after_revision", description="after_revision is not negative."))
