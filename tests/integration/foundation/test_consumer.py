"""Durable consumers before a real NATS: every event is handled until that has worked, whatever goes away meanwhile."""

import asyncio
import contextlib
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest

from services.foundation import events
from services.foundation.consumer import Consumer, Heard, NotYet
from tests.support.nats import Nats


@pytest.fixture(scope="module")
def shared() -> Iterator[Nats]:
    server = Nats()
    yield server
    server.remove()


@pytest.fixture
def own() -> Iterator[Nats]:
    server = Nats()
    yield server
    server.remove()


class Listener:
    """Counts what it handles; fails as often as it is told to."""

    def __init__(self, name: str) -> None:
        self.handled: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.deliveries: dict[str, int] = {}
        self.consumer = Consumer(
            name=name, stream=events.ACCOUNTS_STREAM, subject=events.USER_DELETED, handle=self.handle
        )

    async def handle(self, heard: Heard) -> None:
        if self.failures[heard.event_id]:
            self.failures[heard.event_id] -= 1
            raise NotYet(0.05) if self.failures[heard.event_id] % 2 else ValueError(heard.event_id)
        self.handled[heard.event_id] += 1
        self.deliveries[heard.event_id] = heard.deliveries


@contextlib.asynccontextmanager
async def connected(nats: Nats, *listeners: Listener) -> AsyncIterator[events.Publisher]:
    """The listeners and a publisher, each as a process of its own would have it, running."""
    async with contextlib.AsyncExitStack() as open_parts:
        for listener in listeners:
            client = await events.connect(nats.url, "listener")
            open_parts.push_async_callback(events.close, client)
            running = asyncio.create_task(listener.consumer.run())
            open_parts.push_async_callback(_cancelled, running)
            open_parts.push_async_callback(listener.consumer.use, None)
            await listener.consumer.use(client)
        client = await events.connect(nats.url, "publisher")
        open_parts.push_async_callback(events.close, client)
        publisher = events.Publisher()
        await publisher.use(client)
        yield publisher


async def _cancelled(running: asyncio.Task[None]) -> None:
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def published(publisher: events.Publisher, *event_ids: str) -> None:
    """As the outbox does it: until JetStream has them."""
    async with asyncio.timeout(60):
        for event_id in event_ids:
            while True:
                try:
                    await publisher.publish(events.USER_DELETED, event_id, b"payload")
                    break
                except Exception:
                    await asyncio.sleep(0.05)


async def handled(event_ids: set[str], *listeners: Listener) -> Counter[str]:
    """How often each was handled, once all were."""

    def counted() -> Counter[str]:
        return sum((listener.handled for listener in listeners), Counter())

    async with asyncio.timeout(60):
        # A pause between looks at what is counted elsewhere.
        while not event_ids <= set(counted()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return Counter({event_id: number for event_id, number in counted().items() if event_id in event_ids})


async def test_replicas_share_the_events_and_each_is_handled_by_one(shared: Nats) -> None:
    replicas = [Listener("test-share") for _ in range(3)]
    wanted = {f"share-{number}" for number in range(40)}

    async with connected(shared, *replicas) as publisher:
        await published(publisher, *wanted)
        counted = await handled(wanted, *replicas)

    assert counted == Counter(wanted)


async def test_what_a_handler_fails_at_comes_again_and_again_without_end(shared: Nats) -> None:
    listener = Listener("test-again")
    listener.failures["again-1"] = 4

    async with connected(shared, listener) as publisher:
        await published(publisher, "again-1", "again-2")
        counted = await handled({"again-1", "again-2"}, listener)

    assert counted == Counter({"again-1", "again-2"})
    assert (listener.deliveries["again-1"], listener.deliveries["again-2"]) == (5, 1)


async def test_kinds_of_consumers_each_hear_every_event(shared: Nats) -> None:
    first, second = Listener("test-first"), Listener("test-second")

    async with connected(shared, first, second) as publisher:
        await published(publisher, "both-1")

        assert await handled({"both-1"}, first) == await handled({"both-1"}, second) == Counter({"both-1": 1})


async def test_events_from_before_a_consumer_first_ran_and_from_while_it_was_away_are_handled(shared: Nats) -> None:
    listener, after_a_restart = Listener("test-late"), Listener("test-late")
    async with connected(shared) as publisher:
        await published(publisher, "late-1")

        async with connected(shared, listener):
            await handled({"late-1"}, listener)
        await published(publisher, "late-2")
        async with connected(shared, after_a_restart):
            counted = await handled({"late-2"}, after_a_restart)

    assert counted == Counter({"late-2": 1})
    assert after_a_restart.handled["late-1"] == 0


@pytest.mark.parametrize("keeps_its_store", [True, False], ids=["with its store", "without it"])
async def test_a_consumer_goes_on_when_nats_comes_back(own: Nats, keeps_its_store: bool) -> None:
    listener = Listener("test-back")
    async with connected(own, listener) as publisher:
        await published(publisher, "back-1")
        await handled({"back-1"}, listener)

        own.stop()
        if not keeps_its_store:
            shutil.rmtree(own.store / "jetstream")
        own.start()
        await published(publisher, "back-2")
        counted = await handled({"back-2"}, listener)

    assert counted == Counter({"back-2": 1})
