"""Channels to other services: keepalive, a deadline on every call, request id and identity handed on.

Errors of a call arrive as `grpc.RpcError`; callers turn them with `status.from_rpc_error`, or with `translated()`.
"""

import contextlib
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import grpc
from daydream.auth.v1 import auth_pb2, auth_pb2_grpc

from services.foundation import context, logs, shielding
from services.foundation.rpc import status

log = logs.logger(__name__)

T = TypeVar("T")

DEFAULT_SECONDS: Final = 10.0
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
KEEPALIVE_MS: Final = 8_000
_RENEWED_SECONDS: Final = 60
# A token with less than this left could be over by the time it is read.
_SPENT_SECONDS: Final = 2
OPTIONS: Final[Sequence[tuple[str, int]]] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", 8_000),
    # A peer that is stopped, not dead, is noticed only by an unanswered ping; the default waits a minute.
    ("grpc.http2.ping_timeout_ms", 8_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # A new channel connects at once, not when another's pause before the same address is over.
    ("grpc.use_local_subchannel_pool", 1),
)


def _complete(details: grpc.aio.ClientCallDetails, default_seconds: float | None) -> grpc.aio.ClientCallDetails:
    metadata = grpc.aio.Metadata(*(details.metadata or ()))
    request_id = context.request_id()
    if request_id is not None and metadata.get("x-request-id") is None:
        metadata.add("x-request-id", request_id)
    given = [each for each in (details.timeout or default_seconds, context.time_left()) if each is not None]
    return grpc.aio.ClientCallDetails(
        details.method, min(given) if given else None, metadata, details.credentials, details.wait_for_ready
    )


class _Unary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        return await continuation(_complete(client_call_details, self._seconds), request)


class _Stream(grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        # A stream lives as long as its caller; keepalive notices a peer that is gone.
        return await continuation(_complete(client_call_details, None), request)


def channel(target: str, *, seconds: float = DEFAULT_SECONDS) -> grpc.aio.Channel:
    """A channel to `host:port` (or any gRPC target). Unary calls wait `seconds` at most unless they say otherwise."""
    return grpc.aio.insecure_channel(target, options=list(OPTIONS), interceptors=[_Unary(seconds), _Stream()])


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise what a call failed with as a DaydreamError."""
    try:
        yield
    except grpc.RpcError as error:
        raise status.from_rpc_error(error) from error


async def translated_stream(call: AsyncIterable[T]) -> AsyncIterator[T]:
    """Yield a stream's messages, raising what it failed with as a DaydreamError."""
    with translated():
        async for message in call:
            yield message


def bearer(token: str) -> grpc.aio.Metadata:
    """Metadata that says who calls."""
    return grpc.aio.Metadata(("authorization", f"Bearer {token}"))


class ServiceIdentity:
    """This service's own token: fetched with its secret, renewed in its last minute while it still serves."""

    def __init__(
        self, auth: grpc.aio.Channel, *, service: str, secret: str, now: Callable[[], float] = time.time
    ) -> None:
        """`service` and `secret` are what auth was configured with for us."""
        self._stub = auth_pb2_grpc.AuthServiceStub(auth)
        self._service, self._secret, self._now = service, secret, now
        self._token, self._until = "", 0.0
        self._fetching = shielding.Shared(self._fetch)

    async def metadata(self) -> grpc.aio.Metadata:
        """Metadata for a call in this service's own name. Raises a DaydreamError when auth gives no token."""
        left = self._until - self._now()
        if left <= _SPENT_SECONDS:
            await self._fetching()
        elif left < _RENEWED_SECONDS:
            # Nobody waits for auth, which may be away, while the token at hand is as good as the next one.
            self._fetching.begin()
        return bearer(self._token)

    def forget(self) -> None:
        """Fetch a new token before the next call.

        For a callee that refused this one, as happens once auth signs with another key.
        """
        self._until = 0.0

    async def _fetch(self) -> None:
        request = auth_pb2.IssueServiceTokenRequest(service=self._service, secret=self._secret)
        try:
            answer = await self._stub.IssueServiceToken(request)
        except grpc.RpcError as rpc_error:
            error = status.from_rpc_error(rpc_error)
            log.warning("no service token", reason=error.detail_reason, detail=error.cause_detail)
            raise error from rpc_error
        self._token = answer.identity_token.token
        self._until = answer.identity_token.expire_time.ToMilliseconds() / 1000


def key_fetcher(auth: grpc.aio.Channel) -> Callable[[], Any]:
    """What a Verifier fetches keys with."""
    stub = auth_pb2_grpc.AuthServiceStub(auth)

    async def fetch() -> Mapping[str, bytes]:
        with translated():
            answer = await stub.ListSigningKeys(auth_pb2.ListSigningKeysRequest())
        return {key.key_id: key.public_key for key in answer.signing_keys}

    return fetch
