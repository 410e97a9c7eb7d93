"""One thread owns the models and draws; asyncio hands it requests and reads their events.

A number of requests have a slot and are drawn together, tick by tick (`drawing`). Behind them wait a bounded few; more
are refused.
"""

import asyncio
import enum
import functools
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from services.foundation import logs
from services.foundation.errors import DaydreamError
from services.gpu import errors, limits, uploads
from services.gpu.card import Capabilities, Card
from services.gpu.engine import policy
from services.gpu.engine.budget import Budget
from services.gpu.engine.drawing import Drawing, Rules
from services.gpu.engine.finishing import Finishing
from services.gpu.engine.model import Library
from services.gpu.engine.policy import Policy
from services.gpu.engine.run import Run
from services.gpu.engine.stream import Post, Stream
from services.gpu.requests import Plan, Request

log = logs.logger(__name__)

STOP_SECONDS: Final = 5.0
"""How long the end waits for the tick in hand; one that takes longer ends with the process."""
_ROWS_AN_IMAGE: Final = 2
_FORWARDS_OF_IMAGES: Final = 2
"""How many forwards' worth of requests have a slot: enough to choose from, few enough to keep each one moving."""
_LEAST_SLOTS: Final = 2


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much the engine takes on."""

    slots: int | None = None
    """Requests drawn at once; None makes it as many as fill two forwards of the default model."""
    waiting: int = 4
    """Requests that may wait for a slot; one more is refused."""
    policy: Policy = policy.shortest
    """Whose turn it is."""
    fixed_rows: int | None = None
    """Rows of every forward, for whoever needs the same bits every time; None makes it as many as pay."""


class _State(enum.Enum):
    LOADING = enum.auto()
    SERVING = enum.auto()
    DRAINING = enum.auto()
    STOPPED = enum.auto()


@dataclass(frozen=True, kw_only=True)
class _Ready:
    """What is known once the default model is in memory."""

    models: Library
    device: str
    slots: int
    places: int


class Engine:
    """Draws requests with the models it loads. `submit` is all that callers see of how it does so."""

    def __init__(
        self, *, load: Callable[[], Library], bounds: Bounds, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`load` runs in the engine's thread."""
        self.worker_id = secrets.token_hex(8)
        self._started = time.time()
        self._load, self._bounds, self._clock = load, bounds, clock
        self._at_hand: _Ready | None = None
        # Guards everything below; the thread waits on it for something to do.
        self._changed = threading.Condition()
        self._state = _State.LOADING
        self._waiting: deque[Run] = deque()
        # Whether there is something new since the last tick: a request, or a model.
        self._news = False
        # The thread's own; others only look at it.
        self._drawing: Drawing | None = None
        # Touched on the asyncio loop alone.
        self._open: set[Stream] = set()
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._finishing = Finishing()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loaded: asyncio.Future[None] | None = None
        self._lost = asyncio.Event()

    async def start(self) -> None:
        """Load the default model. Raises what loading raised, ModelUnusable as a rule."""
        self._loop = asyncio.get_running_loop()
        self._loaded = self._loop.create_future()
        self._thread.start()
        await self._loaded

    def submit(self, request: Request) -> Stream:
        """Take a request in; call it on the asyncio loop, and close the stream that is returned.

        Raises WorkerLoading, WorkerDraining, ModelNotFound, InvalidInput, or WorkerFull with a hint when to come again.
        """
        plan = self._settled(request, self._ready().models)
        with self._changed:
            # Again, under the lock: what comes after the engine's end would wait for ever.
            ready = self._ready()
            # What nobody has read yet takes memory too, so a request counts until its stream is closed.
            if len(self._open) >= ready.slots + self._bounds.waiting:
                left = [run.remaining_seconds for run in self._running()]
                raise errors.WorkerFull(retry_after=max(1.0, min(left, default=1.0)))
            stream = Stream(loop=asyncio.get_running_loop(), on_close=self._forget)
            self._open.add(stream)
            self._quiet.clear()
            run = Run(plan, stream, clock=self._clock)
            if plan.start_image is None and plan.mask is None:
                self._enqueue(run)
            else:
                # Its place in the line is where it stands once its pictures are decoded.
                self._finishing.decode(run, functools.partial(self._enqueue, run))
        return stream

    def capabilities(self) -> Capabilities:
        """What this worker can do. Raises WorkerLoading before it can do anything."""
        ready = self._ready(draining=True)
        return Capabilities(
            worker_id=self.worker_id,
            device=ready.device,
            slots=ready.slots,
            busy_slots=len(self._open),
            cards=tuple(ready.models.cards()),
            memory=ready.models.memory(),
            started=self._started,
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
            run.fail(errors.WorkerDraining())

    async def stop(self) -> None:
        """End what is still being drawn with WorkerDraining, then the thread."""
        self.drain()
        with self._changed:
            self._state = _State.STOPPED
            self._changed.notify()
        if self._at_hand is not None:
            await asyncio.to_thread(self._thread.join, STOP_SECONDS)

    def _settled(self, request: Request, library: Library) -> Plan:
        plan = limits.settle(request, _card(library, request.model))
        uploads.check(plan)
        return plan

    def _ready(self, *, draining: bool = False) -> _Ready:
        if self._at_hand is None or self._state is _State.LOADING:
            raise errors.WorkerLoading
        if self._state is not _State.SERVING and not draining:
            raise errors.WorkerDraining
        return self._at_hand

    def _running(self) -> list[Run]:
        return list(self._drawing.runs) if self._drawing is not None else []

    def _enqueue(self, run: Run) -> None:
        with self._changed:
            if self._state is _State.SERVING:
                self._waiting.append(run)
                self._changed.notify()
                return
        run.fail(errors.WorkerDraining())

    def _forget(self, stream: Stream) -> None:
        self._open.discard(stream)
        if not self._open:
            self._quiet.set()
        with self._changed:
            self._changed.notify()

    # From here on everything runs in the engine's thread.

    def _work(self) -> None:
        assert self._loaded is not None
        assert self._loop is not None
        try:
            ready = self._at_hand = self._loaded_library()
        except Exception as error:
            self._on_loop(functools.partial(_answer, self._loaded, error))
            return
        drawing = self._drawing = Drawing(
            library=ready.models,
            post=Post(self._loop),
            finishing=self._finishing,
            rules=Rules(policy=self._bounds.policy, places=ready.places, fixed_rows=self._bounds.fixed_rows),
        )
        with self._changed:
            if self._state is _State.LOADING:
                self._state = _State.SERVING
        self._on_loop(functools.partial(_answer, self._loaded, None))
        ready.models.listen(self._hear)
        try:
            while self._take_in(drawing, ready.slots):
                drawing.tick()
            self._end(errors.WorkerDraining)
        except Exception:  # the device is lost, or this loop itself is wrong: only a new process helps
            log.exception("engine lost")
            self._end(errors.DeviceLost)
            self._on_loop(self._lost.set)

    def _loaded_library(self) -> _Ready:
        library = self._load()
        default = library.cards()[0]
        model = library.get(default.name)
        images = _images_a_forward(self._bounds.fixed_rows, model.budget, default)
        slots = self._bounds.slots or max(_LEAST_SLOTS, _FORWARDS_OF_IMAGES * images)
        log.info("slots", slots=slots, images_a_forward=images)
        return _Ready(models=library, device=model.device, slots=slots, places=max(slots, _FORWARDS_OF_IMAGES * images))

    def _take_in(self, drawing: Drawing, slots: int) -> bool:
        """Give slots to those that wait, and wait where there is nothing to do; False when it is time to end."""
        with self._changed:
            while self._state is not _State.STOPPED:
                drawing.let_go()
                while self._waiting and len(drawing.runs) < slots:
                    run = self._waiting.popleft()
                    if run.late:
                        run.fail(errors.DeadlinePassed())
                    elif not run.over:
                        drawing.admit(run)
                        self._news = True
                if drawing.runs and (self._news or not drawing.waits):
                    self._news = False
                    return True
                self._changed.wait()
        return False

    def _hear(self) -> None:
        """A model may be there."""
        with self._changed:
            self._news = True
            self._changed.notify()

    def _end(self, kind: type[DaydreamError]) -> None:
        with self._changed:
            self._state = _State.STOPPED
            failed = [*self._running(), *self._waiting]
            self._waiting.clear()
        # Those that lack nothing but their files still get them.
        self._finishing.close()
        for run in failed:
            run.fail(kind())

    def _on_loop(self, callback: Callable[[], object]) -> None:
        assert self._loop is not None
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)


def _card(library: Library, name: str | None) -> Card:
    cards = library.cards()
    if name is None:
        return cards[0]
    for card in cards:
        if card.name == name:
            return card
    raise errors.ModelNotFound(metadata={"model": name})


def _images_a_forward(fixed_rows: int | None, budget: Budget, card: Card) -> int:
    rows = fixed_rows or budget.limit(card.defaults.width * card.defaults.height)
    return max(1, rows // _ROWS_AN_IMAGE)


def _answer(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():  # whoever waited has been told to stop
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
