"""A gRPC server as every service runs it: access by a table, errors as google.rpc.Status, health, reflection, drain."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.foundation import context, errors, identity, logs, shielding
from services.foundation.rpc import client, status

log = logs.logger(__name__)

MAX_METADATA_BYTES: Final = 16 * 1024
OPTIONS: Final[Sequence[tuple[str, int]]] = (
    *client.OPTIONS,
    ("grpc.so_reuseport", 0),  # a port that is taken must be an error, not a second listener
    # The same twice: between a soft and a hard limit calls are refused at random.
    ("grpc.max_metadata_size", MAX_METADATA_BYTES),
    ("grpc.absolute_max_metadata_size", MAX_METADATA_BYTES),
    # Clients ping every KEEPALIVE_MS; a server that allowed fewer would hang up on them.
    ("grpc.http2.min_recv_ping_interval_without_data_ms", client.KEEPALIVE_MS // 2),
    # Nor does it count them: where a machine stands still for a while, those of that time arrive together.
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.keepalive_permit_without_calls", 1),
)
# Health and reflection say nothing about anyone.
_OPEN: Final = ("/grpc.health.v1.Health/", "/grpc.reflection.")


# Requests and responses are whatever the method's proto says.
if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[Any, Any]
    Call = grpc.aio.ServicerContext[Any, Any]


class CannotListen(Exception):
    """The address to listen on cannot be had; the message is one sentence that says why."""


class Guard(grpc.aio.ServerInterceptor):
    """Wraps every call: who calls, may they, request id, time left, and errors in one shape."""

    def __init__(self, verifier: identity.Verifier, access: Mapping[str, identity.Access]) -> None:
        """`access` maps full method names (`/package.Service/Method`); what is not in it is refused."""
        self._verifier = verifier
        self._access = access

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Put the guard round the method's handler."""
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or method.startswith(_OPEN):
            return handler
        metadata = {key: value for key, value in handler_call_details.invocation_metadata if isinstance(value, str)}

        async def admit(call: Call) -> None:
            context.set_request_id(metadata.get("x-request-id", "")[:64] or context.new_request_id())
            context.set_time_left(call.time_remaining())
            identity.set_caller(await self._admit(method, metadata))

        if handler.response_streaming:
            return _guard_stream(handler, method, admit)
        return _guard_unary(handler, method, admit)

    async def _admit(self, method: str, metadata: Mapping[str, str]) -> identity.Caller | None:
        access = self._access.get(method)
        if access is None:
            raise errors.NotAllowed
        scheme, _, token = metadata.get("authorization", "").partition(" ")
        caller = None
        if token and not access.public:
            if scheme.lower() != "bearer":
                raise identity.UnknownToken
            caller = await self._verifier.verify(token)
        if (refusal := access.refuse(caller)) is not None:
            raise refusal
        return caller


Admit = Callable[["Call"], Awaitable[None]]


def _guard_unary(handler: Handler, method: str, admit: Admit) -> Handler:
    inner: Any = handler.stream_unary if handler.request_streaming else handler.unary_unary

    async def outer(raw: Any, call: Call) -> Any:
        async with _errors_told(method, call):
            await admit(call)
            request = _parsed(handler, raw)
            # A caller that leaves, or whose time is up, must not leave a transaction half-way.
            return await shielding.whole(inner)(request, call)

    build = grpc.stream_unary_rpc_method_handler if handler.request_streaming else grpc.unary_unary_rpc_method_handler
    return build(outer, None, handler.response_serializer)


def _guard_stream(handler: Handler, method: str, admit: Admit) -> Handler:
    inner: Any = handler.stream_stream if handler.request_streaming else handler.unary_stream

    async def outer(raw: Any, call: Call) -> AsyncIterator[Any]:
        async with _errors_told(method, call):
            await admit(call)
            request = _parsed(handler, raw)
            # Closed here, not by the garbage collector, so that a servicer's `finally` runs when the caller leaves.
            async with contextlib.aclosing(inner(request, call)) as responses:
                async for response in responses:
                    yield response

    build = grpc.stream_stream_rpc_method_handler if handler.request_streaming else grpc.unary_stream_rpc_method_handler
    return build(outer, None, handler.response_serializer)


