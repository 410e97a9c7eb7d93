"""What an owner can do with tasks: submit, read, cancel. Decides; where tasks and tokens are kept is others' business.

A submission is written before its tokens are held, so a crash at any point leaves a row that recovery undoes, or that
a repeat with the same request_id goes on with.

A `reference` stands for somebody who acts in the owner's name: what was not submitted with it does not exist for them.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final

import shortuuid

from services.foundation.errors import DaydreamError, RequestIdReused, TooMuch
from services.tasks import identifiers
from services.tasks.asking import parameters, pricing, search
from services.tasks.asking.ingredients import NO_SHAPES, Shapes
from services.tasks.errors import AuthUnavailable, ImageNotFound, NoWorker, OwnQueueFull, QueueFull, TaskNotFound
from services.tasks.people import delegation
from services.tasks.ports import Announcer, Purse, TaskStore, stored
from services.tasks.states import State
from services.tasks.values import Image, NewTask, Task
from services.tasks.workers.capabilities import Model

DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 100
RETRY_SECONDS: Final = 5.0
SUBMIT_TRIES: Final = 3


class Ledger:
    """The owner's side of every task."""

    def __init__(
        self,
        *,
        tasks: TaskStore,
        purse: Purse,
        announcer: Announcer,
        models: Callable[[], Sequence[Model]],
        queue_limit: int,
        queue_limit_per_user: int,
        settle_now: Callable[[], None],
    ) -> None:
        """`models` gives those last seen; `queue_limit` bounds what waits, `queue_limit_per_user` what of one owner's.

        `settle_now` wakes the relay.
        """
        self._tasks = tasks
        self._purse = purse
        self._announcer = announcer
        self._models = models
        self._settle_now = settle_now
        self.queue_limit = queue_limit
        self.queue_limit_per_user = queue_limit_per_user

    async def submit(
        self,
        *,
        user_id: str,
        session_id: str,
        request_id: str,
        asked: parameters.Asked,
        from_studio: bool = False,
        reference: str = "",
    ) -> Task:
        """Accept a task: check it, price it, hold the price, queue it.

        `from_studio` for the studio page, which its owner may leave; nobody leaves who came without a session, or who
        is not the owner. Raises InvalidInput, NotAllowed, RequestIdReused, NoWorker, QueueFull, OwnQueueFull,
        NotEnoughTokens, AccountClosed, AuthUnavailable; after each of them the ledger and the balance are as before.
        """
        parameters.check_request_id(request_id)
        delegation.check_request(request_id, reference)
        leaves = from_studio and bool(session_id) and not reference
        for _ in range(SUBMIT_TRIES):
            task = await self._admitted(user_id, session_id, request_id, asked, from_studio=leaves, reference=reference)
            if task.state is not State.PENDING:
                return task
            if (queued := await self._pay(task)) is not None:
                return queued
            # An earlier call with this request_id, which its caller gave up, was still under way and has undone the
            # task or queued it: whoever repeats a call is to get its task, not what became of the other call.
        raise AuthUnavailable(retry_after=RETRY_SECONDS)

    async def _admitted(
        self,
        user_id: str,
        session_id: str,
        request_id: str,
        asked: parameters.Asked,
        *,
        from_studio: bool,
        reference: str,
    ) -> Task:
        task = await self._tasks.find_request(user_id, request_id)
        if task is None:
            shapes = await self._shapes(user_id, asked, reference)
            resolved = parameters.resolve(asked, self.models(), shapes)
            new = NewTask(
                task_id=shortuuid.uuid(),
                user_id=user_id,
                session_id=session_id,
                request_id=request_id,
                digest=asked.digest(),
                parameters=resolved,
                price=pricing.price(resolved),
                from_studio=from_studio,
                reference=reference,
            )
            task = await self._tasks.admit(new, limit=self.queue_limit, limit_each=self.queue_limit_per_user)
        if task is None:
            raise await self._full(user_id)
        if task.digest != asked.digest() or reference not in {"", task.reference}:
            raise RequestIdReused
        return task

    async def _shapes(self, user_id: str, asked: parameters.Asked, reference: str) -> Shapes:
        start, mask = asked.start_image, asked.mask_upload_id
        if start is not None and not identifiers.possible(start.upload_id or start.image_id):
            start = None
        if not identifiers.possible(mask):
            mask = ""
        if start is None and not mask:
            return NO_SHAPES
        return await self._tasks.shapes(user_id, start, mask, reference=reference)

    async def _full(self, user_id: str) -> TooMuch:
        if await self._tasks.waiting_of(user_id) >= self.queue_limit_per_user:
            said = f"You have {self.queue_limit_per_user} tasks waiting, as many as one person may have at once."
            return OwnQueueFull(said, retry_after=RETRY_SECONDS)
        return QueueFull(retry_after=RETRY_SECONDS)

    def models(self) -> Sequence[Model]:
        """Models of the workers last seen, the default first. Raises NoWorker while none was ever seen."""
        models = self._models()
        if not models:
            raise NoWorker(retry_after=RETRY_SECONDS)
        return models

    async def _pay(self, task: Task) -> Task | None:
        """Hold the price and queue the task; None when another call decided on it in the meantime."""
        try:
            await self._purse.hold(
                hold_id=task.task_id, user_id=task.user_id, tokens=task.price, reason=_reason(task.parameters.samples)
            )
        except DaydreamError:
            # Also when auth did not answer: the hold may have arrived, and releasing one that did not is harmless.
            if not await self._tasks.undo(task.task_id):
                return None
            self._settle_now()
            raise
        queued = await self._tasks.confirm(task.task_id)
        if queued is not None:
            self._announcer.announce(stored(queued))
        return queued

    async def get(self, user_id: str, task_id: str, *, reference: str = "") -> Task:
        """One of the owner's tasks. Raises TaskNotFound, for another's too."""
        task = None
        if identifiers.possible(task_id):
            task = await self._tasks.get(user_id, task_id, reference=reference)
        if task is None:
            raise TaskNotFound
        return task

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
    ) -> tuple[tuple[Task, ...], int | None]:
        """The owner's tasks whose prompt contains `words`, newest first. Raises InvalidInput.

        `only` names the tasks that are wanted, where it names any. `size` 0 means 20; more than 100 are never given.
        """
        identifiers.check_session(session_id)
        identifiers.check_tasks(only)
        return await self._tasks.page(
            user_id,
            session_id=session_id,
            states=states,
            words=search.check(words),
            only=only,
            before=before,
            size=min(size or DEFAULT_PAGE, MAX_PAGE),
        )

    async def cancel(self, user_id: str, task_id: str, *, reference: str = "") -> Task:
        """Stop a task; one that has ended stays as it is. Raises TaskNotFound, for another's too."""
        task = None
        if identifiers.possible(task_id):
            task = await self._tasks.cancel(user_id, task_id, reference=reference)
        if task is None:
            raise TaskNotFound
        self._announcer.announce(stored(task))
        if task.state.ended:
            self._settle_now()
        return task

    async def image(self, user_id: str, image_id: str, *, reference: str = "") -> Image:
        """An image of one of the owner's tasks. Raises ImageNotFound, for another's too."""
        image = None
        if identifiers.possible(image_id):
            image = await self._tasks.image(user_id, image_id, reference=reference)
        if image is None:
            raise ImageNotFound
        return image


def _reason(samples: int) -> str:
    return "1 image" if samples == 1 else f"{samples} images"
