"""Who watches, what changed for them, and the progress that is stored nowhere. In memory; rebuilt by what happens next.

A watcher is a set of marks, not a queue: however slow its reader is, it holds one mark a task, and the next look gives
the latest state. Nothing here reads the ledger.
"""

import asyncio
import contextlib
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from services.tasks.ports import Announcer, Change
from services.tasks.values import Progress

MOST_LIVE: Final = 1024
"""Tasks whose progress is kept; far more than run at once, so what falls out has long ended."""
MOST_ENDED: Final = 4096
"""Sessions known to be over; far more than end while a token of one of them is still believed."""


@dataclass(frozen=True, kw_only=True)
class Live:
    """How far a running task is."""

    attempt: int
    """The attempt that says so."""
    progress: Progress
    """The latest, with the latest preview."""
    previews: int
    """How many previews there were, to tell a new one."""


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Who holds a stream open, and for how long they may."""

    user_id: str
    """Whose tasks it follows."""
    session_id: str = ""
    """The browser session they hold it open in; empty for an API key, and for who acts in the person's name."""
    reference: str = ""
    """What that one acts for: it follows tasks of this reference alone."""
    believed_until: float = math.inf
    """When their identity token is over, in seconds since 1970."""


@dataclass(eq=False, kw_only=True)
class Watcher:
    """What one open stream has not looked at yet."""

    viewer: Viewer
    """Who holds it open."""
    task_id: str
    """The only task it follows; empty for all of them."""
    ended: bool = False
    """Its viewer's session is over."""
    stale: bool = True
    """The ledger has something new."""
    in_line: bool = False
    """It follows a task that waits, so it wants to know when the queue moves."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def mark(self, *, stale: bool = False) -> None:
        """There is something to look at."""
        self.stale = self.stale or stale
        self._news.set()

    async def wait(self, seconds: float) -> bool:
        """Return at the next mark, True; or when the time is over, False."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
        marked = self._news.is_set()
        self._news.clear()
        return marked


class Board:
    """Passes changes to the watchers of this replica, and on to the other replicas."""

    def __init__(self, elsewhere: Announcer) -> None:
        """`elsewhere` tells the other replicas."""
        self._elsewhere = elsewhere
        self._live: OrderedDict[str, Live] = OrderedDict()
        self._watchers: dict[str, set[Watcher]] = {}
        self._overseers: set[Watcher] = set()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._listeners: list[Callable[[Change], None]] = []
        self.closed = False

    def listen(self, listener: Callable[[Change], None]) -> None:
        """Call `listener` for every change of stored state, wherever it was made."""
        self._listeners.append(listener)

    def announce(self, change: Change) -> None:
        """Something changed here."""
        self.hear(change)
        self._elsewhere.announce(change)

    def hear(self, change: Change) -> None:
        """Something changed, here or elsewhere."""
        if change.progress is not None:
            if self._keep(change.task_id, change.attempt, change.progress):
                self._mark(change, stale=False)
            return
        self._mark(change, stale=True)
        self.queue_moved()
        for listener in self._listeners:
            listener(change)

    def queue_moved(self) -> None:
        """Whoever follows a task that waits is to look where it stands."""
        for watcher in self._everybody():
            if watcher.in_line:
                watcher.mark()

    def live(self, task_id: str, attempt: int) -> Live | None:
        """The progress of a task's current attempt, if it was heard of."""
        live = self._live.get(task_id)
        return live if live is not None and live.attempt == attempt else None

    def forget(self, task_id: str) -> None:
        """The task has ended."""
        self._live.pop(task_id, None)

    def end(self, user_id: str, session_id: str = "") -> None:
        """A session is over, or all that a person has open: who watches by that looks once more, and finds it so."""
        if session_id:
            # A stream may yet be opened with a token from before the end.
            self._ended[session_id] = None
            if len(self._ended) > MOST_ENDED:
                self._ended.popitem(last=False)
        overseers = (each for each in self._overseers if each.viewer.user_id == user_id)
        for watcher in (*self._watchers.get(user_id, ()), *overseers):
            if session_id in {"", watcher.viewer.session_id}:
                watcher.ended = True
                watcher.mark()

    @contextlib.contextmanager
    def join(self, viewer: Viewer, task_id: str = "") -> Iterator[Watcher]:
        """A watcher for as long as the block lasts."""
        watcher = Watcher(viewer=viewer, task_id=task_id, ended=viewer.session_id in self._ended)
        watchers = self._watchers.setdefault(viewer.user_id, set())
        watchers.add(watcher)
        try:
            yield watcher
        finally:
            watchers.discard(watcher)
            if not watchers:
                self._watchers.pop(viewer.user_id, None)

    @contextlib.contextmanager
    def oversee(self, viewer: Viewer) -> Iterator[Watcher]:
        """A watcher of everybody's tasks, for as long as the block lasts."""
        watcher = Watcher(viewer=viewer, task_id="", ended=viewer.session_id in self._ended)
        self._overseers.add(watcher)
        try:
            yield watcher
        finally:
            self._overseers.discard(watcher)

    def close(self) -> None:
        """This replica stops: every watcher looks once more, and finds it closed."""
        self.closed = True
        for watcher in self._everybody():
            watcher.mark()

    def _everybody(self) -> Iterator[Watcher]:
        for watchers in self._watchers.values():
            yield from watchers
        yield from self._overseers

    def _keep(self, task_id: str, attempt: int, progress: Progress) -> bool:
        """Keep what is newer than what was heard before: a late word must not turn a bar back."""
        before = self._live.get(task_id)
        previews = 0
        if before is not None and before.attempt == attempt:
            if progress.step < before.progress.step:
                return False
            previews = before.previews
            if not progress.preview:
                progress = replace(
                    progress,
                    preview=before.progress.preview,
                    preview_content_type=before.progress.preview_content_type,
                )
            elif progress.preview != before.progress.preview:
                previews += 1
        elif before is not None and before.attempt > attempt:
            return False
        else:
            previews = int(bool(progress.preview))
        self._live[task_id] = Live(attempt=attempt, progress=progress, previews=previews)
        self._live.move_to_end(task_id)
        if len(self._live) > MOST_LIVE:
            self._live.popitem(last=False)
        return True

    def _mark(self, change: Change, *, stale: bool) -> None:
        for watcher in self._watchers.get(change.user_id, ()):
            if watcher.task_id in {"", change.task_id}:
                watcher.mark(stale=stale)
        for overseer in self._overseers:
            overseer.mark(stale=stale)
