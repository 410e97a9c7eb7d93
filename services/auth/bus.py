"""NATS as auth uses it: it only publishes, what the outbox hands on."""

import asyncio
from typing import Final

from services.foundation import events

NAME: Final = "auth"


class Bus:
    """This replica's connection to NATS."""

    def __init__(self, url: str) -> None:
        """Nothing connects yet."""
        self._url = url
        self.publisher = events.Publisher()

    async def run(self) -> None:
        """Be connected whenever NATS is there, until cancelled."""
        client = await events.connect(self._url, NAME)
        try:
            await self.publisher.use(client)
            await asyncio.Event().wait()
        finally:
            await self.publisher.use(None)
            await events.close(client)
