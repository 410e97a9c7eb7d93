"""How long the host believes what auth said of a sign-in, and that it asks once for many who wait."""

import asyncio

from services.foundation import errors
from services.foundation.identity import Verifier
from services.foundation.rpc import client
from services.plugins.identity.resolving import KEPT_SECONDS, MOST_KEPT, REFUSED_SECONDS, Resolver
from services.plugins.peers.grants import Grants
from tests.support import fake_grants, ports
from tests.support import identity as tokens
from tests.support.fake_grants import FakeGrants, Person

ANNA = Person(user_id="anna")


class _Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class _Nobody:
    """Knows no sign-in."""

    async def resolve_sign_in(self, secret: str) -> str:
        raise errors.NotAuthenticated


async def test_an_answer_is_kept_for_a_while_and_a_refusal_for_a_shorter_one() -> None:
    fake, clock = FakeGrants(), _Clock()  # type: ignore[abstract]
    target = f"127.0.0.1:{ports.free_port()}"
    await fake.start(target)
    good = fake.sign_in(ANNA)

    async with client.channel(target) as channel:
        ourselves = client.ServiceIdentity(channel, service="plugins", secret=fake_grants.SECRET)
        verifier = Verifier(audience="plugins", fetch_keys=tokens.fetch_keys)
        resolver = Resolver(Grants(channel, ourselves), verifier, clock=clock)
        together = await asyncio.gather(*(resolver.of_sign_in(good) for _ in range(10)))
        nobody = await resolver.of_sign_in("never was one")
        clock.now += REFUSED_SECONDS + 1
        await asyncio.gather(resolver.of_sign_in(good), resolver.of_sign_in("never was one"))
        before = dict(fake.asked)
        clock.now += KEPT_SECONDS
        del fake.sign_ins[good]
        after = await resolver.of_sign_in(good)
    await fake.stop()

    assert [each.subject if each else "" for each in together] == ["anna"] * 10
    assert (nobody, after) == (None, None)
    assert before == {good: 1, "never was one": 2}
    assert fake.asked[good] == 2


class _OneSignIn:
    """Knows Anna's, and counts how often it is asked for it."""

    def __init__(self) -> None:
        self.asked = 0

    async def resolve_sign_in(self, secret: str) -> str:
        if secret != "anna's":
            raise errors.NotAuthenticated
        self.asked += 1
        return ANNA.token()


async def test_secrets_that_somebody_makes_up_have_nobody_asked_for_anew() -> None:
    sign_ins = _OneSignIn()
    resolver = Resolver(sign_ins, Verifier(audience="plugins", fetch_keys=tokens.fetch_keys), clock=_Clock())
    await resolver.of_sign_in("anna's")

    for number in range(MOST_KEPT + 1):
        await resolver.of_sign_in(f"made up {number}")
    again = await resolver.of_sign_in("anna's")

    assert again is not None
    assert sign_ins.asked == 1


async def test_the_end_of_one_session_is_not_that_of_another_and_that_of_an_account_is_of_all() -> None:
    verifier = Verifier(audience="plugins", fetch_keys=tokens.fetch_keys)
    resolver = Resolver(_Nobody(), verifier)
    one = await resolver.of_token(Person(user_id="anna", session_id="one").token())
    other = await resolver.of_token(Person(user_id="anna", session_id="other").token())

    resolver.ended("anna", "one")
    after_one = resolver.is_over(one), resolver.is_over(other)
    resolver.ended("anna", "")

    assert after_one == (True, False)
    assert resolver.is_over(other)
