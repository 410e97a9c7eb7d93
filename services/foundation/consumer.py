"""Durable consumers of JetStream's events: every event is handled, by one replica, until that has worked.

All replicas of a service pull from one durable consumer, which the server keeps. What is not acknowledged comes again,
without end, so handlers do their work once whatever they are told twice; `inbox_table` keeps what they have seen.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from services.foundation import events, logs
from services.foundation.outbox import back_off

log = logs.logger(__name__)
BATCH: Final = 10
PULL_SECONDS: Final = 5.0
"""How long a pull waits at the server. One that a reconnect has lost is made again after as long."""
ACK_SECONDS: Final = 30.0
"""Who has not acknowledged for so long is gone, and another replica gets the event."""
AGAIN_SECONDS: Final = 1.0
"""Between two tries to reach a consumer that cannot be had."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """An event that came."""

    event_id: str
    """Names it: the end of its subject."""
    payload: bytes = field(repr=False)
    """A serialised message."""
    deliveries: int
    """How often it came, this time included."""


class NotYet(Exception):
    """The event cannot be done with now; it is to come again."""

    def __init__(self, seconds: float) -> None:
        """`seconds` to wait before."""
        self.seconds = seconds
        super().__init__(f"again in {seconds:.1f} s")


class Consumer:
    """Takes the events of one kind, over a connection that comes and goes."""

    def __init__(self, *, name: str, stream: str, subject: str, handle: Callable[[Heard], Awaitable[None]]) -> None:
        """`name` is the durable consumer's, one for all replicas; `subject` the prefix that event ids stand behind.

        `handle` returns when all is done; raises NotYet, or anything else, for an event that is to come again.
        """
        self.name = name
        self._stream, self._subject = stream, subject
        self._handle = handle
        self._client: Client | None = None
        self._given = asyncio.Event()
        self._pulling: JetStreamContext.PullSubscription | None = None

    async def use(self, client: Client | None) -> None:
        """Pull over this connection from now on; None when it is about to be closed."""
        self._client = client
        if client is not None:
            self._given.set()
            return
        self._given.clear()
        # What is still on its way would keep the connection from closing well.
        await self._let_go()

    async def _let_go(self) -> None:
        pulling, self._pulling = self._pulling, None
        if pulling is not None:
            with contextlib.suppress(nats.errors.Error):
                await pulling.unsubscribe()

    async def run(self) -> None:
        """Handle events until cancelled."""
        while not _cancelled():
            await self._given.wait()
            client = self._client
            if client is None:
                continue
            try:
                await self._pull(client)
            except (nats.errors.Error, TimeoutError) as error:
                # Away, or back without its streams: they are declared again before the next pull.
                if not _cancelled():
                    log.warning("no events", consumer=self.name, error=repr(error))
                    await asyncio.sleep(AGAIN_SECONDS)

    async def _pull(self, client: Client) -> None:
        jetstream = await events.declare_streams(client)
        await jetstream.add_consumer(self._stream, self._config())
        self._pulling = pulling = await jetstream.pull_subscribe_bind(durable=self.name, stream=self._stream)
        try:
            while self._client is client and not _cancelled():
                await asyncio.gather(*(self._take(message) for message in await _fetched(pulling)))
        finally:
            await self._let_go()

    def _config(self) -> ConsumerConfig:
        return ConsumerConfig(
            name=self.name,
            durable_name=self.name,
            filter_subject=f"{self._subject}.*",
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_SECONDS,
            # Any bound would let an event fall silent at last.
            max_deliver=-1,
        )

    async def _take(self, message: Msg) -> None:
        heard = Heard(
            event_id=message.subject.rpartition(".")[2],
            payload=message.data,
            deliveries=message.metadata.num_delivered or 1,
        )
        try:
            async with _in_hand(message):
                await self._handle(heard)
        except NotYet as later:
            await message.nak(delay=later.seconds)
        except Exception:
            log.exception("event not handled yet", consumer=self.name, event_id=heard.event_id)
            await message.nak(delay=back_off(heard.deliveries))
        else:
            # Should this be lost, the event comes once more and finds itself in the inbox.
            await message.ack()


def _cancelled() -> bool:
    # nats-py tells a cancellation as an error of its own when the connection is being closed as well.
    current = asyncio.current_task()
    return current is not None and current.cancelling() > 0


async def _fetched(pulling: JetStreamContext.PullSubscription) -> list[Msg]:
    try:
        return await pulling.fetch(BATCH, timeout=PULL_SECONDS)
    except TimeoutError:
        return []


@contextlib.asynccontextmanager
async def _in_hand(message: Msg) -> AsyncIterator[None]:
    """Say that the event is being worked on, while the block lasts."""

    async def say() -> None:
        while True:
            await asyncio.sleep(ACK_SECONDS / 3)
            with contextlib.suppress(nats.errors.Error):
                await message.in_progress()

    saying = asyncio.create_task(say())
    try:
        yield
    finally:
        saying.cancel()
