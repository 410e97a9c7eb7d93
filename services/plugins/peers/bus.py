"""NATS as the host uses it: it hears, and tells nothing. Nothing waits for a server that is away."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from nats.aio.client import Client
from nats.aio.msg import Msg

from services.foundation import events
from services.foundation.consumer import Consumer

Hear = Callable[[bytes], None]
"""Takes an event's payload as it comes by; must not raise."""


class Bus:
    """This replica's connection."""

    def __init__(self, url: str) -> None:
        """Nothing connects yet."""
        self._url = url

    async def run(self, *, consumers: Sequence[Consumer], hears: Mapping[str, Hear]) -> None:
        """Connect whenever NATS is there, until cancelled.

        `consumers` get the connection, and run while this does: each event for one replica, for good. `hears` maps
        prefixes of subjects to what every replica is to know at once, and will miss while it is not connected.
        """
        client = await events.connect(self._url, "plugins")
        running = [asyncio.create_task(each.run()) for each in consumers]
        try:
            for subject, hear in hears.items():
                await client.subscribe(f"{subject}.*", cb=_handing_to(hear))
            for each in consumers:
                await each.use(client)
            await asyncio.gather(*running)
            await asyncio.Event().wait()
        finally:
            for task in running:
                task.cancel()
            await self._let_go(client, consumers)
            await asyncio.gather(*running, return_exceptions=True)

    @staticmethod
    async def _let_go(client: Client, consumers: Sequence[Consumer]) -> None:
        for each in consumers:
            await each.use(None)
        await events.close(client)


def _handing_to(hear: Hear) -> Callable[[Msg], Awaitable[None]]:
    async def on_message(message: Msg) -> None:
        hear(message.data)

    return on_message
