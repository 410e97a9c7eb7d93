"""One thread owns the model and draws; asyncio hands it requests and reads their events.

A small set of requests is active; the thread goes one step of each in turn, so every one of them moves and a cancel
takes effect at the next step. Behind them wait a bounded few; more are refused. What a request fails with is its own.
"""

import asyncio
import enum
import functools
import itertools
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from services.foundation import logs
from services.foundation.errors import DaydreamError
from services.gpu import errors, events, limits
from services.gpu.card import Capabilities
from services.gpu.model import Model, Trajectory
from services.gpu.requests import Plan, Request
from services.gpu.stream import Stream

log = logs.logger(__name__)

# How much the newest step says about the next ones; the rest is said by those before it.
_WEIGHT: Final = 0.3
STOP_SECONDS: Final = 5.0
"""How long the end waits for the step in hand; a step that takes longer ends with the process."""


class _State(enum.Enum):
    LOADING = enum.auto()
    SERVING = enum.auto()
    DRAINING = enum.auto()
    STOPPED = enum.auto()


class _Run:
    """A request on its way through the engine; touched by the engine's thread alone once it is active."""

    def __init__(self, plan: Plan, stream: Stream) -> None:
        self.plan, self.stream = plan, stream
        self.conditioning: Any = None
        self.trajectory: Trajectory | None = None
        self.sample = 0
        self.done = 0
        self.turn = 0
        self.admitted = 0.0
        self.remaining_seconds = 0.0
        self._last_step = 0.0
        self._step_seconds = 0.0

    def stepped(self, now: float) -> int:
        """Count a step; returns how many there are over all images."""
        # The time from one step to the next, not that of the step alone: other requests take their turns in between.
        elapsed = now - (self._last_step or self.admitted)
        self._step_seconds += (elapsed - self._step_seconds) * (_WEIGHT if self.done else 1.0)
        self._last_step = now
        self.done += 1
        assert self.trajectory is not None
        total = self.trajectory.calls * self.plan.samples
        self.remaining_seconds = (total - self.done) * self._step_seconds
        return total


