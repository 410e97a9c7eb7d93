"""A guarded server, called over a socket: who may, what errors look like, what travels along."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from daydream.gpu.v1 import inference_pb2, inference_pb2_grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.foundation import context, errors, identity
from services.foundation.rpc import client, server, status
from tests.support import identity as tokens

SERVICE = "daydream.gpu.v1.InferenceService"
ACCESS = {f"/{SERVICE}/Generate": identity.services("*")}


class Scripted(inference_pb2_grpc.InferenceServiceServicer):
    """Does what the prompt says."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.left = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.seen: dict[str, Any] = {}

    async def Generate(self, request: Any, context_: Any) -> AsyncIterator[inference_pb2.GenerateResponse]:
        self.seen = {"request_id": context.request_id(), "time_left": context.time_left(), "caller": identity.caller()}
        if request.prompt == "refuse":
            field = errors.FieldViolation(field="steps", description="Steps must be 1 to 50.")
            raise errors.InvalidInput.of(field)
        if request.prompt == "full":
            raise errors.TooMuch(retry_after=2.5)
        if request.prompt == "break":
            raise ZeroDivisionError("the inner words")
        try:
            yield inference_pb2.GenerateResponse(finished=inference_pb2.Finished(images=1))
            if request.prompt == "stay":
                await asyncio.Event().wait()
        finally:
            self.left.set()

    async def GetCapabilities(self, request: Any, context_: Any) -> inference_pb2.GetCapabilitiesResponse:
        self.begun.set()
        await self.go_on.wait()
        self.left.set()
        return inference_pb2.GetCapabilitiesResponse()


class Running:
    def __init__(self, address: str, servicer: Scripted, access: dict[str, identity.Access]) -> None:
        self.address, self.servicer, self.access = address, servicer, access
        self.channel = client.channel(address)
        self.stub = inference_pb2_grpc.InferenceServiceStub(self.channel)

    def generate(self, prompt: str, **options: Any) -> Any:
        options.setdefault("metadata", client.bearer(tokens.mint_service("tasks")))
        return client.translated_stream(self.stub.Generate(inference_pb2.GenerateRequest(prompt=prompt), **options))


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    access = dict(ACCESS)
    guarded = server.Server(verifier=identity.Verifier(audience="gpu", fetch_keys=tokens.fetch_keys), access=access)
    servicer = Scripted()
    inference_pb2_grpc.add_InferenceServiceServicer_to_server(servicer, guarded.grpc)
    await guarded.start(address, [SERVICE])
    await guarded.ready()
    run = Running(address, servicer, access)
    yield run
    await run.channel.close()
    await guarded.drain(0)


async def test_a_listed_caller_gets_through_with_its_name(running: Running) -> None:
    context.set_request_id("request-7")

    answers = [answer async for answer in running.generate("go", timeout=5)]

    assert answers[0].finished.images == 1
    assert running.servicer.seen["caller"].subject == "tasks"
    assert running.servicer.seen["request_id"] == "request-7"
    # On its way gRPC rounds a deadline of seconds up to the next hundredth.
    assert 0 < running.servicer.seen["time_left"] <= 5.01


@pytest.mark.parametrize(
    "metadata",
    [
        grpc.aio.Metadata(),
        grpc.aio.Metadata(("x-user-id", "tasks")),
        client.bearer("nonsense"),
        grpc.aio.Metadata(("authorization", f"Basic {tokens.mint_service('tasks')}")),
    ],
    ids=["none", "plain metadata", "garbage", "other scheme"],
)
async def test_nobody_is_believed_without_a_token(running: Running, metadata: grpc.aio.Metadata) -> None:
    with pytest.raises(errors.NotAuthenticated):
        async for _ in running.generate("go", metadata=metadata):
            pass


async def test_a_method_that_is_not_listed_is_refused(running: Running) -> None:
    with pytest.raises(errors.NotAllowed), client.translated():
        await running.stub.GetCapabilities(
            inference_pb2.GetCapabilitiesRequest(), metadata=client.bearer(tokens.mint_service("tasks"))
        )


async def test_a_refusal_arrives_with_reason_and_fields(running: Running) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        async for _ in running.generate("refuse"):
            pass

    assert caught.value.detail_reason == "INVALID_INPUT"
    assert [field.field for field in caught.value.fields] == ["steps"]


async def test_a_refusal_under_load_says_when_to_come_back(running: Running) -> None:
    with pytest.raises(errors.TooMuch) as caught:
        async for _ in running.generate("full"):
            pass

    assert caught.value.retry_after == 2.5


async def test_a_fault_of_ours_keeps_its_words_to_itself(running: Running) -> None:
    with pytest.raises(errors.Unexpected) as caught:
        async for _ in running.generate("break"):
            pass

    assert "inner words" not in caught.value.message


