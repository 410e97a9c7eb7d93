"""A service's own token: kept, renewed in time, and shared by all who wait for it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from daydream.auth.v1 import auth_pb2
from google.protobuf import timestamp_pb2

from services.foundation import errors
from services.foundation.rpc import client

LIFETIME = 600


class Auth:
    """Issues token-1, token-2, … while it is not away; may be made to wait."""

    def __init__(self) -> None:
        self.now = 10_000.0
        self.issued, self.asked = 0, asyncio.Semaphore(0)
        self.away = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def issue(
        self, request: auth_pb2.IssueServiceTokenRequest, context: Any
    ) -> auth_pb2.IssueServiceTokenResponse:
        """What the service calls."""
        self.asked.release()
        await self.answers.wait()
        if self.away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        self.issued += 1
        token = auth_pb2.IdentityToken(
            token=f"token-{self.issued}", expire_time=timestamp_pb2.Timestamp(seconds=int(self.now) + LIFETIME)
        )
        return auth_pb2.IssueServiceTokenResponse(identity_token=token)


@pytest.fixture
async def auth() -> Auth:
    return Auth()


@pytest.fixture
async def own(auth: Auth) -> AsyncIterator[client.ServiceIdentity]:
    server = grpc.aio.server()
    issue = grpc.unary_unary_rpc_method_handler(
        auth.issue,
        request_deserializer=auth_pb2.IssueServiceTokenRequest.FromString,
        response_serializer=auth_pb2.IssueServiceTokenResponse.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler("daydream.auth.v1.AuthService", {"IssueServiceToken": issue})
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with client.channel(f"127.0.0.1:{port}") as channel:
        yield client.ServiceIdentity(channel, service="tasks", secret="s", now=lambda: auth.now)
    await server.stop(0)


async def _token(own: client.ServiceIdentity) -> str:
    return str((await own.metadata())["authorization"])


async def test_a_token_is_fetched_once_for_all_who_wait_for_it(own: client.ServiceIdentity, auth: Auth) -> None:
    auth.answers.clear()
    waiting = [asyncio.create_task(_token(own)) for _ in range(5)]
    await auth.asked.acquire()

    waiting[0].cancel()
    auth.answers.set()
    told = await asyncio.gather(*waiting[1:])

    assert set(told) == {"Bearer token-1"}
    assert auth.issued == 1


async def test_all_who_wait_learn_at_once_that_auth_is_away(own: client.ServiceIdentity, auth: Auth) -> None:
    auth.answers.clear()
    auth.away = True
    waiting = [asyncio.create_task(_token(own)) for _ in range(5)]
    await auth.asked.acquire()

    auth.answers.set()
    told = await asyncio.gather(*waiting, return_exceptions=True)

    assert {type(each) for each in told} == {errors.Unavailable}
    assert auth.asked.locked()


async def test_a_token_in_its_last_minute_serves_while_auth_is_away(own: client.ServiceIdentity, auth: Auth) -> None:
    await _token(own)
    auth.now += LIFETIME - 30
    auth.away = True

    told = await _token(own)

    assert told == "Bearer token-1"


async def test_a_token_is_renewed_in_its_last_minute(own: client.ServiceIdentity, auth: Auth) -> None:
    await _token(own)
    auth.now += LIFETIME - 30

    at_hand = await _token(own)

    # The new one is on its way: whoever needs it waits for it, and auth is not asked again.
    auth.now += 30
    assert (at_hand, await _token(own), auth.issued) == ("Bearer token-1", "Bearer token-2", 2)


async def test_a_token_that_is_over_is_not_used(own: client.ServiceIdentity, auth: Auth) -> None:
    await _token(own)
    auth.now += LIFETIME
    auth.away = True

    with pytest.raises(errors.Unavailable):
        await _token(own)


async def test_a_token_that_was_refused_is_replaced(own: client.ServiceIdentity, auth: Auth) -> None:
    await _token(own)

    own.forget()

    assert await _token(own) == "Bearer token-2"
