"""`python -m services.gpu`: load the model and serve until told to stop."""

import asyncio
import contextlib
import os
import sys
from typing import Final

from services.foundation import logs
from services.foundation.rpc import server
from services.foundation.settings import complain, load
from services.gpu import access, bootstrap, errors
from services.gpu.engine.engine import STOP_SECONDS
from services.gpu.settings import GpuSettings

_SWITCH_SECONDS: Final = 0.00005
"""How long one Python thread may keep the others waiting, in place of 5 ms. The engine's thread needs the interpreter
for a moment between any two operations of a forward, hundreds of times a step, while asyncio tells callers of it."""
LAST_WORDS_SECONDS: Final = 2.0
"""Once the engine has ended, its callers are told how within this."""


def main() -> None:
    """Start; leave with one sentence where that cannot be."""
    settings = load(GpuSettings)
    logs.configure("gpu", settings.log_level)
    # Idle OpenMP threads spin by default. Where cores are shared that slows a step down many times over, and it must be
    # said before torch is imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        code = asyncio.run(_serve(settings))
    except (server.CannotListen, errors.ModelUnusable) as error:
        raise complain(str(error)) from error
    # At once, not by way of the interpreter's own end: that would take torch apart under a step or a load still running
    # in the engine's thread.
    sys.stderr.flush()
    os._exit(code)


async def _serve(settings: GpuSettings) -> int:
    worker = bootstrap.wire(settings)
    told_to_stop = asyncio.create_task(server.until_told_to_stop())
    lost = asyncio.create_task(worker.engine.lost())
    await worker.server.start(settings.bind, [access.SERVICE])
    loading = asyncio.create_task(worker.engine.start())
    try:
        await asyncio.wait({loading, told_to_stop}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            await loading
            await worker.server.ready()
            await asyncio.wait({told_to_stop, lost}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _stop(worker, settings.drain_seconds)
    return int(lost.done())


async def _stop(worker: bootstrap.Worker, grace_seconds: float) -> None:
    worker.engine.drain()
    # What still runs when the grace period ends is ended by the engine after the step in hand, and it can say why; the
    # server just hangs up, so it waits as long as the engine may take, and then for the words.
    refusing = asyncio.create_task(worker.server.drain(grace_seconds + STOP_SECONDS + LAST_WORDS_SECONDS))
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(worker.engine.idle(), grace_seconds)
    await worker.engine.stop()
    # Again, with what grace is left, for somebody who watches the health would hold the first call up to its end.
    await worker.server.drain(LAST_WORDS_SECONDS)
    await refusing
    await worker.auth.close()


if __name__ == "__main__":
    main()
