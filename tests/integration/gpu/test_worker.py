"""The worker as it is deployed: a process with a real pipeline, real tokens and a real socket."""

import asyncio
import io
import re
import shutil
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import pytest
from daydream.gpu.v1 import inference_pb2 as pb
from daydream.gpu.v1 import inference_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from PIL import Image

from services.foundation import errors
from services.foundation.rpc import client
from tests.support import identity
from tests.support.gpu_worker import GpuWorker

# A worker imports torch before it serves or says why not, which takes a minute where memory is contended.
pytestmark = [pytest.mark.rotating, pytest.mark.timeout(1200)]

Stub: TypeAlias = "inference_pb2_grpc.InferenceServiceAsyncStub"
StartWorker = Callable[..., GpuWorker]
# About two thousand calls of the denoiser: some ten seconds, long enough to act in the midst of it.
LONG = pb.GenerateRequest(prompt="a red circle", steps=100, samples=10, width=192, height=192, sampler="Heun")

# A few seconds' worth, so that others come while it is drawn, and it may end while the worker drains.
LASTING = pb.GenerateRequest(prompt="a house", steps=100, samples=10, sampler="Heun", width=96, height=96)


def token() -> grpc.aio.Metadata:
    """Metadata of a service."""
    return client.bearer(identity.mint_service("tasks"))


async def generate(stub: Stub, request: pb.GenerateRequest) -> AsyncGenerator[pb.GenerateResponse]:
    """The request's responses; failures as our own errors."""
    call = stub.Generate(request, metadata=token(), timeout=120)
    try:
        with client.translated():
            async for response in call:
                yield response
    finally:
        # Who reads no further gives the call up at once, not when it is collected as garbage.
        call.cancel()


async def everything(stub: Stub, request: pb.GenerateRequest) -> list[pb.GenerateResponse]:
    """All responses to a request."""
    return [response async for response in generate(stub, request)]


async def admitted(call: AsyncIterable[pb.GenerateResponse]) -> bool:
    """Whether the call's first response says so; the call goes on."""
    return (await anext(aiter(call))).HasField("admitted")


async def busy(stub: Stub) -> int:
    """How many requests the worker holds."""
    answer = await stub.GetCapabilities(pb.GetCapabilitiesRequest(), metadata=token())
    return answer.capabilities.busy_slots


async def until_idle(stub: Stub) -> None:
    """Wait until the worker holds nothing."""
    await until_busy(stub, 0)


async def until_busy(stub: Stub, requests: int) -> None:
    """Wait until the worker holds so many requests."""
    async with asyncio.timeout(60):
        while await busy(stub) != requests:
            pass


async def test_a_picture_comes_in_order_and_in_pieces_with_its_real_seed(stub: Stub) -> None:
    request = pb.GenerateRequest(prompt="a red circle", steps=5, samples=2, width=64, height=72, preview_every_steps=1)

    responses = await everything(stub, request)

    kinds = [str(response.WhichOneof("event")) for response in responses]
    assert re.fullmatch(r"admitted( step| preview)+( image_chunk( step| preview)*){2} finished", " ".join(kinds))
    admitted = responses[0].admitted
    assert (admitted.model, admitted.sampler, admitted.steps, admitted.guidance) == ("tiny", "DDIM", 5, 3.0)
    assert (admitted.width, admitted.height, admitted.samples) == (64, 72, 2)
    assert admitted.seed > 0
    steps = [response.step for response in responses if response.HasField("step")]
    assert [step.step for step in steps] == sorted({step.step for step in steps})
    assert (steps[-1].step, steps[-1].steps, steps[-1].remaining_ms) == (10, 10, 0)
    chunks = [response.image_chunk for response in responses if response.HasField("image_chunk")]
    # Images come as they are finished.
    told = sorted((chunk.sample_index, chunk.seed) for chunk in chunks)
    assert told == [(0, admitted.seed), (1, admitted.seed + 1)]
    for chunk in chunks:
        with Image.open(io.BytesIO(chunk.data)) as image:
            assert (image.format, image.size) == ("PNG", (64, 72))
    assert responses[-1].finished.images == 2


async def test_a_large_picture_travels_in_pieces_of_a_mebibyte_at_most(stub: Stub) -> None:
    request = pb.GenerateRequest(prompt="a red circle", steps=1, width=768, height=768, sampler="Euler")

    responses = await everything(stub, request)

    chunks = [response.image_chunk for response in responses if response.HasField("image_chunk")]
    assert all(0 < len(chunk.data) <= 1024 * 1024 for chunk in chunks)
    assert [chunk.offset for chunk in chunks] == [1024 * 1024 * number for number in range(len(chunks))]
    assert sum(len(chunk.data) for chunk in chunks) == chunks[0].total_bytes
    with Image.open(io.BytesIO(b"".join(chunk.data for chunk in chunks))) as image:
        image.load()
        assert image.size == (768, 768)


