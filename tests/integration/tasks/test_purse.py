"""One suite for every purse: the fake that unit tests use, and the real client against auth's semantics on a port."""

from collections.abc import AsyncIterator

import pytest

from services.foundation import errors
from services.foundation.rpc import client
from services.tasks.errors import AccountClosed, AuthUnavailable, NotEnoughTokens
from services.tasks.ports import Purse
from services.tasks.wire.purse import GrpcPurse
from tests.support import fake_auth
from tests.support.fake_auth import FakeAuth
from tests.support.fake_parts import FakePurse
from tests.support.ledger import address


class Case:
    """A purse, what it keeps, and a way to take it away."""

    def __init__(self, purse: Purse, kept: fake_auth.Purse, fake: FakePurse | None, auth: FakeAuth | None) -> None:
        self.purse, self.kept, self._fake, self._auth = purse, kept, fake, auth

    async def take_away(self) -> None:
        if self._fake is not None:
            self._fake.away = True
        if self._auth is not None:
            await self._auth.stop()


@pytest.fixture(params=["fake", "grpc"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    if request.param == "fake":
        fake = FakePurse()
        yield Case(fake, fake.kept, fake, None)
        return
    auth = FakeAuth(address())
    await auth.start()
    channel = client.channel(auth.address)
    own = client.ServiceIdentity(channel, service="tasks", secret="secret")
    yield Case(GrpcPurse(channel, own), auth.purse, None, auth)
    await channel.close()
    await auth.stop()


async def hold(case: Case, tokens: int = 3, hold_id: str = "task-1") -> None:
    await case.purse.hold(hold_id=hold_id, user_id="ada", tokens=tokens, reason="3 images")


async def settle(case: Case, charge: int = 1, hold_id: str = "task-1") -> None:
    await case.purse.settle(hold_id=hold_id, user_id="ada", charge=charge, reason="1 of 3 images")


async def test_a_hold_taken_twice_is_one_and_a_settlement_too(case: Case) -> None:
    for _ in range(2):
        await hold(case)
    held = case.kept.balance("ada")

    for _ in range(2):
        await settle(case)

    assert (held, case.kept.balance("ada")) == (997, 999)


async def test_too_few_tokens_are_told_with_both_numbers(case: Case) -> None:
    with pytest.raises(NotEnoughTokens) as caught:
        await hold(case, tokens=1001)

    assert caught.value.metadata == {"price": "1001", "balance": "1000"}


@pytest.mark.parametrize(
    "refusal",
    [
        errors.NotAllowed("The account is suspended.", reason="ACCOUNT_SUSPENDED"),
        errors.NotFound("There is no such user.", reason="USER_NOT_FOUND"),
    ],
)
async def test_an_account_that_was_closed_meanwhile_is_told_so(case: Case, refusal: errors.DaydreamError) -> None:
    case.kept.closed["ada"] = refusal

    with pytest.raises(AccountClosed):
        await hold(case)

    assert case.kept.balance("ada") == 1000


async def test_a_hold_released_before_it_came_is_refused(case: Case) -> None:
    await settle(case, charge=0)

    with pytest.raises(AuthUnavailable):
        await hold(case)

    assert case.kept.balance("ada") == 1000


async def test_a_settlement_that_contradicts_the_first_changes_nothing(case: Case) -> None:
    await hold(case)
    await settle(case, charge=1)

    with pytest.raises(AuthUnavailable):
        await settle(case, charge=2)

    assert case.kept.balance("ada") == 999


async def test_a_purse_that_is_away_says_so(case: Case) -> None:
    await case.take_away()

    with pytest.raises(AuthUnavailable):
        await hold(case)
    with pytest.raises(AuthUnavailable):
        await settle(case)
