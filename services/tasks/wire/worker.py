"""A worker over gRPC: its stream as values, its failures as what they mean for a task."""

from collections.abc import AsyncGenerator, Callable
from typing import Final

import grpc
from daydream.gpu.v1 import inference_pb2, inference_pb2_grpc

from services.foundation import errors
from services.foundation.rpc import client, status
from services.tasks.errors import GenerationFailed, WorkerBusy, WorkerFault, WorkerLeaving, WorkerLost
from services.tasks.wire import model_messages
from services.tasks.workers.capabilities import Capabilities
from services.tasks.workers.generation import Admitted, Finished, Happening, Picture, Preview, Request, Step

CAPABILITIES_SECONDS: Final = 3.0
MOST_IMAGE_BYTES: Final = 64 * 1024 * 1024
DRAINING: Final = "WORKER_DRAINING"
MODEL_NOT_FOUND: Final = "MODEL_NOT_FOUND"


class GrpcWorker:
    """Calls one worker's InferenceService in this service's own name."""

    def __init__(self, channel: grpc.aio.Channel, identity: client.ServiceIdentity) -> None:
        """Nothing connects yet."""
        self._stub = inference_pb2_grpc.InferenceServiceStub(channel)
        self._identity = identity

    async def capabilities(self) -> Capabilities:
        """What the worker can do now. Raises WorkerLost when it does not answer."""
        try:
            with client.translated():
                answer = await self._stub.GetCapabilities(
                    inference_pb2.GetCapabilitiesRequest(),
                    metadata=await self._identity.metadata(),
                    timeout=CAPABILITIES_SECONDS,
                )
        except errors.DaydreamError as error:
            raise WorkerLost(error.message) from error
        return model_messages.from_capabilities(answer.capabilities)

    async def generate(self, request: Request) -> AsyncGenerator[Happening, None]:
        """Draw; closing the iterator cancels the call. Raises a WorkerFault."""
        try:
            metadata = await self._identity.metadata()
        except errors.DaydreamError as error:
            # Without auth no worker can be asked: the task waits, and no attempt is spent.
            raise WorkerBusy from error
        call = self._stub.Generate(_to_request(request), metadata=metadata)
        picture = _Assembly()
        try:
            async for message in call:
                if (happening := _to_happening(message, picture)) is not None:
                    yield happening
        except grpc.aio.AioRpcError as error:
            raise _fault(error) from error
        finally:
            call.cancel()


class _Assembly:
    """The pieces of the image that is arriving."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, chunk: inference_pb2.ImageChunk) -> Picture | None:
        """Add a piece; the whole image with its last one. Raises GenerationFailed for pieces that do not fit."""
        if chunk.offset == 0:
            self._data.clear()
        if chunk.offset != len(self._data) or not 0 < chunk.total_bytes <= MOST_IMAGE_BYTES:
            raise GenerationFailed(reason="BAD_IMAGE", message="The worker sent an image in pieces that do not fit.")
        self._data += chunk.data
        if len(self._data) < chunk.total_bytes:
            return None
        return Picture(
            sample_index=chunk.sample_index,
            seed=chunk.seed,
            width=chunk.width,
            height=chunk.height,
            data=bytes(self._data),
        )


def _to_request(request: Request) -> inference_pb2.GenerateRequest:
    # Every seed is that of the part's first image.
    asked = request.parameters.from_image(request.part.first)
    return inference_pb2.GenerateRequest(
        request_id=request.task_id,
        prompt=asked.prompt,
        negative_prompt=asked.negative_prompt,
        model=asked.model,
        sampler=asked.sampler,
        steps=asked.steps,
        guidance=asked.guidance,
        width=asked.width,
        height=asked.height,
        seed=-1 if request.part.seed is None else request.part.seed,
        samples=request.part.samples,
        preview_every_steps=request.preview_every_steps,
        start_image=request.pictures.start,
        mask=request.pictures.mask,
        strength=asked.strength,
        variation_seed=asked.variation_seed,
        variation_strength=asked.variation_strength,
        guidance_rescale=asked.guidance_rescale,
        clip_skip=asked.clip_skip,
        adapters=[inference_pb2.Adapter(name=each.name, weight=each.weight) for each in asked.adapters],
    )


def _to_happening(message: inference_pb2.GenerateResponse, picture: _Assembly) -> Happening | None:
    readers: dict[str, Callable[[], Happening | None]] = {
        "admitted": lambda: Admitted(seed=message.admitted.seed),
        "step": lambda: Step(step=message.step.step, steps=message.step.steps, remaining_ms=message.step.remaining_ms),
        "preview": lambda: Preview(content_type=message.preview.content_type, data=message.preview.data),
        "image_chunk": lambda: picture.add(message.image_chunk),
        "finished": Finished,
    }
    # A newer worker may tell more than this version knows of.
    read = readers.get(message.WhichOneof("event") or "")
    return None if read is None else read()


def _fault(error: grpc.aio.AioRpcError) -> WorkerFault:
    told = any(key == status.DETAILS_KEY for key, _ in error.trailing_metadata() or ())
    meaning = status.from_rpc_error(error)
    if isinstance(meaning, errors.TooMuch):
        return WorkerBusy(meaning.retry_after)
    if meaning.detail_reason == DRAINING:
        return WorkerLeaving()
    # Without the model it offered, the worker is not the one we knew: like a lost one it is asked anew what it can do.
    if isinstance(meaning, errors.InvalidInput | errors.NotFound) and meaning.detail_reason != MODEL_NOT_FOUND:
        return GenerationFailed(reason=meaning.detail_reason, message=meaning.message, invalid=True)
    if isinstance(meaning, errors.Unexpected) and told:
        return GenerationFailed(reason=meaning.detail_reason, message=meaning.message)
    if isinstance(meaning, errors.NotAuthenticated | errors.NotAllowed):
        # Our own token, not the task, is refused: say, after auth changed its keys.
        return WorkerBusy()
    # INTERNAL and the like without the worker's own words come from a connection that broke.
    return WorkerLost(meaning.message)
