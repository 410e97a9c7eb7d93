"""What the ledger and the dispatcher need from the outside, as interfaces: a store, a purse, somebody to tell."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.foundation.outbox import EventStore
from services.tasks.asking.ingredients import Shapes, StartImage
from services.tasks.states import State
from services.tasks.values import Changes, Failure, Image, InLine, Lease, NewTask, Progress, Settlement, Task


class Purse(Protocol):
    """Holds and settles tokens. Both calls may be repeated; a repeat changes nothing."""

    async def hold(self, *, hold_id: str, user_id: str, tokens: int, reason: str) -> None:
        """Take tokens aside.

        Raises NotEnoughTokens and AccountClosed; and AuthUnavailable, after which the hold may exist or not.
        """
        ...

    async def settle(self, *, hold_id: str, user_id: str, charge: int, reason: str) -> None:
        """Keep `charge` of the held tokens and return the rest; a hold that never came is refused from now on.

        Raises AuthUnavailable.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something about a task changed."""

    user_id: str
    """Whose task."""
    session_id: str
    """The session it was made in."""
    task_id: str
    """The task."""
    attempt: int = 0
    """The attempt the progress belongs to."""
    progress: Progress | None = None
    """Progress that is stored nowhere; None when the stored state changed."""
    waits: bool = False
    """Whether it waits for a worker now."""


def stored(task: Task) -> Change:
    """The change that says: read this task again."""
    waits = task.state is State.QUEUED
    return Change(user_id=task.user_id, session_id=task.session_id, task_id=task.task_id, waits=waits)


class Announcer(Protocol):
    """Tells watchers, here and on other replicas."""

    def announce(self, change: Change) -> None:
        """Tell; never waits, never fails."""
        ...


class TaskStore(Protocol):
    """Tasks as their owners deal with them; `store.tasks.Tasks` says what each call does."""

    async def find_request(self, user_id: str, request_id: str) -> Task | None: ...
    async def admit(self, new: NewTask, *, limit: int, limit_each: int | None = None) -> Task | None: ...
    async def shapes(
        self, user_id: str, start: StartImage | None, mask_upload_id: str, *, reference: str = ""
    ) -> Shapes: ...
    async def waiting_of(self, user_id: str) -> int: ...
    async def confirm(self, task_id: str) -> Task | None: ...
    async def undo(self, task_id: str) -> bool: ...
    async def abandoned(self, *, older_than: dt.timedelta) -> Sequence[str]: ...
    async def cancel(self, user_id: str, task_id: str, *, reference: str = "") -> Task | None: ...
    async def get(self, user_id: str, task_id: str, *, reference: str = "") -> Task | None: ...
    async def image(self, user_id: str, image_id: str, *, reference: str = "") -> Image | None: ...
    async def in_line(self) -> tuple[InLine, ...]: ...
    async def changes(self, user_id: str, *, session_id: str, after: int, limit: int) -> Changes: ...
    async def has_images(self) -> bool: ...
    async def known_files(self, paths: Sequence[str]) -> frozenset[str]: ...
    async def page(
        self,
        user_id: str,
        *,
        session_id: str,
        states: Sequence[State],
        words: str = "",
        only: Collection[str] = (),
        before: int | None,
        size: int,
    ) -> tuple[tuple[Task, ...], int | None]: ...


class LeaseStore(Protocol):
    """Tasks as dispatchers deal with them; `store.leases.Leases` says what each call does."""

    async def claim(self, target: str, *, model_names: Sequence[str], slots: int) -> tuple[Lease, Task] | None: ...
    async def beat(self, lease: Lease, *, step: int, steps_total: int) -> bool: ...
    async def admitted(self, lease: Lease, *, seed: int) -> Task: ...
    async def deliver(self, lease: Lease, image: Image) -> Task: ...
    async def end(self, lease: Lease, state: State, failure: Failure | None = None) -> Task: ...
    async def give_back(self, lease: Lease, *, lost: bool) -> Task: ...
    async def expire_one(self) -> Task | None: ...
    async def waiting_models(self) -> frozenset[str]: ...
    async def fail_one(self, model_name: str, failure: Failure) -> Task | None: ...


class OutboxStore(EventStore, Protocol):
    """What waits to be told to others; `store.outbox.Outbox` says what each call does."""

    async def take_settlements(self, most: int) -> Sequence[Settlement]: ...
    async def settled(self, hold_id: str) -> Task | None: ...
    async def postpone_settlement(self, hold_id: str, *, seconds: float) -> None: ...


class WorkerStore(Protocol):
    """Workers as they were last seen; `store.workers.Workers` says what each call does."""

    async def load(self) -> Mapping[str, bytes]: ...
    async def seen_within(self, length: dt.timedelta) -> Sequence[bytes]: ...
    async def save(self, target: str, capabilities: bytes) -> None: ...