async def test_the_same_seed_draws_the_same_picture_and_an_open_one_another(stub: Stub) -> None:
    def picture(responses: list[pb.GenerateResponse]) -> bytes:
        return b"".join(response.image_chunk.data for response in responses)

    first = await everything(stub, pb.GenerateRequest(prompt="a house", seed=-1))
    other = await everything(stub, pb.GenerateRequest(prompt="a house", seed=-1))
    again = await everything(stub, pb.GenerateRequest(prompt="a house", seed=first[0].admitted.seed))

    assert first[0].admitted.seed != other[0].admitted.seed
    assert picture(first) == picture(again) != picture(other)


async def test_capabilities_tell_models_limits_and_measured_speed(stub: Stub) -> None:
    answer = await stub.GetCapabilities(pb.GetCapabilitiesRequest(), metadata=token())

    told = answer.capabilities
    assert (told.device, told.slots, told.busy_slots, len(told.models)) == ("cpu", 1, 0, 1)
    model = told.models[0]
    assert (model.name, model.defaults.steps, model.defaults.width) == ("tiny", 4, 64)
    assert model.limits.max_samples == 10
    assert model.samplers[0].name == "DDIM"
    assert all(time.step_us > 0 and time.image_us > 0 for time in model.step_times)
    assert (64, 64) in [(time.width, time.height) for time in model.step_times]


async def test_health_answers_while_a_picture_is_drawn(stub: Stub, channel: grpc.aio.Channel) -> None:
    health: Any = health_pb2_grpc.HealthStub(channel)
    call = generate(stub, LONG)
    await anext(call)
    took: list[float] = []

    for _ in range(10):
        started = time.monotonic()
        answer = await health.Check(health_pb2.HealthCheckRequest(service="daydream.gpu.v1.InferenceService"))
        took.append(time.monotonic() - started)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING

    await call.aclose()
    await until_idle(stub)
    # Milliseconds as a rule; the bound leaves room for a machine that is busy with other things.
    assert sorted(took)[len(took) // 2] < 0.5


async def test_a_caller_that_hangs_up_frees_the_slot_for_the_next(stub: Stub, worker: GpuWorker) -> None:
    await until_idle(stub)
    call = stub.Generate(LONG, metadata=token())
    assert await admitted(call)
    before = worker.log.count('"cancelled"')

    call.cancel()
    responses = await everything(stub, pb.GenerateRequest(prompt="a house"))

    assert responses[-1].HasField("finished")
    # The only slot was free because the first was dropped, not because it had come to its end: so it is said.
    assert worker.log.count('"cancelled"') == before + 1
    await until_idle(stub)


async def test_a_deadline_ends_a_request_too(stub: Stub) -> None:
    with pytest.raises(errors.Unavailable) as failed, client.translated():
        async for _ in stub.Generate(LONG, metadata=token(), timeout=0.5):
            pass

    assert failed.value.detail_reason == "DEADLINE_EXCEEDED"
    await until_idle(stub)


async def test_a_full_worker_says_when_to_come_again(stub: Stub) -> None:
    await until_idle(stub)
    calls = [stub.Generate(LONG, metadata=token())]
    assert await admitted(calls[0])
    # Sent after the first was let in, as of two on one connection either may be first.
    calls.append(stub.Generate(LONG, metadata=token()))
    await until_busy(stub, 2)

    with pytest.raises(errors.TooMuch) as refused:
        await everything(stub, pb.GenerateRequest(prompt="a house"))

    assert refused.value.detail_reason == "WORKER_FULL"
    assert (refused.value.retry_after or 0) >= 1
    for call in calls:
        call.cancel()
    await until_idle(stub)


async def test_wrong_fields_are_named_on_the_wire(stub: Stub) -> None:
    await until_idle(stub)
    with pytest.raises(errors.InvalidInput) as refused:
        await everything(stub, pb.GenerateRequest(prompt="", steps=-1, width=63, guidance=float("nan"), samples=1000))

    fields = {violation.field for violation in refused.value.fields}
    assert fields == {"prompt", "steps", "width", "guidance", "samples"}
    assert await busy(stub) == 0


async def test_an_unknown_model_is_not_found(stub: Stub) -> None:
    with pytest.raises(errors.NotFound) as refused:
        await everything(stub, pb.GenerateRequest(prompt="a", model="other"))

    assert refused.value.detail_reason == "MODEL_NOT_FOUND"


# Tokens are minted in the test itself: one made while tests are collected may be over when its turn comes.
@pytest.mark.parametrize(
    ("token", "code"),
    [
        (lambda: None, grpc.StatusCode.UNAUTHENTICATED),
        (lambda: "nonsense", grpc.StatusCode.UNAUTHENTICATED),
        (lambda: identity.mint("tasks", role="service"), grpc.StatusCode.UNAUTHENTICATED),
        (lambda: identity.mint("a person", audience=("gpu",)), grpc.StatusCode.PERMISSION_DENIED),
        (
            lambda: identity.mint("boss", role="staff", scopes=("admin",), audience=("gpu",)),
            grpc.StatusCode.PERMISSION_DENIED,
        ),
    ],
)
async def test_only_services_may_call(stub: Stub, token: Callable[[], str | None], code: grpc.StatusCode) -> None:
    minted = token()
    metadata = client.bearer(minted) if minted is not None else None

    with pytest.raises(grpc.aio.AioRpcError) as generating:
        async for _ in stub.Generate(pb.GenerateRequest(prompt="a"), metadata=metadata):
            pass
    with pytest.raises(grpc.aio.AioRpcError) as asking:
        await stub.GetCapabilities(pb.GetCapabilitiesRequest(), metadata=metadata)

    assert generating.value.code() == asking.value.code() == code


async def test_on_sigterm_what_runs_is_finished_and_what_waits_is_sent_elsewhere(start_worker: StartWorker) -> None:
    worker = start_worker(GPU_SLOTS="1", DAYDREAM_DRAIN_SECONDS="120").wait_until_serving()
    async with client.channel(worker.target) as channel:
        stub: Stub = inference_pb2_grpc.InferenceServiceStub(channel)
        # Somebody who watches the health must not hold the end up.
        health: Any = health_pb2_grpc.HealthStub(channel)
        watched = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watched.read()).status == health_pb2.HealthCheckResponse.SERVING
        # Read from now on: who watches is hung up on in the end.
        then = asyncio.create_task(watched.read())
        running = generate(stub, LASTING)
        assert (await anext(running)).HasField("admitted")
        waiting = asyncio.create_task(everything(stub, pb.GenerateRequest(prompt="a house")))
        await until_busy(stub, 2)

        worker.terminate()
        responses = [response async for response in running]

        assert responses[-1].HasField("finished")
        with pytest.raises(errors.Unavailable) as turned_away:
            await waiting
        assert turned_away.value.detail_reason == "WORKER_DRAINING"
        assert (await then).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert await asyncio.to_thread(worker.exit_code) == 0
    assert "Traceback" not in worker.log


