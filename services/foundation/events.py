"""NATS: one connection a process that comes back by itself, and the JetStream streams, declared in code.

JetStream carries what must not be lost (completion events); core NATS carries what is stale in a second (progress).
"""

import asyncio
from typing import Final

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from services.foundation import logs

log = logs.logger(__name__)

TASKS_STREAM: Final = "DAYDREAM_TASKS"
TASK_ENDED: Final = "daydream.tasks.ended"
"""Prefix of the completion events' subjects; each event has a subject of its own, `….<event id>`."""
TASK_CHANGED: Final = "daydream.tasks.changed"
"""Prefix of the live subjects on core NATS, `….<user id>.<task id>`."""
_WEEK_SECONDS: Final = 7 * 24 * 3600


async def connect(url: str, name: str) -> Client:
    """Connect, however long NATS is away, and come back by itself after that; start-up must not wait for it."""

    async def lost(error: Exception) -> None:
        log.warning("nats", error=repr(error))

    async def disconnected() -> None:
        log.warning("nats disconnected")

    async def reconnected() -> None:
        log.info("nats reconnected")

    client = Client()
    await client.connect(
        url,
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
    """Create or update the streams. A second copy of an event is refused by its subject, however late it comes."""
    jetstream = client.jetstream(timeout=5)
    config = StreamConfig(
        name=TASKS_STREAM,
        subjects=[f"{TASK_ENDED}.*"],
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
        await jetstream.update_stream(config)
    return jetstream


async def close(client: Client) -> None:
    """Send what waits, then close; a server that is away is not waited for."""
    try:
        await asyncio.wait_for(client.drain(), timeout=2)
    except (TimeoutError, nats.errors.Error):
        await client.close()
