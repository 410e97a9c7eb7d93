"""Which workers there are: the addresses given, and whatever a name in DNS stands for now, each address a worker."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from services.foundation import logs
from services.tasks.workers.fleet import Fleet
from services.tasks.workers.generation import Worker

log = logs.logger(__name__)
DNS: Final = "dns:///"
LOOK_SECONDS: Final = 5.0

Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) → the addresses `host:port` that it stands for. Raises OSError when it stands for none."""


async def look_up(host: str, port: int) -> Sequence[str]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # A host with an IPv4 and an IPv6 address is one worker, so only one family counts; IPv4 is what engines give.
    families = {family for family, *_ in found}
    family = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
    hosts = dict.fromkeys(str(where[0]) for each, _, _, _, where in found if each == family)
    return [f"[{each}]:{port}" if ":" in each else f"{each}:{port}" for each in hosts]


class Roster:
    """Keeps the fleet to the workers there are.

    A name may stop naming a worker that still draws, as when its container is being replaced: it stays for as long as
    it answers.
    """

    def __init__(
        self,
        targets: Iterable[str],
        *,
        fleet: Fleet,
        connect: Callable[[str], Worker],
        disconnect: Callable[[str], Awaitable[None]],
        look_up: Lookup = look_up,
        every_seconds: float = LOOK_SECONDS,
    ) -> None:
        """`targets` are `host:port` or `dns:///host:port`; what `connect` opens connects when it is first used."""
        given = list(targets)
        self._fixed = [each for each in given if not each.startswith(DNS)]
        self._names = {each: each.removeprefix(DNS) for each in given if each.startswith(DNS)}
        self._resolved: dict[str, Sequence[str]] = dict.fromkeys(self._names, ())
        self._fleet = fleet
        self._connect, self._disconnect, self._look_up = connect, disconnect, look_up
        self._every = every_seconds
        for target in self._fixed:
            fleet.join(target, connect(target))

    async def run(self) -> None:
        """Look until cancelled."""
        if not self._names:
            await asyncio.Event().wait()
        while True:
            await self.look()
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Resolve every name once, and let the fleet know."""
        for target, name in self._names.items():
            host, _, port = name.rpartition(":")
            # A resolver that is away takes no worker away.
            with contextlib.suppress(OSError):
                self._resolved[target] = await self._look_up(host.strip("[]"), int(port))
        wanted = dict.fromkeys((*self._fixed, *(each for found in self._resolved.values() for each in found)))
        for target in wanted:
            if target not in self._fleet.targets():
                log.info("worker found", target=target)
                self._fleet.join(target, self._connect(target))
        for target in self._fleet.targets():
            if target not in wanted and self._fleet.leave(target):
                log.info("worker gone", target=target)
                await self._disconnect(target)
