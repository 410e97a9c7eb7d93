"""A worker as a process of its own that draws quickly what no model has to: `FakeWorker` behind a real auth's tokens.

`python -m tests.support.drawing_worker SLOTS MILLISECONDS`, the second being what a step takes. GPU_BIND says where it
listens, AUTH_TARGET where the keys are that its callers' tokens are checked with. With `STEPS FILE` after these it
stands still in every task after so many steps, until the file is there.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from daydream.gpu.v1 import inference_pb2

from services.foundation import logs
from services.foundation.rpc import client, server
from tests.support.fake_worker import Call, FakeWorker, Script


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Where every drawing stands still until a test in another process lets it go on."""

    steps: int
    """How many steps are done by then."""
    until: Path
    """A file that is there from then on."""

    async def wait(self) -> None:
        """Return once the file is there."""
        # A pause between looks at what another process does, which no event of ours could tell.
        while not self.until.exists():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def draw_in(step_seconds: float, hold: Hold | None = None) -> Script:
    """Everything a good worker sends, at its pace."""

    async def draw(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
        yield call.admitted()
        for index in range(call.request.samples):
            for message in call.drawing(index):
                if message.HasField("step"):
                    if hold is not None and message.step.step == hold.steps + 1:
                        await hold.wait()
                    await asyncio.sleep(step_seconds)
                yield message
        yield call.finished()

    return draw


async def serve(address: str, slots: int, step_seconds: float, hold: Hold | None) -> None:
    """Draw until told to stop."""
    keys = client.key_fetcher(client.channel(os.environ["AUTH_TARGET"]))
    worker = FakeWorker(address, slots=slots, script=draw_in(step_seconds, hold), fetch_keys=keys)
    await worker.start()
    await server.until_told_to_stop()
    await worker.stop()


if __name__ == "__main__":
    held = Hold(steps=int(sys.argv[3]), until=Path(sys.argv[4])) if len(sys.argv) > 3 else None
    logs.configure("gpu")
    asyncio.run(serve(os.environ["GPU_BIND"], int(sys.argv[1]), float(sys.argv[2]) / 1000, held))
