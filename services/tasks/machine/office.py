"""What staff can do with anybody's tasks: read, cancel, count; and read what staff did."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from services.foundation import logs
from services.foundation.errors import FieldViolation, InvalidInput
from services.tasks import identifiers
from services.tasks.asking import search
from services.tasks.errors import TaskNotFound
from services.tasks.machine.deeds import Deed, check_reason
from services.tasks.ports import Announcer, stored
from services.tasks.states import State
from services.tasks.values import Task

log = logs.logger(__name__)
DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 100
MAX_PEOPLE: Final = 100


class Rows(Protocol):
    """Everybody's tasks; `store.machine.Machine` says what each call does."""

    async def page(
        self, *, task_id: str, user_id: str, states: Sequence[State], words: str, before: int | None, size: int
    ) -> tuple[tuple[Task, ...], int | None]: ...
    async def cancel(self, task_id: str, *, staff_id: str, reason: str) -> tuple[Task, bool] | None: ...
    async def count_images(self, user_ids: Sequence[str]) -> Mapping[str, int]: ...


class Log(Protocol):
    """What staff did; `store.deeds.Deeds` says what the call does."""

    async def page(
        self, *, user_id: str, staff_id: str, before: int | None, size: int
    ) -> tuple[Sequence[Deed], int | None]: ...


class Office:
    """The staff's side of every task."""

    def __init__(self, *, rows: Rows, deeds: Log, announcer: Announcer, settle_now: Callable[[], None]) -> None:
        """`announcer` tells those who watch or run a task that was stopped; `settle_now` wakes the relay."""
        self._rows = rows
        self._deeds = deeds
        self._announcer = announcer
        self._settle_now = settle_now

    async def page(
        self,
        *,
        task_id: str = "",
        user_id: str = "",
        states: Sequence[State] = (),
        words: str = "",
        before: int | None,
        size: int,
    ) -> tuple[tuple[Task, ...], int | None]:
        """Anybody's tasks, newest first; `size` 0 means 20, more than 100 are never given. Raises InvalidInput."""
        words = search.check(words)
        if not all(identifiers.possible(each) for each in (task_id, user_id) if each):
            return (), None
        return await self._rows.page(
            task_id=task_id,
            user_id=user_id,
            states=states,
            words=words,
            before=before,
            size=min(size or DEFAULT_PAGE, MAX_PAGE),
        )

    async def cancel(self, staff_id: str, task_id: str, reason: str) -> Task:
        """Stop anybody's task; one that has ended, or is being stopped, stays as it is.

        Raises InvalidInput and TaskNotFound.
        """
        check_reason(reason)
        found = None
        if identifiers.possible(task_id):
            found = await self._rows.cancel(task_id, staff_id=staff_id, reason=reason.strip())
        if found is None:
            raise TaskNotFound
        task, changed = found
        if changed:
            log.info("task cancelled by staff", task_id=task_id, staff_id=staff_id)
            self._announcer.announce(stored(task))
            if task.state.ended:
                self._settle_now()
        return task

    async def count_images(self, user_ids: Sequence[str]) -> Mapping[str, int]:
        """How many images these people keep; who has none is not there. Raises InvalidInput for more than 100."""
        if len(user_ids) > MAX_PEOPLE:
            wrong = f"Ask for at most {MAX_PEOPLE} people at once."
            raise InvalidInput.of(FieldViolation(field="user_ids", description=wrong))
        possible = sorted({each for each in user_ids if identifiers.possible(each)})
        return await self._rows.count_images(possible) if possible else {}

    async def deeds(
        self, *, user_id: str, staff_id: str, before: int | None, size: int
    ) -> tuple[Sequence[Deed], int | None]:
        """What staff did, newest first; only to `user_id` and by `staff_id`, where those are given."""
        if not all(identifiers.possible(each) for each in (user_id, staff_id) if each):
            return (), None
        return await self._deeds.page(
            user_id=user_id, staff_id=staff_id, before=before, size=min(size or DEFAULT_PAGE, MAX_PAGE)
        )
