"""NATS: one connection a process that comes back by itself, and the JetStream streams, declared in code.

JetStream carries what must not be lost (completion events); core NATS carries what is stale in a second (progress).
"""

import asyncio
import contextlib
from typing import Final

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from services.foundation import logs

log = logs.logger(__name__)

TASKS_STREAM: Final = "DAYDREAM_TASKS"
ACCOUNTS_STREAM: Final = "DAYDREAM_ACCOUNTS"
TASK_ENDED: Final = "daydream.tasks.ended"
"""Prefix of the completion events' subjects; each event has a subject of its own, `….<event id>`."""
USER_DELETED: Final = "daydream.accounts.user-deleted"
"""Prefix of the events that say that an account is gone, which auth publishes in the same way."""
SESSION_ENDED: Final = "daydream.accounts.session-ended"
"""Prefix of the events that say that a browser session is over."""
TASK_CHANGED: Final = "daydream.tasks.changed"
"""Prefix of the live subjects on core NATS, `….<user id>.<task id>`."""
_WEEK_SECONDS: Final = 7 * 24 * 3600
_STREAMS: Final = {TASKS_STREAM: (TASK_ENDED,), ACCOUNTS_STREAM: (USER_DELETED, SESSION_ENDED)}
_SUBJECT_TAKEN: Final = 10077
"""JetStream's "maximum messages per subject exceeded": the event is there already, however long ago."""


class NotConnected(Exception):
    """NATS is away."""


async def connect(url: str, name: str) -> Client:
    """Connect, however long NATS is away, and come back by itself after that; start-up must not wait for it.

    `url` may name several servers of a cluster, with commas between: any of them will do.
    """

    async def lost(error: Exception) -> None:
        log.warning("nats", error=repr(error))

    async def disconnected() -> None:
        log.warning("nats disconnected")

    async def reconnected() -> None:
        log.info("nats reconnected")

    client = Client()
    await client.connect(
        [each.strip() for each in url.split(",")],
        name=name,
        allow_reconnect=True,
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        connect_timeout=2,
        ping_interval=10,
        max_outstanding_pings=2,
        error_cb=lost,
        disconnected_cb=disconnected,
        reconnected_cb=reconnected,
    )
    return client


async def declare_streams(client: Client) -> JetStreamContext:
    """Create or update the streams. A second copy of an event is refused by its subject, however late it comes.

    A new stream has one copy; one that an operator gave more of keeps them.
    """
    jetstream = client.jetstream(timeout=5)
    for name, subjects in _STREAMS.items():
        config = StreamConfig(
            name=name,
            subjects=[f"{subject}.*" for subject in subjects],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            max_age=_WEEK_SECONDS,
            max_msgs_per_subject=1,
            discard=DiscardPolicy.NEW,
            discard_new_per_subject=True,
            duplicate_window=120,
        )
        try:
            await jetstream.add_stream(config)
        except nats.js.errors.BadRequestError:
            # How many servers of a cluster keep a copy is for whoever runs it to say: it stays as they made it.
            there = (await jetstream.stream_info(name)).config
            config.num_replicas = there.num_replicas
            # Who may only read is not to need the right to change them.
            if any(value is not None and getattr(there, key) != value for key, value in vars(config).items()):
                await jetstream.update_stream(config)
    return jetstream


class Publisher:
    """Stores events with JetStream, over a connection that comes and goes."""

    def __init__(self) -> None:
        """Not connected."""
        self._client: Client | None = None
        self._jetstream: JetStreamContext | None = None

    async def use(self, client: Client | None) -> None:
        """Publish over this connection from now on; None when there is none any more."""
        self._client, self._jetstream = client, None
        if client is not None:
            with contextlib.suppress(nats.errors.Error):
                # So that consumers find the streams before the first event; `publish` tries again if this fails.
                self._jetstream = await declare_streams(client)

    async def publish(self, subject: str, event_id: str, payload: bytes) -> None:
        """Store an event on `subject.event_id`; returns also when JetStream had it already.

        Raises NotConnected and nats errors.
        """
        if self._client is None or not self._client.is_connected:
            raise NotConnected
        try:
            if self._jetstream is None:
                self._jetstream = await declare_streams(self._client)
            await self._jetstream.publish(
                f"{subject}.{event_id}", payload, headers={"Nats-Msg-Id": event_id}, timeout=5
            )
        except nats.js.errors.APIError as error:
            if error.err_code == _SUBJECT_TAKEN:
                return
            self._jetstream = None
            raise
        except nats.errors.Error:
            # The server may have come back without its streams.
            self._jetstream = None
            raise


async def close(client: Client) -> None:
    """Send what waits, then close; a server that is away is not waited for."""
    try:
        await asyncio.wait_for(client.drain(), timeout=2)
    except (TimeoutError, nats.errors.Error):
        await client.close()
