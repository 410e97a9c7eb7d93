"""One attempt at a task on one worker: follows the stream, stores images, renews the lease, tells how far it is."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from services.foundation import logs
from services.foundation.errors import Unavailable
from services.tasks.asking.ingredients import Parameters
from services.tasks.errors import GenerationFailed, LeaseLost, WorkerBusy, WorkerLost
from services.tasks.ports import Announcer, Change, LeaseStore, stored
from services.tasks.queue import estimates
from services.tasks.values import Image, Lease, Progress, Task
from services.tasks.workers.capabilities import Model
from services.tasks.workers.generation import (
    Admitted,
    Finished,
    Happening,
    Picture,
    Preview,
    Request,
    Step,
    Worker,
    what_is_left,
)

log = logs.logger(__name__)
PREVIEWS_AN_IMAGE: Final = 8
WRITE_AGAIN_SECONDS: Final = 0.25


class Images(Protocol):
    """Where image files go."""

    async def save(self, picture: Picture, *, task_id: str, index: int, attempt: int, parameters: Parameters) -> Image:
        """Write an image safely. Raises GenerationFailed for one that cannot be read or kept."""
        ...

    async def remove(self, path: str) -> None:
        """Remove a file that no row speaks of."""
        ...


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How long things may take."""

    lease_seconds: float = 10.0
    """A lease that is not renewed for so long is over."""
    beat_seconds: float = 3.0
    """How often a lease is renewed."""
    least_patience_seconds: float = 30.0
    """A worker may be silent at least this long: it may have to load a model."""
    patience_steps: int = 20
    """And at least as long as so many usual steps."""
    unknown_patience_seconds: float = 300.0
    """How long it may be silent while nobody knows how long a step takes."""
    admission_seconds: float = 120.0
    """How long a task may wait at a worker for a slot that others, whom this ledger does not know of, have taken."""

    def patience(self, parameters: Parameters, models: Sequence[Model]) -> float:
        """Seconds without any word from a worker after which it counts as lost."""
        work = estimates.work_ms(parameters, models)
        if work is None:
            return self.unknown_patience_seconds
        # Also bounds the silence while an image is decoded, which takes as long as several steps.
        step_seconds = work / 1000 / (parameters.samples * parameters.steps_run)
        return max(self.least_patience_seconds, self.patience_steps * step_seconds)


class CancelRequested(Exception):
    """The owner wants the task stopped."""


