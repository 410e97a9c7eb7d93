"""NATS as a cluster of three: its stream's leader is killed while events are published as the outbox does it.

The services declare streams with one copy, and an operator makes it three; here the measurement does.
"""

import asyncio
import contextlib
import itertools
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Final

import nats
from nats.aio.client import Client

from bench.ledger import processes
from bench.ledger.processes import Program
from services.foundation import events
from tests.support import ports

SERVERS: Final = 3
RATE: Final = 20.0
BEFORE_SECONDS: Final = 2.0
AFTER_SECONDS: Final = 6.0
_READY_SECONDS: Final = 30.0
_RETRY_SECONDS: Final = 0.1
_THERE_ALREADY: Final = 10077
"""JetStream's word for an event that it has, whose acknowledgement did not arrive."""


async def measure(folder: Path, *, times: float) -> dict[str, Any]:
    """Publish, kill, go on; how long nothing was acknowledged, and whether all that was is still there."""
    try:
        with contextlib.ExitStack() as stack:
            servers = _cluster(stack, folder)
            return await _kill_the_leader(servers, max(1.0, BEFORE_SECONDS * times))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _cluster(stack: contextlib.ExitStack, folder: Path) -> dict[str, tuple[Program, int]]:
    """Three servers that know each other, by their names."""
    folder.mkdir(parents=True)
    found = {}
    routes = [ports.free_port() for _ in range(SERVERS)]
    for number, route in enumerate(routes):
        port, name = ports.free_port(), f"n{number}"
        config = folder / f"{name}.conf"
        others = ", ".join(f'"nats://127.0.0.1:{each}"' for each in routes)
        config.write_text(
            f'server_name: {name}\nlisten: "127.0.0.1:{port}"\n'
            f'jetstream {{ store_dir: "{folder / name}", sync_interval: always }}\n'
            f'cluster {{ name: bench, listen: "127.0.0.1:{route}", routes: [{others}] }}\n'
        )
        command: list[str | Path] = [Path(sys.executable).parent / "nats-server", "-c", config]
        program = stack.enter_context(processes.running(command, environment={}, log=folder / f"{name}.log"))
        found[name] = program, port
    for program, port in found.values():
        program.wait_until_it_listens(port)
    return found


async def _kill_the_leader(servers: dict[str, tuple[Program, int]], before: float) -> dict[str, Any]:
    client = await events.connect(f"nats://127.0.0.1:{next(iter(servers.values()))[1]}", "bench")
    try:
        await _declare(client)
        acknowledged: dict[str, float] = {}
        publishing = asyncio.create_task(_publish(client, acknowledged))
        async with asyncio.timeout(_READY_SECONDS):
            while not acknowledged:  # noqa: ASYNC110 (what is waited for is the stream, in another process)
                await asyncio.sleep(_RETRY_SECONDS)
        await asyncio.sleep(before)
        info = await client.jetstream().stream_info(events.TASKS_STREAM)
        assert info.cluster is not None
        assert info.cluster.leader is not None
        killed = time.perf_counter()
        servers[info.cluster.leader][0].kill()
        async with asyncio.timeout(_READY_SECONDS):
            while max(acknowledged.values()) < killed + AFTER_SECONDS:  # noqa: ASYNC110 (as above)
                await asyncio.sleep(_RETRY_SECONDS)
        publishing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await publishing
        lost = await _missing(client, list(acknowledged))
    finally:
        await client.close()
    moments = sorted(acknowledged.values())
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    return {"acknowledged": len(acknowledged), "longest_silence_seconds": max(gaps), "lost": lost}


async def _declare(client: Client) -> None:
    """The services' own stream, on every server."""
    async with asyncio.timeout(_READY_SECONDS):
        while True:
            with contextlib.suppress(nats.errors.Error):
                jetstream = await events.declare_streams(client)
                info = await jetstream.stream_info(events.TASKS_STREAM)
                info.config.num_replicas = SERVERS
                await jetstream.update_stream(info.config)
                return
            await asyncio.sleep(_RETRY_SECONDS)


async def _publish(client: Client, acknowledged: dict[str, float]) -> None:
    """One event after the other, each repeated until it is acknowledged, under the same id."""
    jetstream = client.jetstream(timeout=1)
    number = 0
    while True:
        event_id = f"event-{number}"
        try:
            await jetstream.publish(f"{events.TASK_ENDED}.{event_id}", b"x" * 500, headers={"Nats-Msg-Id": event_id})
        except nats.js.errors.APIError as error:
            if error.err_code != _THERE_ALREADY:
                await asyncio.sleep(_RETRY_SECONDS)
                continue
        except nats.errors.Error:
            await asyncio.sleep(_RETRY_SECONDS)
            continue
        acknowledged[event_id] = time.perf_counter()
        number += 1
        # The pace of the events.
        await asyncio.sleep(1 / RATE)


async def _missing(client: Client, event_ids: list[str]) -> int:
    jetstream = client.jetstream(timeout=5)
    missing = 0
    for event_id in event_ids:
        try:
            await jetstream.get_last_msg(events.TASKS_STREAM, f"{events.TASK_ENDED}.{event_id}")
        except nats.js.errors.NotFoundError:
            missing += 1
    return missing
