"""Three NATS servers that are one, with the configuration that is deployed, and streams of which each has a copy."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import nats
from nats.aio.client import Client
from nats.js.api import StreamInfo

from services.foundation import events
from tests.support import ports
from tests.support.ledger import until
from tests.support.nats import CONFIG

SERVERS: Final = 3


class Cluster:
    """The servers by name; any can be killed and started again on what it kept."""

    def __init__(self) -> None:
        """Start them all."""
        self._folder = Path(tempfile.mkdtemp(prefix="daydream-nats-cluster-"))
        self._ports = {f"n{number}": ports.free_port() for number in range(SERVERS)}
        routes = [ports.free_port() for _ in range(SERVERS)]
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        others = ", ".join(f'"nats://127.0.0.1:{route}"' for route in routes)
        for (name, port), route in zip(self._ports.items(), routes, strict=True):
            self._config(name).write_text(
                f'{CONFIG.read_text()}\nserver_name: {name}\nlisten: "127.0.0.1:{port}"\n'
                f'cluster {{ name: daydream, listen: "127.0.0.1:{route}", routes: [{others}] }}\n'
            )
            self.start(name)
        self.url = ",".join(f"nats://127.0.0.1:{port}" for port in self._ports.values())

    def _config(self, name: str) -> Path:
        return self._folder / f"{name}.conf"

    def start(self, name: str) -> None:
        """Start a server; returns when it listens."""
        command: list[str | Path] = [
            Path(sys.executable).parent / "nats-server", "-c", self._config(name), "-sd", self._folder / name,
        ]  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._running[name] = subprocess.Popen(command, stdout=log, stderr=log)
        ports.wait_for_port(self._ports[name])

    def kill(self, name: str) -> None:
        """Kill a server as a crash would."""
        process = self._running.pop(name)
        process.kill()
        process.wait(timeout=60)

    async def copy_streams(self) -> None:
        """Declare the streams as the services do, and have a copy on each server, as an operator would."""

        async def done() -> bool:
            with contextlib.suppress(nats.errors.Error, TimeoutError):
                async with self._connected() as client:
                    jetstream = await events.declare_streams(client)
                    for name in (events.TASKS_STREAM, events.ACCOUNTS_STREAM):
                        config = (await jetstream.stream_info(name)).config
                        config.num_replicas = SERVERS
                        await jetstream.update_stream(config)
                    return await self.leader() is not None
            return False

        await until(done, seconds=120)

    async def leader(self) -> str | None:
        """Which server leads the stream of completion events, and how many copies that has."""
        about = await self._about()
        assert about.cluster is not None
        return about.cluster.leader

    async def copies(self) -> int:
        """How many servers keep the stream of completion events."""
        return int((await self._about()).config.num_replicas or 0)

    async def _about(self) -> StreamInfo:
        async with self._connected() as client:
            about: StreamInfo = await client.jetstream(timeout=30).stream_info(events.TASKS_STREAM)
            return about

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Client]:
        client = await nats.connect(self.url.split(","), connect_timeout=10, max_reconnect_attempts=3)
        try:
            yield client
        finally:
            await client.close()

    def others(self, name: str) -> list[str]:
        """The servers that run, but for this one."""
        return [each for each in self._running if each != name]

    def remove(self) -> None:
        """Stop and forget everything."""
        for name in list(self._running):
            self.kill(name)
        shutil.rmtree(self._folder, ignore_errors=True)