class Attempt:
    """One claim of a task, from the worker's first word to its last."""

    def __init__(
        self,
        *,
        lease: Lease,
        task: Task,
        worker: Worker,
        leases: LeaseStore,
        images: Images,
        announcer: Announcer,
        pace: Pace,
        patience_seconds: float,
    ) -> None:
        """Nothing runs yet."""
        self._lease = lease
        self._task = task
        self._part = what_is_left(task)
        self._worker = worker
        self._leases = leases
        self._images = images
        self._announcer = announcer
        self._pace = pace
        self._patience = patience_seconds
        self._delivered = {image.index for image in task.images} | task.deleted
        self._step = self._steps = 0
        self._remaining_ms: int | None = None
        self._look_now = asyncio.Event()
        self.began = False
        """Whether the worker admitted it: from then on, losing the worker spends the attempt."""

    def look_now(self) -> None:
        """The stored task changed: see at once whether it is to stop."""
        self._look_now.set()

    async def draw(self) -> None:
        """Return once every image is delivered.

        Raises CancelRequested, LeaseLost or a WorkerFault.
        """
        beating = asyncio.create_task(self._beat())
        following = asyncio.create_task(self._follow())
        try:
            done, _ = await asyncio.wait({beating, following}, return_when=asyncio.FIRST_COMPLETED)
            await (following if following in done else beating)
        finally:
            for each in (beating, following):
                each.cancel()
            await asyncio.gather(beating, following, return_exceptions=True)

    async def _beat(self) -> None:
        renewed = time.monotonic()
        while True:
            try:
                stop = await self._leases.beat(self._lease, step=self._step, steps_total=self._steps)
                renewed = time.monotonic()
            except LeaseLost:
                raise
            except Exception as error:
                log.warning("lease not renewed", task_id=self._task.task_id, error=repr(error))
                if time.monotonic() - renewed > self._pace.lease_seconds:
                    # By now another dispatcher may have it; to go on drawing would be work for nobody.
                    raise LeaseLost from error
                stop = False
            if stop:
                raise CancelRequested
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pace.beat_seconds):
                    await self._look_now.wait()
            self._look_now.clear()

    async def _follow(self) -> None:
        parameters = self._task.parameters
        request = Request(
            task_id=self._task.task_id,
            user_id=self._task.user_id,
            parameters=parameters,
            part=self._part,
            preview_every_steps=max(1, parameters.steps_run // PREVIEWS_AN_IMAGE),
        )
        events = self._worker.generate(request)
        async with contextlib.aclosing(events):
            while True:
                patience = self._patience if self.began else max(self._patience, self._pace.admission_seconds)
                try:
                    async with asyncio.timeout(patience):
                        happening = await anext(events)
                except TimeoutError as error:
                    if not self.began:
                        # Whoever sends no word before a slot is free is full, which is no fault of its own.
                        raise WorkerBusy from error
                    raise WorkerLost(f"the worker said nothing for {self._patience:.0f} s") from error
                except StopAsyncIteration as error:
                    raise WorkerLost("the worker's stream ended early") from error
                if isinstance(happening, Finished):
                    break
                await self._take(happening)
        if len(self._delivered) < parameters.samples:
            raise GenerationFailed(reason="IMAGES_MISSING", message="The worker ended without sending every image.")

    async def _take(self, happening: Happening) -> None:
        match happening:
            case Admitted():
                self.began = True
                # The seed of the task is that of its image 0, wherever this part begins.
                seed = happening.seed - self._part.first
                task = await self._written(lambda: self._leases.admitted(self._lease, seed=seed))
                self._announcer.announce(stored(task))
            case Step():
                self._advance(happening)
            case Preview():
                self._tell(happening)
            case Picture():
                await self._deliver(happening)
            case Finished():
                pass

    async def _written(self, write: Callable[[], Awaitable[Task]]) -> Task:
        """Write, again and again while the ledger is away: the worker goes on meanwhile, and no attempt is spent.

        This ends with the lease at the latest, which the beat watches over. `write` may be repeated.
        """
        while True:
            try:
                return await write()
            except Unavailable as error:
                log.warning("not written yet", task_id=self._task.task_id, error=repr(error))
                await asyncio.sleep(WRITE_AGAIN_SECONDS)

    def _advance(self, event: Step) -> None:
        # The worker counts its part; the task counts the images before it as done.
        before = event.steps // self._part.samples * self._part.first
        step, steps = before + min(event.step, event.steps), before + event.steps
        if step < self._step or steps <= 0:
            return
        self._step, self._steps, self._remaining_ms = step, steps, event.remaining_ms
        self._tell()

    def _tell(self, preview: Preview | None = None) -> None:
        self._announcer.announce(
            Change(
                user_id=self._task.user_id,
                session_id=self._task.session_id,
                task_id=self._task.task_id,
                attempt=self._lease.attempt,
                progress=Progress(
                    step=self._step,
                    steps=self._steps,
                    remaining_ms=self._remaining_ms,
                    preview=b"" if preview is None else preview.data,
                    preview_content_type="" if preview is None else preview.content_type,
                ),
            )
        )

    async def _deliver(self, picture: Picture) -> None:
        index = self._part.first + picture.sample_index
        if not 0 <= picture.sample_index < self._part.samples:
            raise GenerationFailed(reason="BAD_IMAGE", message="The worker sent an image that was not asked for.")
        if index in self._delivered:
            return
        image = await self._images.save(
            picture,
            task_id=self._task.task_id,
            index=index,
            attempt=self._lease.attempt,
            parameters=self._task.parameters.from_image(index),
        )
        tries = 0

        async def deliver() -> Task:
            nonlocal tries
            tries += 1
            return await self._leases.deliver(self._lease, image)

        try:
            task = await self._written(deliver)
        except LeaseLost:
            # After a try whose answer was lost a row may speak of the file; the sweep finds out.
            if tries == 1:
                await self._images.remove(image.path)
            raise
        self._delivered.add(index)
        self._announcer.announce(stored(task))
