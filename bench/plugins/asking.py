"""What any host of such plugins can be asked: its list, a form, a task and its result, a hundred tasks at once."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import httpx

from bench.engine.figures import percentile
from bench.plugins.rig import PLUGIN

AT_ONCE: Final = (1, 8)
WARM_UP: Final = 5
LOOK_SECONDS: Final = 0.01
"""Between looks at a task; polling is what every host knows."""
_PATIENCE_SECONDS: Final = 300.0


class Failed(Exception):
    """The host did not do what was asked for; the message says what it did."""


async def measure(url: str, *, requests: int, trips: int, tasks: int) -> dict[str, Any]:
    """All four, one after the other, of the host at `url`; times in milliseconds."""
    limits = httpx.Limits(max_connections=64)
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=limits) as client:
        return {
            "requests": requests,
            "listing": await _pages(client, "/plugins/", requests=requests),
            "form": await _pages(client, f"{PLUGIN}/ui/", requests=requests),
            "round_trip": await _trips(client, trips),
            "queued": await _queued(client, tasks),
        }


async def _pages(client: httpx.AsyncClient, path: str, *, requests: int) -> dict[str, Any]:
    async def ask() -> None:
        answer = await client.get(path)
        if answer.status_code != 200:
            raise Failed(f"{path} answered {answer.status_code}")

    for _ in range(WARM_UP):
        await ask()
    return {str(callers): spread(await _together(ask, count=requests, callers=callers)) for callers in AT_ONCE}


async def _trips(client: httpx.AsyncClient, count: int) -> dict[str, Any]:
    """From sending the form to having the result's bytes, one after the other."""
    for _ in range(2):
        await _trip(client)
    return spread(await _together(lambda: _trip(client), count=count, callers=1))


async def _trip(client: httpx.AsyncClient) -> None:
    task = await _ended(client, await _post(client))
    answer = await client.get(task["outputs"][0]["href"])
    if answer.text != "hello":
        raise Failed(f"the result was {answer.status_code} {answer.text[:100]!r}")


async def _queued(client: httpx.AsyncClient, count: int) -> dict[str, Any]:
    """All are sent, eight at a time, and looked at until the last one is finished."""
    addresses: list[str] = []

    async def send() -> None:
        addresses.append(await _post(client))

    begun = time.perf_counter()
    taken = await _together(send, count=count, callers=8)
    sent = time.perf_counter() - begun
    for address in addresses:
        await _ended(client, address)
    seconds = time.perf_counter() - begun
    return {
        "tasks": count,
        "submit": spread(taken),
        "sent_seconds": sent,
        "seconds": seconds,
        "a_second": count / seconds,
    }


async def _post(client: httpx.AsyncClient) -> str:
    answer = await client.post(f"{PLUGIN}/process/", data={"text": "hello"})
    if answer.status_code != 303:
        raise Failed(f"the form was answered {answer.status_code} {answer.text[:200]!r}")
    return str(answer.headers["location"])


async def _ended(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            task: dict[str, Any] = (await client.get(address)).json()
            if task["status"] == "SUCCESS":
                return task
            if task["status"] != "PENDING":
                raise Failed(f"a task ended as {task['status']}: {task.get('log')}")
            await asyncio.sleep(LOOK_SECONDS)


async def _together(ask: Callable[[], Awaitable[None]], *, count: int, callers: int) -> list[float]:
    """Milliseconds of each of `count` calls, so many at once."""
    numbers, taken = itertools.count(), []

    async def caller() -> None:
        while next(numbers) < count:
            begun = time.perf_counter()
            await ask()
            taken.append(1000 * (time.perf_counter() - begun))

    await asyncio.gather(*(caller() for _ in range(callers)))
    return taken


def spread(taken: Sequence[float]) -> dict[str, Any]:
    """Count, median, 95th and most."""
    return {"count": len(taken), "p50": percentile(taken, 50), "p95": percentile(taken, 95), "most": max(taken)}
