"""One request's events on their way from the engine's thread to the asyncio loop.

Images and the end are kept until they are read. Steps and previews are worth having only while they are news: a new
one takes the place of one not read yet, so a slow reader costs no memory and never holds the engine up.
"""

import asyncio
import contextlib
import functools
import itertools
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterable

from services.foundation.errors import DaydreamError
from services.gpu.events import Event, Finished, Preview, Step


class Stream(AsyncIterator[Event]):
    """Events of one request, in order; ends after Finished, or raises what the request failed with.

    Its reader must close it (`contextlib.aclosing`): closing early cancels the request.
    """

    def __init__(self, *, loop: asyncio.AbstractEventLoop, on_close: Callable[["Stream"], None]) -> None:
        """`loop` is the reader's; `on_close` is called there, once."""
        self._loop = loop
        self._on_close = on_close
        self._lock = threading.Lock()
        # Oldest first. Steps and each image's previews sit under a name, so that there is one of each at most.
        self._unread: OrderedDict[str | int, Event | DaydreamError] = OrderedDict()
        self._numbers = itertools.count()
        self._news = asyncio.Event()
        self._ended = False
        self.closed = False
        """Whether the reader has gone; the engine looks before every step."""

    def publish(self, event: Event) -> None:
        """Hand an event over, from any thread."""
        if self.put(event):
            _on(self._loop, self.wake)

    def fail(self, error: DaydreamError) -> None:
        """End the stream with an error, from any thread; what was published before is read first."""
        if self.put(error):
            _on(self._loop, self.wake)

    def put(self, item: Event | DaydreamError) -> bool:
        """Hand something over, from any thread, without waking the reader; whether it must be woken now."""
        key: str | int = next(self._numbers)
        if isinstance(item, Step):
            key = "step"
        elif isinstance(item, Preview):
            key = f"preview {item.sample}"
        with self._lock:
            was_empty = not self._unread
            self._unread.pop(key, None)
            self._unread[key] = item
        return was_empty

    def wake(self) -> None:
        """Let the reader look again; to be called on its loop."""
        self._news.set()

    async def __anext__(self) -> Event:
        """Wait for the next event."""
        if self._ended or self.closed:
            raise StopAsyncIteration
        while True:
            with self._lock:
                item = self._unread.popitem(last=False)[1] if self._unread else None
                if item is None:
                    self._news.clear()
            if item is not None:
                break
            await self._news.wait()
        self._ended = isinstance(item, DaydreamError | Finished)
        if isinstance(item, DaydreamError):
            raise item
        return item

    async def aclose(self) -> None:
        """Let the request go; one that is still being drawn is cancelled at its next step."""
        if not self.closed:
            self.closed = True
            self._on_close(self)


class Post:
    """Events of many streams of one loop, from one thread, which wakes their readers all at once.

    To wake a loop from another thread takes longer than all else that an event needs.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing is on its way."""
        self._loop = loop
        self._to_wake: list[Stream] = []

    def publish(self, stream: Stream, event: Event) -> None:
        """Hand an event over; its reader learns of it at the next `flush`."""
        if stream.put(event):
            self._to_wake.append(stream)

    def flush(self) -> None:
        """Wake every reader there is something for."""
        if self._to_wake:
            woken, self._to_wake = self._to_wake, []
            _on(self._loop, functools.partial(_wake, woken))


def _wake(streams: Iterable[Stream]) -> None:
    for stream in streams:
        stream.wake()


def _on(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    # A loop that is closed has no readers left.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback)
