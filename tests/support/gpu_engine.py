"""What tests of the engine say and hear: requests, and everything a stream tells."""

import asyncio
import contextlib
from typing import Any, Final

import numpy as np

from services.gpu import events, images
from services.gpu.engine.stream import Stream
from services.gpu.requests import Request
from tests.support.gpu_model import FakeModel

SECONDS: Final = 600
"""No test hangs for longer; a stream may stand in line behind a hundred others that are really drawn."""


def a_request(prompt: str = "a house", **fields: Any) -> Request:
    """A request of three steps."""
    return Request(prompt=prompt, **fields)


def png(grey: int, *, size: int = 64) -> bytes:
    """A grey square as a file, as the fake model's pictures are."""
    return images.png(np.full((size, size, 3), grey, np.uint8))


async def read(stream: Stream) -> list[events.Event]:
    """Everything a stream tells, closed afterwards."""
    async with contextlib.aclosing(stream), asyncio.timeout(SECONDS):
        return [event async for event in stream]


async def read_step_by_step(stream: Stream, model: FakeModel, *, wait_for_previews: bool = False) -> list[events.Event]:
    """Everything a stream tells when the model makes a forward for every event that lets one follow.

    Where previews are waited for, each image's must have come before it goes on.
    """
    happened: list[events.Event] = []
    plan = None
    async with contextlib.aclosing(stream), asyncio.timeout(SECONDS):
        async for event in stream:
            happened.append(event)
            if isinstance(event, events.Admitted):
                plan = event.plan
                model.allow(1)
            elif isinstance(event, events.Step | events.Preview):
                assert plan is not None
                forwards = event.done // plan.samples
                due = wait_for_previews and forwards % plan.preview_every == 0
                seen = sum(isinstance(each, events.Preview) and each.done == event.done for each in happened)
                if seen == plan.samples if due else isinstance(event, events.Step):
                    model.allow(1)
    return happened
