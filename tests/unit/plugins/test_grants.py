"""auth as the host asks it: whose fault a refusal is, and what a host without a good secret makes of it."""

from collections.abc import AsyncIterator

import pytest

from services.foundation import errors
from services.foundation.rpc import client
from services.plugins.peers.grants import AuthUnavailable, Grants
from tests.support import fake_grants, ports
from tests.support.fake_grants import FakeGrants, Person


@pytest.fixture
async def auth() -> AsyncIterator[tuple[FakeGrants, str]]:
    fake, target = FakeGrants(), f"127.0.0.1:{ports.free_port()}"  # type: ignore[abstract]
    await fake.start(target)
    yield fake, target
    await fake.stop()


async def test_a_code_gives_a_secret_that_gives_tokens(auth: tuple[FakeGrants, str]) -> None:
    fake, target = auth

    async with client.channel(target) as channel:
        grants = Grants(channel, client.ServiceIdentity(channel, service="plugins", secret=fake_grants.SECRET))
        sign_in = await grants.redeem_code(fake.code(Person(user_id="anna")))
        token = await grants.resolve_sign_in(sign_in.secret)

    assert token.count(".") == 2
    assert sign_in.secret not in repr(sign_in)


async def test_a_sign_in_that_is_over_is_the_persons_trouble(auth: tuple[FakeGrants, str]) -> None:
    _, target = auth

    async with client.channel(target) as channel:
        grants = Grants(channel, client.ServiceIdentity(channel, service="plugins", secret=fake_grants.SECRET))
        with pytest.raises(errors.NotAuthenticated) as refused:
            await grants.resolve_sign_in("never was one")

    assert refused.value.detail_reason == "SESSION_ENDED"


@pytest.mark.parametrize(("service", "secret"), [("plugins", "wrong"), ("gpu", fake_grants.SECRET)])
async def test_a_host_that_auth_does_not_believe_tells_people_to_come_again(
    auth: tuple[FakeGrants, str], service: str, secret: str
) -> None:
    fake, target = auth

    async with client.channel(target) as channel:
        grants = Grants(channel, client.ServiceIdentity(channel, service=service, secret=secret))
        with pytest.raises(AuthUnavailable):
            await grants.resolve_sign_in(fake.sign_in(Person(user_id="anna")))
