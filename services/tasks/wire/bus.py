"""NATS as this service uses it: events on JetStream, live changes on core NATS.

Nothing here waits for a server that is away: the outbox keeps events, and live changes are stale in a second anyway.
What auth publishes is heard twice: for good, by one replica, through the durable consumers; and at once, by each, as
every replica may hold open what is over now.
"""

import asyncio
import contextlib
import datetime as dt
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import nats
from daydream.auth.v1 import events_pb2
from daydream.tasks.v1 import tasks_pb2
from google.protobuf.message import DecodeError
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.foundation import events, logs
from services.foundation.consumer import Consumer, Heard, NotYet
from services.tasks.people.accounts import Accounts
from services.tasks.ports import Change
from services.tasks.wire import messages

log = logs.logger(__name__)
WAITING_CHANGES: Final = 1000


def consumers(accounts: Accounts) -> tuple[Consumer, ...]:
    """Consumers of what auth publishes. One for each kind, so that an erasure keeps no session's end waiting."""

    async def session_ended(heard: Heard) -> None:
        event = _read(events_pb2.SessionEnded, heard)
        if event is not None:
            await accounts.session_ended(heard.event_id, user_id=event.user_id, session_id=event.session_id)

    async def user_deleted(heard: Heard) -> None:
        event = _read(events_pb2.UserDeleted, heard)
        if event is None:
            return
        again = await accounts.user_deleted(
            heard.event_id, user_id=event.user_id, time=event.time.ToDatetime(dt.UTC), tries=heard.deliveries
        )
        if again:
            raise NotYet(again)

    return (
        Consumer(
            name="tasks-session-ended",
            stream=events.ACCOUNTS_STREAM,
            subject=events.SESSION_ENDED,
            handle=session_ended,
        ),
        Consumer(
            name="tasks-user-deleted", stream=events.ACCOUNTS_STREAM, subject=events.USER_DELETED, handle=user_deleted
        ),
    )


E = TypeVar("E", events_pb2.SessionEnded, events_pb2.UserDeleted)


def _read(kind: type[E], heard: Heard) -> E | None:
    """The event; None for what is none, as it would be none the next time either."""
    try:
        return kind.FromString(heard.payload)
    except DecodeError:
        log.warning("an event that cannot be read", event_id=heard.event_id)
        return None


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

    async def run(
        self, heard: Callable[[Change], None], ended: Callable[[str, str], None], consumers: Sequence[Consumer]
    ) -> None:
        """Connect whenever NATS is there, hand on what other replicas announce; until cancelled.

        `ended` hears of users and the sessions of theirs that are over, an empty one for all; `consumers` get the
        connection, and run beside this.
        """
        client = await events.connect(self._url, f"tasks-{self._origin}")
        try:

            async def on_message(message: Msg) -> None:
                with contextlib.suppress(DecodeError):
                    changed = tasks_pb2.TaskChanged.FromString(message.data)
                    if changed.origin != self._origin:
                        heard(messages.from_task_changed(changed))

            async def on_session_ended(message: Msg) -> None:
                with contextlib.suppress(DecodeError):
                    session = events_pb2.SessionEnded.FromString(message.data)
                    ended(session.user_id, session.session_id)

            async def on_user_deleted(message: Msg) -> None:
                with contextlib.suppress(DecodeError):
                    ended(events_pb2.UserDeleted.FromString(message.data).user_id, "")

            await client.subscribe(f"{events.TASK_CHANGED}.*.*", cb=on_message)
            await client.subscribe(f"{events.SESSION_ENDED}.*", cb=on_session_ended)
            await client.subscribe(f"{events.USER_DELETED}.*", cb=on_user_deleted)
            self._client = client
            await self.publisher.use(client)
            for consumer in consumers:
                await consumer.use(client)
            while True:
                await self._send(client, await self._waiting.get())
        finally:
            self._client = None
            for consumer in consumers:
                await consumer.use(None)
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
