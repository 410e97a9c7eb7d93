"""A gpu worker that does what the test says, behind a real port: the stream of `InferenceService.Generate`, scripted.

By default it draws at once: every step, previews, and each image as a plain PNG in the colour of its seed. A test that
wants more says so by `script`, a function from the call to the messages it sends.
"""

import asyncio
import io
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import PIL.Image
from daydream.gpu.v1 import inference_pb2, inference_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.foundation import errors, identity
from services.foundation.rpc import server
from tests.support import identity as tokens

SERVICE: Final = "daydream.gpu.v1.InferenceService"
ACCESS: Final = {f"/{SERVICE}/{method}": identity.services("*") for method in ("Generate", "GetCapabilities")}
CHUNK: Final = 1024 * 1024
DRAWN_SEEDS: Final = itertools.count(7_000_000)


class WorkerFull(errors.TooMuch):
    """No slot is free."""

    reason = "WORKER_FULL"


class WorkerDraining(errors.Unavailable):
    """The worker leaves."""

    reason = "WORKER_DRAINING"


class GenerationBroke(errors.Unexpected):
    """The sampler produced numbers that are none."""

    reason = "GENERATION_FAILED"


def png(seed: int, width: int, height: int) -> bytes:
    """A picture in the colour of its seed."""
    colour = (seed % 256, seed // 256 % 256, seed // 65536 % 256)
    file = io.BytesIO()
    PIL.Image.new("RGB", (width, height), colour).save(file, "PNG")
    return file.getvalue()


@dataclass
class Call:
    """One Generate call, with the messages that make up a good answer."""

    request: inference_pb2.GenerateRequest
    seed: int
    released: asyncio.Event = field(default_factory=asyncio.Event)
    """A script may wait for it; the test sets it."""
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the call has ended, whichever way."""

    @property
    def steps(self) -> int:
        """Steps over all images."""
        return self.request.steps * self.request.samples

    def admitted(self) -> inference_pb2.GenerateResponse:
        """The request has a slot."""
        asked = self.request
        return inference_pb2.GenerateResponse(
            admitted=inference_pb2.Admitted(
                model=asked.model, sampler=asked.sampler, steps=asked.steps, guidance=asked.guidance,
                width=asked.width, height=asked.height, seed=self.seed, samples=asked.samples,
            )
        )  # fmt: skip

    def step(self, step: int) -> inference_pb2.GenerateResponse:
        """So many steps are done."""
        return inference_pb2.GenerateResponse(
            step=inference_pb2.Step(
                sample_index=min(step, self.steps - 1) // self.request.steps,
                step=step, steps=self.steps, remaining_ms=(self.steps - step) * 10,
            )
        )  # fmt: skip

    def preview(self, data: bytes = b"rough") -> inference_pb2.GenerateResponse:
        """A rough look."""
        return inference_pb2.GenerateResponse(preview=inference_pb2.Preview(content_type="image/webp", data=data))

    def image(self, index: int) -> list[inference_pb2.GenerateResponse]:
        """A whole image, in pieces."""
        asked, seed = self.request, self.seed + index
        data = png(seed, asked.width, asked.height)
        half = len(data) // 2
        return [
            inference_pb2.GenerateResponse(
                image_chunk=inference_pb2.ImageChunk(
                    sample_index=index, seed=seed, width=asked.width, height=asked.height, content_type="image/png",
                    total_bytes=len(data), offset=offset, data=piece,
                )
            )
            for offset, piece in ((0, data[:half]), (half, data[half:]))
        ]  # fmt: skip

    def finished(self) -> inference_pb2.GenerateResponse:
        """All was sent."""
        return inference_pb2.GenerateResponse(
            finished=inference_pb2.Finished(images=self.request.samples, duration_ms=self.steps * 10)
        )

    def drawing(self, index: int) -> list[inference_pb2.GenerateResponse]:
        """The steps of one image, a preview, and the image."""
        first = index * self.request.steps
        steps = [self.step(first + done) for done in range(1, self.request.steps + 1)]
        return [*steps, self.preview(b"rough %d" % index), *self.image(index)]

    def everything(self) -> list[inference_pb2.GenerateResponse]:
        """A good answer from the first message to the last."""
        drawn = [message for index in range(self.request.samples) for message in self.drawing(index)]
        return [self.admitted(), *drawn, self.finished()]


Script = Callable[[Call], AsyncIterator[inference_pb2.GenerateResponse]]


async def draw_at_once(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
    """The default script."""
    for message in call.everything():
        yield message


async def draw_when_released(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
    """Draw the first step, then wait for the test."""
    messages = call.everything()
    yield messages[0]
    yield messages[1]
    await call.released.wait()
    for message in messages[2:]:
        yield message


async def draw_one_then_wait(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
    """Draw the first image, then wait for the test, and break off."""
    for message in (call.admitted(), *call.drawing(0)):
        yield message
    await call.released.wait()


def model(name: str = "mini", **limits: int) -> inference_pb2.Model:
    """A model such as a worker describes."""
    bounds: dict[str, Any] = {
        "min_size": 64, "max_size": 512, "size_multiple": 8, "max_steps": 50, "max_guidance": 20.0, "max_samples": 4,
        "max_prompt_chars": 512, "max_pixels": 0, **limits,
    }  # fmt: skip
    return inference_pb2.Model(
        name=name,
        title="Mini",
        defaults=inference_pb2.Defaults(steps=4, guidance=2.5, width=64, height=64),
        limits=inference_pb2.Limits(**bounds),
        samplers=[inference_pb2.Sampler(name="DDIM"), inference_pb2.Sampler(name="Euler")],
        step_times=[inference_pb2.StepTime(width=64, height=64, step_us=10_000, image_us=20_000)],
    )


class FakeWorker(inference_pb2_grpc.InferenceServiceServicer):
    """One worker behind a real port."""

    def __init__(
        self,
        address: str,
        *,
        slots: int = 1,
        script: Script = draw_at_once,
        fetch_keys: identity.FetchKeys = tokens.fetch_keys,
    ) -> None:
        """Nothing listens yet. `fetch_keys` gives the keys that callers' tokens are believed by."""
        self.address = address
        self._fetch_keys = fetch_keys
        self.slots = slots
        self.script = script
        self.models = [model()]
        self.memory = (0, 0)
        """Bytes in use, and bytes there are."""
        self.calls: list[Call] = []
        self._called = asyncio.Event()
        self._server: server.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self._server = server.Server(
            verifier=identity.Verifier(audience="gpu", fetch_keys=self._fetch_keys), access=ACCESS
        )
        inference_pb2_grpc.add_InferenceServiceServicer_to_server(self, self._server.grpc)
        await self._server.start(self.address, [SERVICE])
        await self._server.ready()

    async def stop(self) -> None:
        """Be gone at once: streams break off as when the process is killed."""
        if self._server is not None:
            await self._server.grpc.stop(None)
            self._server = None

    async def call(self, number: int = 0, *, seconds: float = 60) -> Call:
        """The call of that number, once it came."""
        async with asyncio.timeout(seconds):
            while len(self.calls) <= number:
                self._called.clear()
                await self._called.wait()
        return self.calls[number]

    async def GetCapabilities(self, request: Any, context: Any) -> inference_pb2.GetCapabilitiesResponse:
        """Slots and models."""
        busy = sum(not call.stopped.is_set() for call in self.calls)
        return inference_pb2.GetCapabilitiesResponse(
            capabilities=inference_pb2.Capabilities(
                worker_id="fake",
                device="cpu",
                slots=self.slots,
                busy_slots=busy,
                models=self.models,
                memory_used=self.memory[0],
                memory_total=self.memory[1],
                started_time=Timestamp(seconds=1_700_000_000),
            )
        )

    async def Generate(self, request: Any, context: Any) -> AsyncIterator[inference_pb2.GenerateResponse]:
        """Follow the script."""
        call = Call(request=request, seed=request.seed if request.seed >= 0 else next(DRAWN_SEEDS))
        self.calls.append(call)
        self._called.set()
        try:
            async for message in self.script(call):
                yield message
        finally:
            call.stopped.set()
