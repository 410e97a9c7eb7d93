"""InferenceService: proto ↔ values, nothing decided."""

import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import grpc
from daydream.gpu.v1 import inference_pb2 as pb
from daydream.gpu.v1 import inference_pb2_grpc
from google.protobuf.timestamp_pb2 import Timestamp

from services.foundation.float32 import shortest
from services.gpu import events, uploads
from services.gpu.card import Capabilities, Card
from services.gpu.engine.engine import Engine
from services.gpu.requests import Adapter, Request

CHUNK_BYTES: Final = 1024 * 1024


class InferenceServicer(inference_pb2_grpc.InferenceServiceServicer):
    """Speaks the contract for an engine."""

    def __init__(self, engine: Engine, *, chunk_bytes: int = CHUNK_BYTES) -> None:
        """Images travel in pieces of `chunk_bytes` at most."""
        self._engine = engine
        self._chunk_bytes = chunk_bytes

    async def Generate(
        self, request: pb.GenerateRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> AsyncIterator[pb.GenerateResponse]:
        """Stream what happens to one request; a caller that leaves cancels it."""
        asked = request_from_pb(request, time_left=context.time_remaining())
        async with contextlib.aclosing(self._engine.submit(asked)) as happened:
            async for event in happened:
                for response in event_to_pb(event, self._chunk_bytes):
                    yield response

    async def GetCapabilities(
        self, request: pb.GetCapabilitiesRequest, context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> pb.GetCapabilitiesResponse:
        """What this worker can do."""
        return pb.GetCapabilitiesResponse(capabilities=capabilities_to_pb(self._engine.capabilities()))


def request_from_pb(request: pb.GenerateRequest, *, time_left: float | None = None) -> Request:
    """Zero and empty mean "not set" on the wire wherever they are no setting of their own.

    `time_left` is until the caller gives up, in seconds.
    """
    return Request(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        request_id=request.request_id,
        model=request.model or None,
        sampler=request.sampler or None,
        steps=request.steps or None,
        guidance=shortest(request.guidance) if request.HasField("guidance") else None,
        width=request.width or None,
        height=request.height or None,
        seed=request.seed if request.HasField("seed") else None,
        samples=request.samples or None,
        preview_every=request.preview_every_steps,
        start_image=request.start_image or None,
        mask=request.mask or None,
        strength=shortest(request.strength) if request.HasField("strength") else None,
        variation_seed=request.variation_seed if request.HasField("variation_seed") else None,
        variation_strength=shortest(request.variation_strength),
        guidance_rescale=shortest(request.guidance_rescale),
        clip_skip=request.clip_skip,
        adapters=tuple(
            Adapter(name=each.name, weight=shortest(each.weight) if each.HasField("weight") else 1.0)
            for each in request.adapters
        ),
        deadline=None if time_left is None else time.monotonic() + time_left,
    )


def event_to_pb(event: events.Event, chunk_bytes: int) -> Iterator[pb.GenerateResponse]:
    """One message an event; for an image one a piece."""
    match event:
        case events.Admitted(plan=plan):
            yield pb.GenerateResponse(
                admitted=pb.Admitted(
                    model=plan.model,
                    sampler=plan.sampler,
                    steps=plan.steps,
                    guidance=plan.guidance,
                    width=plan.width,
                    height=plan.height,
                    seed=plan.seed,
                    samples=plan.samples,
                )
            )
        case events.Step():
            step = pb.Step(
                sample_index=event.sample, step=event.done, steps=event.total, remaining_ms=event.remaining_ms
            )
            yield pb.GenerateResponse(step=step)
        case events.Preview():
            preview = pb.Preview(sample_index=event.sample, step=event.done, content_type="image/webp", data=event.webp)
            yield pb.GenerateResponse(preview=preview)
        case events.ImageReady():
            yield from _pieces(event, chunk_bytes)
        case events.Finished():
            yield pb.GenerateResponse(finished=pb.Finished(images=event.images, duration_ms=event.duration_ms))


def _pieces(image: events.ImageReady, chunk_bytes: int) -> Iterator[pb.GenerateResponse]:
    for offset in range(0, len(image.png), chunk_bytes):
        yield pb.GenerateResponse(
            image_chunk=pb.ImageChunk(
                sample_index=image.sample,
                seed=image.seed,
                width=image.width,
                height=image.height,
                content_type="image/png",
                total_bytes=len(image.png),
                offset=offset,
                data=image.png[offset : offset + chunk_bytes],
            )
        )


def capabilities_to_pb(capabilities: Capabilities) -> pb.Capabilities:
    """The worker and its models."""
    return pb.Capabilities(
        worker_id=capabilities.worker_id,
        device=capabilities.device,
        slots=capabilities.slots,
        busy_slots=capabilities.busy_slots,
        models=[_card_to_pb(card) for card in capabilities.cards],
        memory_used=capabilities.memory.used,
        memory_total=capabilities.memory.total,
        started_time=Timestamp(seconds=int(capabilities.started)),
    )


def _card_to_pb(card: Card) -> pb.Model:
    defaults, limits = card.defaults, card.limits
    return pb.Model(
        name=card.name,
        title=card.title,
        description=card.description,
        defaults=pb.Defaults(
            steps=defaults.steps, guidance=defaults.guidance, width=defaults.width, height=defaults.height
        ),
        limits=pb.Limits(
            min_size=limits.min_size,
            max_size=limits.max_size,
            size_multiple=limits.size_multiple,
            max_steps=limits.max_steps,
            max_guidance=limits.max_guidance,
            max_samples=limits.max_samples,
            max_prompt_chars=limits.max_prompt_chars,
            max_pixels=limits.max_pixels,
            max_clip_skip=limits.max_clip_skip,
            max_start_image_bytes=uploads.MAX_START_BYTES,
            max_mask_bytes=uploads.MAX_MASK_BYTES,
        ),
        samplers=[pb.Sampler(name=each.name, scheduler_class=each.scheduler_class) for each in card.samplers],
        step_times=[
            pb.StepTime(
                width=each.width,
                height=each.height,
                step_us=each.step_us,
                image_us=each.image_us,
                shared_step_us=each.shared_step_us,
                images_at_once=each.images_at_once,
            )
            for each in card.step_times
        ],
        example_prompts=card.examples,
        known_words=card.words,
        adapters=card.adapters,
        inpainting_only=card.inpainting,
    )
