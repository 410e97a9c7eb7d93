"""Takes files in as they arrive, piece by piece: not too much, not for too long, and few unpacked at a time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, TypeVar

from services.tasks.errors import PictureRefused, UploadStalled

T = TypeVar("T")
MOST_BYTES: Final = 20 * 1024 * 1024
PIECE_SECONDS: Final = 15.0
"""A sender that is silent for so long has stalled."""
ALL_SECONDS: Final = 300.0
"""And one that drips has by now."""
AT_ONCE: Final = 2
"""Pictures unpacked at a time: each may take a hundred megabytes, however many people send one."""


class Intake:
    """What everybody who sends a picture goes through."""

    def __init__(self, *, piece_seconds: float = PIECE_SECONDS) -> None:
        """`piece_seconds` is how long a sender may be silent."""
        self._piece_seconds = piece_seconds
        self.unpacking = asyncio.Semaphore(AT_ONCE)
        """To be held by whoever unpacks a picture."""

    async def following(self, parts: AsyncIterator[T]) -> T:
        """What comes next. Raises UploadStalled, and StopAsyncIteration when nothing does."""
        try:
            async with asyncio.timeout(self._piece_seconds):
                return await anext(parts)
        except TimeoutError as error:
            raise UploadStalled from error

    async def gather(self, pieces: AsyncIterator[bytes]) -> bytes:
        """The whole file. Raises PictureRefused for too much of it, and UploadStalled."""
        data = bytearray()
        try:
            async with asyncio.timeout(ALL_SECONDS):
                while True:
                    data += await self.following(pieces)
                    if len(data) > MOST_BYTES:
                        raise PictureRefused(f"The file is too large; {MOST_BYTES // 2**20} MB are allowed.")
        except StopAsyncIteration:
            return bytes(data)
        except TimeoutError as error:
            raise UploadStalled from error
