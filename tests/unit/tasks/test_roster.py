"""Which workers there are, as names come to stand for other addresses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from services.tasks.settings import Settings
from services.tasks.wire import model_messages
from services.tasks.workers.fleet import Fleet
from services.tasks.workers.roster import Roster, look_up
from tests.support.fake_parts import FakeWorker
from tests.support.ledger import until
from tests.support.ledger_rows import Store


class Names:
    """A resolver that says what the test says."""

    def __init__(self, **addresses: Sequence[str]) -> None:
        self.addresses = dict(addresses)

    async def look_up(self, host: str, port: int) -> Sequence[str]:
        if host not in self.addresses:
            raise socket.gaierror
        return [f"{address}:{port}" for address in self.addresses[host]]


class Place:
    """A fleet whose workers appear with their addresses."""

    def __init__(self, store: Store, names: Names, *targets: str) -> None:
        self.workers: dict[str, FakeWorker] = {}
        self.closed: list[str] = []
        self.fleet = Fleet(
            store=store.workers,
            encode=model_messages.encode_capabilities,
            decode=model_messages.decode_capabilities,
        )
        self.roster = Roster(
            targets, fleet=self.fleet, connect=self.connect, disconnect=self.disconnect, look_up=names.look_up
        )

    def connect(self, target: str) -> FakeWorker:
        return self.workers.setdefault(target, FakeWorker())

    async def disconnect(self, target: str) -> None:
        self.closed.append(target)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Place"]:
        running = asyncio.create_task(self.fleet.run())
        yield self
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    async def answering(self, count: int) -> None:
        async def look() -> bool:
            return self.fleet.answering() == count

        await until(look)


async def test_each_address_that_a_name_stands_for_is_a_worker_of_its_own(store: Store) -> None:
    names = Names(gpu=["10.0.0.1", "10.0.0.2"])
    async with Place(store, names, "10.9.9.9:1", "dns:///gpu:8013").open() as here:
        await here.roster.look()

        await here.answering(3)

        assert here.fleet.targets() == ["10.9.9.9:1", "10.0.0.1:8013", "10.0.0.2:8013"]
        assert here.fleet.slots() == 3


async def test_a_worker_that_is_no_longer_named_stays_while_it_answers(store: Store) -> None:
    names = Names(gpu=["10.0.0.1", "10.0.0.2"])
    async with Place(store, names, "dns:///gpu:8013").open() as here:
        await here.roster.look()
        await here.answering(2)
        names.addresses["gpu"] = ["10.0.0.2", "10.0.0.3"]

        await here.roster.look()
        kept = here.fleet.targets()
        here.workers["10.0.0.1:8013"].answers = False
        here.fleet.rest("10.0.0.1:8013", gone=True)
        await here.roster.look()

        assert kept == ["10.0.0.1:8013", "10.0.0.2:8013", "10.0.0.3:8013"]
        assert here.fleet.targets() == ["10.0.0.2:8013", "10.0.0.3:8013"]
        assert here.closed == ["10.0.0.1:8013"]
        await here.answering(2)


async def test_a_resolver_that_is_away_takes_no_worker_away(store: Store) -> None:
    names = Names(gpu=["10.0.0.1"])
    async with Place(store, names, "dns:///gpu:8013").open() as here:
        await here.roster.look()
        here.workers["10.0.0.1:8013"].answers = False
        del names.addresses["gpu"]

        await here.roster.look()

        assert here.fleet.targets() == ["10.0.0.1:8013"]


async def test_a_name_that_stands_for_nothing_yet_is_looked_up_again(store: Store) -> None:
    names = Names()
    async with Place(store, names, "dns:///gpu:8013").open() as here:
        await here.roster.look()
        none = here.fleet.targets()
        names.addresses["gpu"] = ["10.0.0.1"]

        await here.roster.look()

        assert (none, here.fleet.targets()) == ([], ["10.0.0.1:8013"])


async def test_a_host_of_two_families_is_one_worker() -> None:
    found = await look_up("localhost", 8013)

    assert found in (["127.0.0.1:8013"], ["[::1]:8013"])


@pytest.mark.parametrize("targets", ["dns:///gpu:8013,10.0.0.1:1", "[::1]:8013", "dns:///gpu.internal:8013"])
def test_targets_that_can_be_are_taken(targets: str) -> None:
    assert Settings(gpu_targets=targets).worker_targets == tuple(targets.split(","))


@pytest.mark.parametrize("targets", ["", " , ", "gpu", "dns://gpu:8013", "http://gpu:8013", "gpu:port"])
def test_targets_that_cannot_be_are_refused(targets: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)gpu_targets"):
        Settings(gpu_targets=targets)
