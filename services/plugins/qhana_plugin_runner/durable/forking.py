"""A worker's main process forks while its threads use the database; this makes the fork wait for a quiet moment.

SQLite keeps its locks in the process's memory: a child forked in the middle of a transaction believes for ever that it
holds the lock, and shuts everybody else out with it. Connections to a server would be shared by two processes.
"""

import os
import threading
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa

PATIENCE_SECONDS: Final = 15.0


class Gate:
    """Knows which connections are in use, in all pools of this process."""

    def __init__(self, let_go: Callable[[], None]) -> None:
        """`let_go` closes connections that are open and not in use."""
        self._let_go = let_go
        self._turn = threading.Condition(threading.RLock())
        self._used: dict[int, int] = {}
        self._forking = False

    def watch(self) -> None:
        """From now on, for the life of this process and its children."""
        sa.event.listen(sa.pool.Pool, "checkout", self._taken)
        sa.event.listen(sa.pool.Pool, "checkin", self._given_back)
        os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._in_child)

    def _taken(self, _connection: Any, record: Any, _proxy: Any) -> None:
        thread = threading.get_ident()
        with self._turn:
            # Who holds one already has to go on, or nobody would.
            self._turn.wait_for(lambda: not self._forking or thread in self._used.values(), PATIENCE_SECONDS)
            self._used[id(record)] = thread

    def _given_back(self, _connection: Any, record: Any) -> None:
        with self._turn:
            self._used.pop(id(record), None)
            self._turn.notify_all()

    def _before(self) -> None:
        self._turn.acquire()
        self._forking = True
        thread = threading.get_ident()
        quiet = self._turn.wait_for(lambda: all(each == thread for each in self._used.values()), PATIENCE_SECONDS)
        if quiet and not self._used:
            self._let_go()

    def _after(self) -> None:
        self._forking = False
        self._turn.notify_all()
        self._turn.release()

    def _in_child(self) -> None:
        self._turn = threading.Condition(threading.RLock())
        self._used, self._forking = {}, False