class Engine:
    """Draws requests with the one model it loads. `submit` is all that callers see of how it does so."""

    def __init__(
        self,
        *,
        load: Callable[[], Model[Any, Any]],
        slots: int,
        waiting: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` runs in the engine's thread. `slots` requests are active at most, `waiting` more are taken in."""
        self.worker_id = secrets.token_hex(8)
        self._load, self._slots, self._waiting_limit, self._clock = load, slots, waiting, clock
        self._model: Model[Any, Any] | None = None
        # Guards everything below; the thread waits on it for something to do.
        self._changed = threading.Condition()
        self._state = _State.LOADING
        self._waiting: deque[_Run] = deque()
        self._active: list[_Run] = []
        self._turns = itertools.count(1)
        # Touched on the asyncio loop alone.
        self._open: set[Stream] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loaded: asyncio.Future[None] | None = None
        self._lost = asyncio.Event()

    async def start(self) -> None:
        """Load the model. Raises what loading raised, ModelUnusable as a rule."""
        self._loop = asyncio.get_running_loop()
        self._loaded = self._loop.create_future()
        self._thread.start()
        await self._loaded

    def submit(self, request: Request) -> Stream:
        """Take a request in; call it on the asyncio loop, and close the stream that is returned.

        Raises WorkerLoading, WorkerDraining, ModelNotFound, InvalidInput, or WorkerFull with a hint when to come again.
        """
        plan = limits.settle(request, self._ready().card)
        with self._changed:
            # Again, under the lock: what comes after the engine's end would wait for ever.
            self._ready()
            # What nobody has read yet takes memory too, so a request counts until its stream is closed.
            if len(self._open) >= self._slots + self._waiting_limit:
                left = [run.remaining_seconds for run in self._active]
                raise errors.WorkerFull(retry_after=max(1.0, min(left, default=1.0)))
            stream = Stream(loop=asyncio.get_running_loop(), on_close=self._forget)
            self._open.add(stream)
            self._quiet.clear()
            self._waiting.append(_Run(plan, stream))
            self._changed.notify()
        return stream

    def capabilities(self) -> Capabilities:
        """What this worker can do. Raises WorkerLoading before it can do anything."""
        model = self._ready(draining=True)
        return Capabilities(
            worker_id=self.worker_id,
            device=model.device,
            slots=self._slots,
            busy_slots=len(self._open),
            cards=(model.card,),
        )

    async def lost(self) -> None:
        """Return when the device has failed for good; only a new process helps then."""
        await self._lost.wait()

    async def idle(self) -> None:
        """Return when no stream is open."""
        await self._quiet.wait()

    def drain(self) -> None:
        """Take nothing in any more and turn away what has no slot yet; what is being drawn goes on."""
        with self._changed:
            if self._state in (_State.LOADING, _State.SERVING):
                self._state = _State.DRAINING
            turned_away = list(self._waiting)
            self._waiting.clear()
        for run in turned_away:
            run.stream.fail(errors.WorkerDraining())

    async def stop(self) -> None:
        """End what is still being drawn with WorkerDraining, then the thread."""
        self.drain()
        with self._changed:
            self._state = _State.STOPPED
            self._changed.notify()
        if self._model is not None:
            await asyncio.to_thread(self._thread.join, STOP_SECONDS)

    def _ready(self, *, draining: bool = False) -> Model[Any, Any]:
        if self._model is None or self._state is _State.LOADING:
            raise errors.WorkerLoading
        if self._state is not _State.SERVING and not draining:
            raise errors.WorkerDraining
        return self._model

    def _forget(self, stream: Stream) -> None:
        self._open.discard(stream)
        if not self._open:
            self._quiet.set()
        with self._changed:
            self._changed.notify()

    # From here on everything runs in the engine's thread.

    def _work(self) -> None:
        assert self._loaded is not None
        try:
            self._model = self._load()
        except Exception as error:
            self._tell(functools.partial(_answer, self._loaded, error))
            return
        with self._changed:
            if self._state is _State.LOADING:
                self._state = _State.SERVING
        self._tell(functools.partial(_answer, self._loaded, None))
        try:
            while (run := self._next()) is not None:
                self._advance(self._model, run)
        except Exception:  # the device is lost, or this loop itself is wrong: only a new process helps
            log.exception("engine lost")
            self._end(errors.DeviceLost)
            self._tell(self._lost.set)

    def _next(self) -> _Run | None:
        with self._changed:
            while True:
                gone = [run for run in (*self._active, *self._waiting) if run.stream.closed]
                for run in gone:
                    self._remove(run)
                    log.info("cancelled", task_id=run.plan.request_id, done=run.done)
                if self._state is _State.STOPPED:
                    break
                while self._waiting and len(self._active) < self._slots:
                    run = self._waiting.popleft()
                    self._active.append(run)
                    run.admitted = self._clock()
                    run.stream.publish(events.Admitted(plan=run.plan))
                if self._active:
                    # Whoever waits longest for a turn; of newcomers the first.
                    run = min(self._active, key=lambda run: run.turn)
                    run.turn = next(self._turns)
                    return run
                self._changed.wait()
        self._end(errors.WorkerDraining)
        return None

    def _advance(self, model: Model[Any, Any], run: _Run) -> None:
        try:
            self._draw(model, run)
        except errors.DeviceLost:
            raise
        except Exception as error:  # whatever it was, it was this request's alone
            self._finish(run)
            failure = error if isinstance(error, DaydreamError) else errors.GenerationFailed()
            if failure is not error:
                failure.__cause__ = error
            run.stream.fail(failure)

    def _draw(self, model: Model[Any, Any], run: _Run) -> None:
        plan, stream = run.plan, run.stream
        if run.trajectory is None:
            if run.sample == 0:
                run.conditioning = model.encode(plan)
            run.trajectory = model.begin(plan, run.conditioning, run.sample)
        trajectory = run.trajectory
        model.step(trajectory)
        total = run.stepped(self._clock())
        remaining_ms = round(run.remaining_seconds * 1000)
        stream.publish(events.Step(sample=run.sample, done=run.done, total=total, remaining_ms=remaining_ms))
        if trajectory.done < trajectory.calls:
            if plan.preview_every and run.done % plan.preview_every == 0:
                stream.publish(events.Preview(sample=run.sample, done=run.done, webp=model.preview(trajectory)))
            return
        png = model.finish(trajectory)
        seed = plan.seed + run.sample
        stream.publish(events.ImageReady(sample=run.sample, seed=seed, width=plan.width, height=plan.height, png=png))
        run.sample, run.trajectory = run.sample + 1, None
        if run.sample == plan.samples:
            self._finish(run)
            duration_ms = round((self._clock() - run.admitted) * 1000)
            stream.publish(events.Finished(images=plan.samples, duration_ms=duration_ms))
            log.info("finished", task_id=plan.request_id, images=plan.samples, duration_ms=duration_ms)

    def _finish(self, run: _Run) -> None:
        with self._changed:
            self._remove(run)

    def _remove(self, run: _Run) -> None:
        for held in (self._active, self._waiting):
            if run in held:
                held.remove(run)

    def _end(self, kind: type[DaydreamError]) -> None:
        with self._changed:
            self._state = _State.STOPPED
            failed = [*self._active, *self._waiting]
            self._active.clear()
            self._waiting.clear()
        for run in failed:
            run.stream.fail(kind())

    def _tell(self, callback: Callable[[], object]) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)


def _answer(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():  # whoever waited has been told to stop
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
