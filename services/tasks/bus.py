"""NATS as this service uses it: completion events on JetStream, live changes on core NATS.

Nothing here waits for a server that is away: the outbox keeps events, and live changes are stale in a second anyway.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final

import nats
from daydream.tasks.v1 import tasks_pb2
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.foundation import events, logs
from services.tasks import messages
from services.tasks.ports import Change

log = logs.logger(__name__)
WAITING_CHANGES: Final = 1000


class Bus:
    """This replica's connection to NATS."""

    def __init__(self, url: str, *, origin: str) -> None:
        """`origin` names this replica, so that it passes over its own echo. Nothing connects yet."""
        self._url = url
        self._origin = origin
        self._client: Client | None = None
        self.publisher = events.Publisher()
        self._waiting: asyncio.Queue[Change] = asyncio.Queue(maxsize=WAITING_CHANGES)

    @property
    def connected(self) -> bool:
        """Whether changes on other replicas arrive just now."""
        return self._client is not None and self._client.is_connected

    async def run(self, heard: Callable[[Change], None]) -> None:
        """Connect whenever NATS is there, hand on what other replicas announce; until cancelled."""
        client = await events.connect(self._url, f"tasks-{self._origin}")
        try:

            async def on_message(message: Msg) -> None:
                with contextlib.suppress(DecodeError):
                    changed = tasks_pb2.TaskChanged.FromString(message.data)
                    if changed.origin != self._origin:
                        heard(messages.from_task_changed(changed))

            await client.subscribe(f"{events.TASK_CHANGED}.*.*", cb=on_message)
            self._client = client
            await self.publisher.use(client)
            while True:
                await self._send(client, await self._waiting.get())
        finally:
            self._client = None
            await self.publisher.use(None)
            await events.close(client)

    async def _send(self, client: Client, change: Change) -> None:
        subject = f"{events.TASK_CHANGED}.{change.user_id}.{change.task_id}"
        # Away, closing, too large: watchers elsewhere read the ledger instead.
        with contextlib.suppress(nats.errors.Error):
            if client.is_connected:
                await client.publish(subject, messages.to_task_changed(change, self._origin).SerializeToString())

    def announce(self, change: Change) -> None:
        """Send a change to the other replicas; dropped when NATS is away or cannot keep up."""
        if self.connected:
            with contextlib.suppress(asyncio.QueueFull):
                self._waiting.put_nowait(change)
