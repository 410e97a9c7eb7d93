"""Once a fault is over: waits until the system rests, then looks whether all is as it must be."""

import asyncio
import os
import time
from collections.abc import Collection
from pathlib import Path

from tests.support.audit import Audit, audit, files, look, settled
from tests.support.ledger import until
from tests.support.system import System


async def at_rest(system: System, *, seconds: float = 120) -> None:
    """Return once every task has ended and everybody was told."""

    async def look() -> bool:
        return await asyncio.to_thread(settled, system.places)

    await until(look, seconds=seconds)


async def assert_sound(
    system: System, *, answered: Collection[str] = (), swept: bool = False, seconds: float = 120
) -> Audit:
    """Wait for rest, then for no violation of any invariant; what there is, in numbers."""
    await at_rest(system, seconds=seconds)
    found = await audit(
        system.places,
        slots=dict.fromkeys(system.gpu_targets, system.slots),
        limit=system.queue_limit,
        answered=answered,
        swept=swept,
    )
    assert found.violations == []
    return found


async def sweep(system: System) -> None:
    """Let a replica sweep, as it does when it starts and every hour, files that seem to be from before that."""
    await asyncio.to_thread(make_old, system.places.folder / "images")
    await asyncio.to_thread(system.tasks[0].terminate)
    await system.start()

    async def is_swept() -> bool:
        found = await asyncio.to_thread(look, system.places)
        return not await asyncio.to_thread(lambda: list(files(found, system.places.folder / "images", swept=True)))

    await until(is_swept)


def make_old(folder: Path) -> None:
    """Two hours pass for every file there is, and for one that nobody knows."""
    orphan = folder / "aa" / f"aa{20 * 'b'}" / "0-1.png"
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"of a task that nobody knows")
    then = time.time() - 2 * 3600
    for path in folder.rglob("*.*"):
        os.utime(path, (then, then))
