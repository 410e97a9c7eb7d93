"""Writes beside a read: worth having, never worth a refusal. Knows nothing of what is written."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from services.foundation import errors, logs

log = logs.logger(__name__)

# What a caller waits at most; a database that is well answers in a hundredth of it.
PATIENCE_SECONDS: Final = 0.5
# More than these at once means that the database is behind already.
_AT_ONCE: Final = 8


class Notes:
    """Notes such as when a session was last seen: written if the database takes them soon, else left."""

    def __init__(self) -> None:
        """Nothing is under way."""
        self._under_way: set[asyncio.Task[bool]] = set()

    async def write(self, note: Callable[[], Coroutine[Any, Any, None]]) -> bool:
        """Write a note; says whether it was written in time."""
        if len(self._under_way) >= _AT_ONCE:
            return False
        attempt = asyncio.create_task(_attempt(note))
        self._under_way.add(attempt)
        attempt.add_done_callback(self._under_way.discard)
        # One that takes longer goes on by itself: given up half-way, it would leave a transaction open.
        done, _ = await asyncio.wait({attempt}, timeout=PATIENCE_SECONDS)
        return bool(done) and attempt.result()


async def _attempt(note: Callable[[], Coroutine[Any, Any, None]]) -> bool:
    try:
        await note()
    except errors.Unavailable as error:
        log.warning("not noted", reason=error.detail_reason)
        return False
    return True