async def test_what_is_not_done_when_the_grace_period_ends_says_why_it_ended(start_worker: StartWorker) -> None:
    worker = start_worker(DAYDREAM_DRAIN_SECONDS="0.2").wait_until_serving()
    async with client.channel(worker.target) as channel:
        running = generate(inference_pb2_grpc.InferenceServiceStub(channel), LONG)
        assert (await anext(running)).HasField("admitted")

        worker.terminate()
        with pytest.raises(errors.Unavailable) as ended:
            async for _ in running:
                pass

    assert ended.value.detail_reason == "WORKER_DRAINING"
    assert await asyncio.to_thread(worker.exit_code) == 0


def test_a_worker_told_to_stop_while_it_loads_stops(start_worker: StartWorker) -> None:
    worker = start_worker()
    worker.wait_until_logged('"listening"')

    worker.terminate()

    assert worker.exit_code() == 0
    assert "Traceback" not in worker.log


@pytest.mark.parametrize(
    ("settings", "code", "sentence"),
    [
        ({"GPU_MODEL": "/no/such/folder"}, 1, "GPU_MODEL=/no/such/folder: there is no such folder"),
        ({"GPU_MODEL": "nobody/nothing"}, 1, "nobody/nothing: there is no such folder, and the model hub"),
        ({"GPU_DEVICE": "cuda:7"}, 1, "GPU_DEVICE=cuda:7 cannot be used here"),
        ({"GPU_SLOTS": "0"}, 2, "GPU_SLOTS: Input should be greater than or equal to 1"),
        ({"GPU_DTYPE": "int4"}, 2, "GPU_DTYPE: Input should be"),
    ],
)
def test_a_start_that_cannot_be_is_one_plain_sentence(
    start_worker: StartWorker, settings: dict[str, str], code: int, sentence: str
) -> None:
    worker = start_worker(**settings)

    assert worker.exit_code() == code
    assert sentence in worker.log
    assert "Traceback" not in worker.log


async def test_a_model_of_the_hub_is_drawn_with_by_its_id(
    start_worker: StartWorker, tiny_folder: Path, tmp_path: Path
) -> None:
    # The hub's own cache, as a download leaves it; nothing is fetched where the cache has it all.
    repository = tmp_path / "hub" / "models--somebody--tiny"
    shutil.copytree(tiny_folder, repository / "snapshots" / "1234567")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("1234567")
    worker = start_worker(model="somebody/tiny", HF_HUB_CACHE=str(tmp_path / "hub")).wait_until_serving()

    async with client.channel(worker.target) as channel:
        responses = await everything(
            inference_pb2_grpc.InferenceServiceStub(channel),
            pb.GenerateRequest(prompt="a house", model="somebody/tiny"),
        )

    assert responses[0].admitted.model == "somebody/tiny"
    assert responses[-1].HasField("finished")


def test_a_taken_port_is_one_plain_sentence(start_worker: StartWorker, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        worker = start_worker(GPU_BIND=address)

        assert worker.exit_code() == 1
    assert f"cannot listen on {address}: another program has taken the port" in worker.log
    assert "Traceback" not in worker.log