async def test_a_servicer_cleans_up_as_soon_as_its_caller_leaves(running: Running) -> None:
    call = running.stub.Generate(
        inference_pb2.GenerateRequest(prompt="stay"), metadata=client.bearer(tokens.mint_service("tasks"))
    )
    await call.read()

    call.cancel()

    await asyncio.wait_for(running.servicer.left.wait(), timeout=30)


async def test_a_single_call_is_finished_although_its_caller_leaves(running: Running) -> None:
    running.access[f"/{SERVICE}/GetCapabilities"] = identity.services("*")
    call = running.stub.GetCapabilities(
        inference_pb2.GetCapabilitiesRequest(), metadata=client.bearer(tokens.mint_service("tasks"))
    )
    waiting = asyncio.ensure_future(call)
    await running.servicer.begun.wait()

    waiting.cancel()

    # The cancellation goes out on the connection before this question does, so it has arrived when the answer comes.
    health: Any = health_pb2_grpc.HealthStub(running.channel)
    await health.Check(health_pb2.HealthCheckRequest())
    running.servicer.go_on.set()
    await asyncio.wait_for(running.servicer.left.wait(), timeout=30)


async def test_health_is_open_and_says_serving(running: Running) -> None:
    stub: Any = health_pb2_grpc.HealthStub(running.channel)

    answer = await stub.Check(health_pb2.HealthCheckRequest(service=SERVICE))

    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_taken_port_is_an_error_of_its_own(running: Running) -> None:
    second = server.Server(verifier=identity.Verifier(audience="gpu", fetch_keys=tokens.fetch_keys), access={})

    with pytest.raises(server.CannotListen, match="another program has taken the port"):
        await second.start(running.address, [])


async def test_a_host_that_nobody_knows_is_not_called_a_taken_port() -> None:
    lost = server.Server(verifier=identity.Verifier(audience="gpu", fetch_keys=tokens.fetch_keys), access={})

    with pytest.raises(server.CannotListen, match=r"no host nowhere\.invalid is known here"):
        await lost.start("nowhere.invalid:8013", [])


GARBAGE = {"garbage": b"\xff\xff", "bad UTF-8": b"\x0a\x02\xff\xfe"}


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE)
async def test_bytes_that_are_no_message_are_the_callers_fault(running: Running, raw: bytes) -> None:
    generate: Any = running.channel.unary_stream(f"/{SERVICE}/Generate")

    with pytest.raises(errors.InvalidInput) as caught:
        async for _ in client.translated_stream(generate(raw, metadata=client.bearer(tokens.mint_service("tasks")))):
            pass

    assert caught.value.message == "The request is not a message of this method."


@pytest.mark.parametrize("raw", GARBAGE.values(), ids=GARBAGE)
async def test_nothing_a_stranger_sends_is_read(running: Running, raw: bytes) -> None:
    generate: Any = running.channel.unary_stream(f"/{SERVICE}/Generate")

    with pytest.raises(errors.NotAuthenticated):
        async for _ in client.translated_stream(generate(raw)):
            pass


@pytest.mark.parametrize("size", [15_000, 17_000, 18_000, 19_000, 19_500], ids=str)
async def test_metadata_is_refused_by_its_size_and_never_by_chance(running: Running, size: int) -> None:
    metadata = grpc.aio.Metadata(("authorization", f"Bearer {tokens.mint_service('tasks')}"), ("x-more", "a" * size))
    passed = 0

    for _ in range(12):
        with contextlib.suppress(errors.DaydreamError):
            passed += len([answer async for answer in running.generate("go", metadata=metadata)])

    assert passed == (12 if size < server.MAX_METADATA_BYTES else 0)


async def test_where_a_service_was_looked_for_is_for_our_logs_alone() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    async with client.channel(address) as nobody:
        stub: Any = health_pb2_grpc.HealthStub(nobody)

        with pytest.raises(errors.Unavailable) as caught, client.translated():
            await stub.Check(health_pb2.HealthCheckRequest())

    assert address in caught.value.cause_detail
    assert address.encode() not in status.to_status(caught.value).SerializeToString()


@pytest.mark.parametrize("kind", errors.DaydreamError.__subclasses__())
def test_every_error_survives_the_wire(kind: type[errors.DaydreamError]) -> None:
    packed = status.to_status(kind("words", metadata={"a": "1"}, retry_after=1.5))

    back = status.from_status(status_pb2.Status.FromString(packed.SerializeToString()))

    assert isinstance(back, kind)
    assert (back.message, back.metadata, back.retry_after) == ("words", {"a": "1"}, 1.5)
    assert sum(detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR) for detail in packed.details) == 1
