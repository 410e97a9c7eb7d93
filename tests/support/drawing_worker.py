"""A worker as a process of its own that draws quickly what no model has to: `FakeWorker` behind a real auth's tokens.

`python -m tests.support.drawing_worker SLOTS MILLISECONDS`, the second being what a step takes. GPU_BIND says where it
listens, AUTH_TARGET where the keys are that its callers' tokens are checked with.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

from daydream.gpu.v1 import inference_pb2

from services.foundation.rpc import client, server
from tests.support.fake_worker import Call, FakeWorker, Script


def draw_in(step_seconds: float) -> Script:
    """Everything a good worker sends, at its pace."""

    async def draw(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
        yield call.admitted()
        for index in range(call.request.samples):
            for message in call.drawing(index):
                if message.HasField("step"):
                    await asyncio.sleep(step_seconds)
                yield message
        yield call.finished()

    return draw


async def serve(address: str, slots: int, step_seconds: float) -> None:
    """Draw until told to stop."""
    keys = client.key_fetcher(client.channel(os.environ["AUTH_TARGET"]))
    worker = FakeWorker(address, slots=slots, script=draw_in(step_seconds), fetch_keys=keys)
    await worker.start()
    await server.until_told_to_stop()
    await worker.stop()


if __name__ == "__main__":
    asyncio.run(serve(os.environ["GPU_BIND"], int(sys.argv[1]), float(sys.argv[2]) / 1000))
