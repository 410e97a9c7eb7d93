"""Server-sent events: how they are spelled, how many a person may hold open, and how they end."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from services.foundation import errors

T = TypeVar("T")

MEDIA_TYPE: Final = "text/event-stream"
_MAX_REVISION: Final = 2**63 - 1


class TooManyStreams(errors.TooMuch):
    """Too many pages follow your tasks at once; close some."""

    reason = "TOO_MANY_STREAMS"


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When a stream does what, in seconds."""

    heartbeat: float = 15.0
    """A comment is sent after so long without an event, so that proxies keep the line open."""
    recheck: float = 10.0
    """The session or key is looked at again after so long."""
    retry: float = 2.0
    """What the browser is told to wait before it reconnects."""
    first_back_off: float = 0.5
    """Wait before the first reopening of a stream that tasks broke off; doubles up to `last_back_off`."""
    last_back_off: float = 8.0
    """Longest wait between two tries."""


def event(name: str, data: Any, *, event_id: int | None = None) -> bytes:
    """One event; `data` becomes JSON on one line."""
    lines = [f"event: {name}"]
    if event_id is not None:
        lines.append(f"id: {event_id}")
    lines.append(f"data: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}")
    return ("\n".join(lines) + "\n\n").encode()


def hint(timing: Timing) -> bytes:
    """Tells the browser when to come back.

    A line of its own and no block, as with `HEARTBEAT`: a blank line after it would be an event without data, which
    browsers pass over and some client libraries do not.
    """
    return f"retry: {int(timing.retry * 1000)}\n".encode()


HEARTBEAT: Final = b": still here\n"


def resume_from(request: Request) -> int:
    """The revision to go on from: what the browser saw last, or the page's own; 0 for anything that is no revision."""
    given = request.headers.get("last-event-id") or request.query_params.get("after", "")
    if not (given.isascii() and given.isdigit() and len(given) <= 19):
        return 0
    revision = int(given)
    return revision if revision <= _MAX_REVISION else 0


class Hub:
    """Every open stream of this process: a bound for each person, and one bell that ends them all."""

    def __init__(self, *, per_person: int = 20) -> None:
        """`per_person` streams may be open at once for one user."""
        self._per_person = per_person
        self._open: Counter[str] = Counter()
        self.closing = asyncio.Event()

    def close(self) -> None:
        """End every stream now; the process is about to stop."""
        self.closing.set()

    def count(self, user_id: str) -> int:
        """Streams that the user holds open."""
        return self._open[user_id]

    def seat(self, user_id: str) -> Callable[[], None]:
        """Take one of the person's places; call the result to give it back. Raises TooManyStreams."""
        if self._open[user_id] >= self._per_person:
            raise TooManyStreams(retry_after=5)
        self._open[user_id] += 1

        def give_back() -> None:
            self._open[user_id] -= 1
            if not self._open[user_id]:
                del self._open[user_id]

        return give_back


class EventStream(StreamingResponse):
    """An answer that goes on; whatever way it ends, its place is given back."""

    def __init__(self, body: AsyncGenerator[bytes, None], *, give_back: Callable[[], None]) -> None:
        """`body` yields whole events."""
        super().__init__(body, media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._body, self._give_back = body, give_back

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until it ends or the client leaves."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with contextlib.suppress(RuntimeError):
                await self._body.aclose()
            self._give_back()


async def pull(messages: AsyncIterator[T], *, every: float, closing: asyncio.Event) -> AsyncGenerator[T | None, None]:
    """Each message as it comes, None whenever `every` seconds pass without one; ends early when `closing` is set."""
    closed = asyncio.ensure_future(closing.wait())
    coming: asyncio.Future[T] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(_next(messages))
            both: set[asyncio.Future[Any]] = {coming, closed}
            done, _ = await asyncio.wait(both, timeout=every, return_when=asyncio.FIRST_COMPLETED)
            if closed in done:
                return
            if coming in done:
                come, coming = coming, None
                try:
                    message = come.result()
                except StopAsyncIteration:
                    return
                yield message
            else:
                yield None
    finally:
        closed.cancel()
        if coming is not None:
            coming.cancel()
            with contextlib.suppress(asyncio.CancelledError, StopAsyncIteration, errors.DaydreamError):
                await coming


async def _next(messages: AsyncIterator[T]) -> T:
    return await anext(messages)


class Beats:
    """Keeps two times in one loop: when the line must show it lives, and when the caller is looked at again."""

    def __init__(self, timing: Timing, still_allowed: Callable[[], Awaitable[bool]]) -> None:
        """`still_allowed` says whether the session or key still holds."""
        self._timing, self._still_allowed = timing, still_allowed
        self._loop = asyncio.get_running_loop()
        self._checked = self._spoken = self._loop.time()

    @property
    def every(self) -> float:
        """How long a read may wait before `due` is asked."""
        return min(self._timing.heartbeat, self._timing.recheck)

    def spoke(self) -> None:
        """An event was sent."""
        self._spoken = self._loop.time()

    async def allowed(self) -> bool:
        """Whether to go on; asks only when it is time to."""
        if self._loop.time() - self._checked < self._timing.recheck:
            return True
        self._checked = self._loop.time()
        try:
            return await self._still_allowed()
        except errors.Unavailable:
            # auth is away, which is no reason to end what it allowed before.
            return True

    def heartbeat(self) -> Iterator[bytes]:
        """A comment, when it is time for one."""
        if self._loop.time() - self._spoken >= self._timing.heartbeat:
            self.spoke()
            yield HEARTBEAT
