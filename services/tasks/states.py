"""The states of a task and the only ways between them; knows nothing of where they are stored."""

import enum
from collections.abc import Mapping
from typing import Final


class State(enum.StrEnum):
    """Where a task stands. The values are what the database holds."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def ended(self) -> bool:
        """Whether nothing ever leaves it."""
        return not NEXT[self]

    @property
    def waits(self) -> bool:
        """Whether it takes up a place in the bounded queue."""
        return self in {State.PENDING, State.QUEUED}


NEXT: Final[Mapping[State, frozenset[State]]] = {
    State.PENDING: frozenset({State.QUEUED}),
    # Failed without having run when no worker has its model any more.
    State.QUEUED: frozenset({State.RUNNING, State.FAILED, State.CANCELLED}),
    # Back to QUEUED when its worker or dispatcher was lost.
    State.RUNNING: frozenset({State.QUEUED, State.SUCCEEDED, State.FAILED, State.CANCELLED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
    State.CANCELLED: frozenset(),
}

MAX_ATTEMPTS: Final = 3
"""A task whose worker is lost this often has failed: it may be the task that kills the worker."""


def require(old: State, new: State) -> None:
    """Raise ValueError for a way that does not exist, which is a mistake in our own code."""
    if new not in NEXT[old]:
        raise ValueError(f"a task never goes from {old} to {new}")
