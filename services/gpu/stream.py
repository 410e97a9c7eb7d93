"""One request's events on their way from the engine's thread to the asyncio loop.

Images and the end are kept until they are read. Steps and previews are worth having only while they are news: a new
one takes the place of one not read yet, so a slow reader costs no memory and never holds the engine up.
"""

import asyncio
import contextlib
import itertools
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable

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
        # Oldest first. Steps and previews sit under their own name, so that there is one of each at most.
        self._unread: OrderedDict[str | int, Event | DaydreamError] = OrderedDict()
        self._numbers = itertools.count()
        self._news = asyncio.Event()
        self._ended = False
        self.closed = False
        """Whether the reader has gone; the engine looks before every step."""

    def publish(self, event: Event) -> None:
        """Hand an event over, from any thread."""
        key: str | int = type(event).__name__ if isinstance(event, Step | Preview) else next(self._numbers)
        self._put(key, event)

    def fail(self, error: DaydreamError) -> None:
        """End the stream with an error, from any thread; what was published before is read first."""
        self._put(next(self._numbers), error)

    def _put(self, key: str | int, item: Event | DaydreamError) -> None:
        with self._lock:
            was_empty = not self._unread
            self._unread.pop(key, None)
            self._unread[key] = item
        if was_empty:
            # A loop that is closed has no readers left.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._news.set)

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
