"""Gives waiting tasks to workers, and puts right what comes of it.

How an attempt ends decides alone: with every image; stopped by its owner; refused, which the next worker would too; or
lost, which another worker may make good. A full or leaving worker costs the task nothing but the wait.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from services.foundation import logs
from services.tasks.errors import GenerationFailed, LeaseLost, WorkerBusy, WorkerFault, WorkerLeaving
from services.tasks.ports import Announcer, Change, LeaseStore, stored
from services.tasks.states import State
from services.tasks.values import Blame, Failure, Lease, Task
from services.tasks.workers.attempt import Attempt, CancelRequested, Images, Pace
from services.tasks.workers.fleet import Fleet
from services.tasks.workers.generation import Worker

log = logs.logger(__name__)
LOOK_SECONDS: Final = 1.0
"""How often to look for work that nobody told of."""
WRITE_TRIES: Final = 5

Ending = Callable[[], Awaitable[Task]]
"""The write that the end of an attempt calls for."""


class Dispatcher:
    """Claims tasks for the workers that have room, and runs an attempt for each."""

    def __init__(
        self,
        *,
        leases: LeaseStore,
        fleet: Fleet,
        images: Images,
        announcer: Announcer,
        pace: Pace,
        settle_now: Callable[[], None],
    ) -> None:
        """`settle_now` wakes the relay when a task has ended. Nothing runs yet."""
        self._leases = leases
        self._fleet = fleet
        self._images = images
        self._announcer = announcer
        self._pace = pace
        self._settle_now = settle_now
        self._attempts: dict[str, Attempt] = {}
        self._running: dict[asyncio.Task[None], str] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._giving_out = asyncio.Lock()

    def wake(self) -> None:
        """There may be work, or room for it."""
        self._wake.set()

    def hear(self, change: Change) -> None:
        """A stored task changed, here or on another replica: one that waits, or one of ours that is to stop."""
        attempt = self._attempts.get(change.task_id)
        if attempt is not None:
            attempt.look_now()
        elif change.waits:
            self._wake.set()

    async def run(self) -> None:
        """Give out work until drained or cancelled."""
        while not self._stopping:
            self._wake.clear()
            try:
                async with self._giving_out:
                    await self._give_out()
            except Exception:
                log.exception("no work can be given out")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()

    async def drain(self, seconds: float) -> None:
        """Claim nothing more; let attempts end in time, put the rest back at no cost to the tasks."""
        self._stopping = True
        self._wake.set()
        async with self._giving_out:
            # A claim that was on its way has become an attempt by now.
            pass
        if self._running:
            await asyncio.wait(self._running, timeout=seconds)
        rest = list(self._running)
        for each in rest:
            each.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _give_out(self) -> None:
        ready = {target: (worker, said) for target, worker, said in self._fleet.ready()}
        while not self._stopping:
            busy = Counter(self._running.values())
            # Each task goes where most slots are free in proportion: what shares a worker takes longer. Of equals, to
            # the one that is preferred.
            target = min(ready, key=lambda each: busy[each] / max(1, ready[each][1].slots), default=None)
            if target is None:
                return
            worker, said = ready[target]
            claim = None
            if busy[target] < said.slots:
                names = [model.name for model in said.models]
                claim = await self._leases.claim(target, model_names=names, slots=said.slots)
            if claim is None:
                del ready[target]
                continue
            self._start(target, worker, *claim)

    def _start(self, target: str, worker: Worker, lease: Lease, task: Task) -> None:
        self._announcer.announce(stored(task))
        attempt = Attempt(
            lease=lease,
            task=task,
            worker=worker,
            leases=self._leases,
            images=self._images,
            announcer=self._announcer,
            pace=self._pace,
            patience_seconds=self._pace.patience(task.parameters, self._fleet.models()),
        )
        self._attempts[task.task_id] = attempt
        running = asyncio.create_task(self._run(target, lease, attempt))
        self._running[running] = target

        def gone(ended: asyncio.Task[None]) -> None:
            del self._running[ended]
            if self._attempts.get(task.task_id) is attempt:
                del self._attempts[task.task_id]
            self._wake.set()

        running.add_done_callback(gone)

    async def _run(self, target: str, lease: Lease, attempt: Attempt) -> None:
        try:
            ending = await self._draw(target, lease, attempt)
        except LeaseLost:
            log.warning("lease lost", task_id=lease.task_id, attempt=lease.attempt)
            return
        except asyncio.CancelledError:
            # Drained: the task did nothing wrong, and the next dispatcher goes on with it.
            await self._write(lease, partial(self._leases.give_back, lease, lost=False))
            raise
        if attempt.began:
            self._fleet.took(target)
        await self._write(lease, ending)

    async def _draw(self, target: str, lease: Lease, attempt: Attempt) -> Ending:
        """Run the attempt; the write that its end calls for. Raises LeaseLost."""
        ending: Ending
        try:
            await attempt.draw()
        except LeaseLost:
            raise
        except WorkerFault as fault:
            ending = self._after(fault, target, lease, attempt)
        except CancelRequested:
            ending = partial(self._leases.end, lease, State.CANCELLED)
        except Exception:
            log.exception("attempt broke", task_id=lease.task_id)
            ending = partial(self._leases.give_back, lease, lost=True)
        else:
            ending = partial(self._leases.end, lease, State.SUCCEEDED)
        return ending

    def _after(self, fault: WorkerFault, target: str, lease: Lease, attempt: Attempt) -> Ending:
        if isinstance(fault, GenerationFailed):
            blame = Blame.REQUEST if fault.invalid else Blame.OURS
            failure = Failure(blame=blame, reason=fault.reason, message=fault.message)
            return partial(self._leases.end, lease, State.FAILED, failure)
        if isinstance(fault, WorkerBusy | WorkerLeaving):
            rest = self._fleet.rest(target, seconds=fault.retry_after if isinstance(fault, WorkerBusy) else None)
            asyncio.get_running_loop().call_later(rest, self.wake)
            return partial(self._leases.give_back, lease, lost=False)
        log.warning("worker lost", task_id=lease.task_id, target=target, why=str(fault), began=attempt.began)
        self._fleet.rest(target, gone=True)
        return partial(self._leases.give_back, lease, lost=attempt.began)

    async def _write(self, lease: Lease, write: Ending) -> None:
        """Write how the attempt ended. If the database stays away, the lease ends by itself and recovery takes over."""
        for tried in range(WRITE_TRIES):
            try:
                task = await write()
            except LeaseLost:
                log.warning("lease lost", task_id=lease.task_id, attempt=lease.attempt)
                return
            except Exception as error:
                log.warning("end not written yet", task_id=lease.task_id, error=repr(error))
                await asyncio.sleep(0.2 * 2**tried)
                continue
            self._announcer.announce(stored(task))
            if task.state.ended:
                log.info("task ended", task_id=task.task_id, state=task.state, images=len(task.images))
                self._settle_now()
            return
