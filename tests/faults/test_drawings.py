"""Plugins that draw, while the host that serves them dies again and again at moments of no one's choice."""

import asyncio
import base64
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from daydream.tasks.v1 import tasks_pb2

from tests.support import connected_host
from tests.support.connected_host import ConnectedHost, reference_of
from tests.support.drawing_host import MATRIX, STARTED, TEXT, until
from tests.support.drawing_worker import draw_in
from tests.support.fake_worker import png

pytestmark = [pytest.mark.slow, pytest.mark.patient]
ASKED = 30
CHOSEN = {"use": ["1", "2", "3"], "prompt-1": "a red boat", "prompt-2": "a white boat", "prompt-3": "a dog"}
PICTURE = f"data:image/png;base64,{base64.b64encode(png(1, 64, 64)).decode()}"


@contextlib.asynccontextmanager
async def dying(host: ConnectedHost, chance: random.Random) -> AsyncIterator[None]:
    """While the block lasts the host is killed every other second, and started again; at the end it runs."""
    enough = asyncio.Event()

    async def kill() -> None:
        while not enough.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(chance.uniform(0.3, 2.5)):
                    await enough.wait()
            host.program.kill()
            await host.start()

    killing = asyncio.create_task(kill())
    yield
    enough.set()
    await killing


async def asked(host: ConnectedHost, path: str, **fields: str) -> str | None:
    """The address of a task; None where the host died before it answered."""

    async def answers() -> bool | None:
        with contextlib.suppress(httpx.TransportError):
            return (await host.http.get("/healthz")).is_success or None
        return None

    await until(answers)
    with contextlib.suppress(httpx.TransportError):
        return await host.ask(path, **fields)
    return None


async def chosen(host: ConnectedHost, address: str) -> None:
    """Send the list of a matrix until the host has answered."""

    async def send() -> bool | None:
        with contextlib.suppress(httpx.TransportError):
            (step,) = (await host.task(address))["steps"]
            return (await host.http.post(step["href"], data=CHOSEN)).status_code == 303 or None
        return None

    await until(send)


async def test_whatever_was_answered_is_drawn_and_put_out_once(tmp_path: Path, nats_url: str) -> None:
    chance = random.Random(7)
    expected: dict[str, tuple[int, int]] = {}
    async with connected_host.running(tmp_path, nats_url) as host:
        host.house.worker.script = draw_in(0.01)
        await host.start_with_worker()

        async with dying(host, chance):
            for number in range(ASKED):
                if number % 3 == 0 and (address := await asked(host, MATRIX, prompt="a {red|white} boat")):
                    await chosen(host, address)
                    # Tasks of the ledger, and files put out: the list of prompts is one.
                    expected[address] = (3, 4)
                elif number % 3 == 1 and (address := await asked(host, TEXT, samples="2")):
                    expected[address] = (1, 2)
                elif number % 3 == 2 and (address := await asked(host, STARTED, imageUrl=PICTURE)):
                    expected[address] = (1, 1)
                await asyncio.sleep(chance.uniform(0, 0.6))
        ended = {address: await host.ended(address) for address in expected}
        await host.nothing_is_left()

        at_the_ledger = Counter(task.reference for task in await host.at_the_ledger())
        states = {task.state for task in await host.at_the_ledger()}
        got = {address: (at_the_ledger[reference_of(address)], len(task["outputs"])) for address, task in ended.items()}
        assert host.program.deaths > 3
        assert {task["status"] for task in ended.values()} == {"SUCCESS"}
        assert got == expected
        assert states == {tasks_pb2.TASK_STATE_SUCCEEDED}
        assert "Traceback" not in host.program.log
