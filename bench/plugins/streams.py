"""Event streams of tasks in which nothing happens: what they take, and how late they hear when something does."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import psutil

from bench.ledger.sse import events, pieces
from bench.plugins.asking import spread
from bench.plugins.rig import PLUGIN, Host, megabytes

A_TASK: Final = 20
"""As many as may follow one task at once."""
OPENING: Final = 50
CHANGES: Final = 5
_SETTLE_SECONDS: Final = 2.0
_PATIENCE_SECONDS: Final = 60.0


class Follower:
    """One open stream; the moments of its events go to `heard`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Its headers were read."""
        self._writer = writer
        self.heard: list[float] = []
        self._told = asyncio.Condition()
        self._reading = asyncio.create_task(self._read(reader))

    async def hear(self, count: int) -> None:
        """Return once so many events have come."""
        async with asyncio.timeout(_PATIENCE_SECONDS), self._told:
            await self._told.wait_for(lambda: len(self.heard) >= count)

    def close(self) -> None:
        """End it."""
        self._reading.cancel()
        self._writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            async for _ in events(pieces(reader)):
                async with self._told:
                    self.heard.append(time.perf_counter())
                    self._told.notify_all()


async def measure(host: Host, *, streams: int) -> dict[str, Any]:
    """Open so many, let them be, then change every task a few times."""
    process = psutil.Process(host.serving.process.pid)
    async with httpx.AsyncClient(base_url=host.url, timeout=60) as client:
        tasks = [(await client.post(f"{PLUGIN}/idle/")).json() for _ in range(-(-streams // A_TASK))]
        before = megabytes(process)
        begun = time.perf_counter()
        followers = await _open(host.url, [tasks[number // A_TASK]["address"] for number in range(streams)])
        opened = time.perf_counter() - begun
        # What opening them has left to be done is not theirs.
        await asyncio.sleep(_SETTLE_SECONDS)
        process.cpu_percent()
        await asyncio.sleep(_SETTLE_SECONDS)
        found: dict[str, Any] = {
            "streams": streams,
            "opened_seconds": opened,
            "megabytes": megabytes(process) - before,
            "cpu_percent": process.cpu_percent(),
        }
        late: list[float] = []
        for number in range(CHANGES):
            late += await _change(client, followers, tasks, nth=number + 2)
    for each in followers:
        each.close()
    return {**found, "delay": spread(late)}


async def _change(
    client: httpx.AsyncClient, followers: Sequence[Follower], tasks: Sequence[dict[str, Any]], *, nth: int
) -> list[float]:
    """Milliseconds from asking for each task's change until each of its streams told it."""
    asked = []
    for task in tasks:
        asked.append(time.perf_counter())
        (await client.post(f"{PLUGIN}/idle/{task['number']}/")).raise_for_status()
    await asyncio.gather(*(each.hear(nth) for each in followers))
    return [1000 * (each.heard[nth - 1] - asked[number // A_TASK]) for number, each in enumerate(followers)]


async def _open(url: str, addresses: Sequence[str]) -> list[Follower]:
    at_once = asyncio.Semaphore(OPENING)
    place = urlsplit(url)

    async def one(address: str) -> Follower:
        async with at_once:
            reader, writer = await asyncio.open_connection(place.hostname, place.port)
            request = f"GET {address}events HTTP/1.1\r\nHost: {place.netloc}\r\nAccept: text/event-stream\r\n\r\n"
            writer.write(request.encode())
            status = (await reader.readline()).decode().strip()
            if " 200 " not in f"{status} ":
                raise RuntimeError(f"a stream was answered {status}")
            while (await reader.readline()).strip():
                pass
            follower = Follower(reader, writer)
            await follower.hear(1)
            return follower

    return list(await asyncio.gather(*(one(address) for address in addresses)))
