"""What is wired to what in the serving process, where the host is connected with a studio."""

import os
import socket
import time
from functools import partial
from types import TracebackType
from typing import Final, Self

import shortuuid
from daydream.tasks.v1 import tasks_pb2
from flask import Flask

from services.foundation import errors
from services.foundation.rpc import client
from services.plugins.bridge import Bridge
from services.plugins.generation import finishing
from services.plugins.generation.asking import EXTENSION, Easel
from services.plugins.generation.completions import Completions
from services.plugins.generation.course import Course
from services.plugins.generation.follower import Follower
from services.plugins.generation.store import Drawings
from services.plugins.generation.threads import Threads
from services.plugins.generation.values import Held
from services.plugins.peers.grants import Grants
from services.plugins.peers.ledger import Ledger

CAPABILITIES_SECONDS: Final = 15.0
"""For so long an answer about the workers is shown to others as well."""
PATIENCE_SECONDS: Final = 3.0
"""A form is shown without choices rather than later."""
MOST_LEASE_SECONDS: Final = 10.0
"""Somebody waits for a picture: what a lost process left is gone on with sooner than other tasks are run again."""


class Capabilities:
    """What the workers can do, for forms."""

    def __init__(self, ledger: Ledger, ourselves: client.ServiceIdentity, bridge: Bridge) -> None:
        """Nothing is asked yet."""
        self._ledger, self._ourselves, self._bridge = ledger, ourselves, bridge
        self._known: tasks_pb2.GetCapabilitiesResponse | None = None
        self._until = 0.0

    def now(self) -> tasks_pb2.GetCapabilitiesResponse | None:
        """From a thread of Flask's: the answer, or None where the ledger does not answer."""
        if time.monotonic() >= self._until:
            try:
                self._known = self._bridge.call(self._ask(), timeout=PATIENCE_SECONDS)
            except errors.DaydreamError:
                self._known = None
            self._until = time.monotonic() + CAPABILITIES_SECONDS
        return self._known

    async def _ask(self) -> tasks_pb2.GetCapabilitiesResponse:
        return await self._ledger.capabilities(await self._ourselves.metadata())


class Generation:
    """Everything that draws for plugins; used with `async with`, on the server's loop."""

    def __init__(
        self, flask: Flask, *, tasks_target: str, grants: Grants, ourselves: client.ServiceIdentity, bridge: Bridge
    ) -> None:
        """Nothing connects yet; from here on plugins can ask. Needs a running loop, as grpc.aio does."""
        # No process that ever was may have had the same name: leases are told apart by it.
        holder = f"{socket.gethostname()[:30]}-{os.getpid()}-{shortuuid.ShortUUID().random(8)}"
        lease = min(MOST_LEASE_SECONDS, float(flask.config.get("TASK_LEASE_SECONDS") or MOST_LEASE_SECONDS))
        self._channel = client.channel(tasks_target)
        threads = Threads()
        ledger = Ledger(self._channel)
        drawings = Drawings(flask, holder=holder, lease_seconds=lease)

        def course(held: Held) -> Course:
            return Course(
                held,
                drawings=drawings,
                store=partial(finishing.end_well, flask, drawings),
                ledger=ledger,
                grants=grants,
                threads=threads,
            )

        self._follower = Follower(drawings, course, threads)
        self.consumer: Final = Completions(drawings, threads).consumer()
        """Of completion events; for whoever has the connection to NATS."""
        asking = Capabilities(ledger, ourselves, bridge)
        flask.extensions[EXTENSION] = Easel(
            bridge=bridge, grants=grants, capabilities=asking.now, wake=self._follower.wake
        )

    async def __aenter__(self) -> Self:
        """Begin to follow."""
        await self._follower.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave everything to the next one. Events may still come, so that the threads end with the process."""
        await self._follower.__aexit__(kind, error, trace)
        await self._channel.close()