def _parsed(handler: Handler, raw: Any) -> Any:
    """The request, or the stream of them. Here, after the caller was admitted: gRPC would tell anybody our insides."""
    read: Callable[[bytes], Any] = handler.request_deserializer or bytes
    if not handler.request_streaming:
        return _read(read, raw)
    return (_read(read, each) async for each in raw)


def _read(read: Callable[[bytes], Any], raw: bytes) -> Any:
    try:
        return read(raw)
    except (DecodeError, ValueError) as error:
        raise errors.InvalidInput("The request is not a message of this method.") from error


@contextlib.asynccontextmanager
async def _errors_told(method: str, call: Call) -> AsyncIterator[None]:
    try:
        yield
    except errors.DaydreamError as error:
        if isinstance(error, errors.Unexpected):
            log.exception("call failed", method=method, reason=error.detail_reason, detail=error.cause_detail)
        elif error.cause_detail:
            log.warning("call refused", method=method, reason=error.detail_reason, detail=error.cause_detail)
        await _abort(call, error)
    except grpc.aio.AbortError:
        raise
    except Exception as error:  # every other exception is a fault of ours, told without its words
        log.exception("call failed", method=method)
        await _abort(call, errors.Unexpected(), cause=error)


async def _abort(call: Call, error: errors.DaydreamError, cause: Exception | None = None) -> None:
    packed = status.to_status(error)
    try:
        await call.abort(status.code_of(error), packed.message, ((status.DETAILS_KEY, packed.SerializeToString()),))
    except grpc.aio.AbortError as abort:
        raise abort from (cause or error)


class Server:
    """One service's gRPC server with its health: NOT_SERVING until `ready`, and again before it drains."""

    def __init__(self, *, verifier: identity.Verifier, access: Mapping[str, identity.Access]) -> None:
        """Nothing listens yet; register servicers on `grpc`, then `start`."""
        self.grpc = grpc.aio.server(interceptors=[Guard(verifier, access)], options=list(OPTIONS))
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.grpc)
        self._names: tuple[str, ...] = ("",)

    async def start(self, address: str, names: Sequence[str]) -> None:
        """Listen on `host:port` for the services named. Raises CannotListen."""
        self._names = ("", *names)
        reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), self.grpc)
        await self._set(health_pb2.HealthCheckResponse.NOT_SERVING)
        try:
            self.grpc.add_insecure_port(address)
        except RuntimeError as error:
            raise CannotListen(f"cannot listen on {address}: {await _why_not(address)}") from error
        await self.grpc.start()
        log.info("listening", address=address)

    async def ready(self) -> None:
        """Say SERVING."""
        await self._set(health_pb2.HealthCheckResponse.SERVING)
        log.info("ready")

    async def drain(self, grace_seconds: float) -> None:
        """Say NOT_SERVING, let running calls end within the grace period, then stop."""
        await self._set(health_pb2.HealthCheckResponse.NOT_SERVING)
        log.info("draining", grace_seconds=grace_seconds)
        await self.grpc.stop(grace_seconds)

    async def _set(self, state: int) -> None:
        for name in self._names:
            await self._health.set(name, state)


async def _why_not(address: str) -> str:
    # gRPC tells every failure alike, so the bind is tried once more by hand.
    host, _, port = address.rpartition(":")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        family, kind, protocol, _, where = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.bind(where)
    except socket.gaierror:
        return f"no host {host} is known here"
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return (error.strerror or repr(error)).lower()
    return "another program has taken the port"


async def until_told_to_stop() -> None:
    """Wait for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
