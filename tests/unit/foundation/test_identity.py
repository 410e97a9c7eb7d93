"""Tokens are believed only when auth's key signed them for us, just now."""

import asyncio
import base64
import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.foundation import errors, identity
from tests.support import identity as tokens


@pytest.fixture
def verifier() -> identity.Verifier:
    return identity.Verifier(audience="tasks", fetch_keys=tokens.fetch_keys)


async def test_a_good_token_tells_who_calls(verifier: identity.Verifier) -> None:
    caller = await verifier.verify(tokens.mint("user-1", scopes=["read"], session_id="s-9"))

    assert (caller.subject, caller.role, caller.session_id) == ("user-1", identity.Role.USER, "s-9")
    assert caller.scopes == {identity.Scope.READ}


async def test_a_lent_token_also_tells_who_acts_and_what_for(verifier: identity.Verifier) -> None:
    token = tokens.mint("user-1", scopes=["generate"], claims={"act": {"sub": "plugins"}, "ref": "task-7"})

    caller = await verifier.verify(token)

    assert (caller.subject, caller.actor, caller.reference) == ("user-1", "plugins", "task-7")
    own = await verifier.verify(tokens.mint("user-1"))
    assert (own.actor, own.reference) == ("", "")


def _unsigned() -> str:
    parts = [{"alg": "none", "kid": tokens.KEY_ID}, {"sub": "user-1", "role": "staff"}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


def _signed_by_another() -> str:
    claims = jwt.decode(tokens.mint("user-1"), options={"verify_signature": False})
    return jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": tokens.KEY_ID})


@pytest.mark.parametrize(
    "token",
    [
        "", "garbage", _unsigned(), _signed_by_another(),
        tokens.mint("user-1", lifetime=-60),
        tokens.mint("user-1", audience=["gpu"]),
        tokens.mint("user-1", claims={"iss": "somebody"}),
        tokens.mint("user-1", role="emperor"),
        tokens.mint("user-1", scopes=["everything"]),
        tokens.mint("user-1", claims={"scopes": 7}),
        *(tokens.mint("user-1", claims={"act": act}) for act in ({}, {"sub": ""}, {"sub": 7}, "plugins", None)),
    ],
    ids=[
        "empty", "garbage", "alg none", "another key", "expired", "audience", "issuer", "role", "scope", "scopes",
        "no actor", "empty actor", "odd actor", "actor without form", "null actor",
    ],
)  # fmt: skip
async def test_any_other_token_is_refused(verifier: identity.Verifier, token: str) -> None:
    with pytest.raises(identity.UnknownToken):
        await verifier.verify(token)


async def test_a_key_is_fetched_once_and_kept_while_auth_is_away() -> None:
    fetches = 0

    async def fetch() -> dict[str, bytes]:
        nonlocal fetches
        fetches += 1
        if fetches > 1:
            raise errors.Unavailable
        return {tokens.KEY_ID: tokens.PUBLIC_KEY}

    verifier = identity.Verifier(audience="tasks", fetch_keys=fetch)
    await verifier.verify(tokens.mint("user-1"))

    caller = await verifier.verify(tokens.mint("user-2"))

    assert (caller.subject, fetches) == ("user-2", 1)


class Auth:
    """Gives the tests' key once it is told to, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked, self.begun = 0, asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    async def fetch(self) -> dict[str, bytes]:
        self.asked += 1
        self.begun.set()
        await self.answers.wait()
        return {tokens.KEY_ID: tokens.PUBLIC_KEY}


def _under(key_id: str) -> str:
    return jwt.encode({"sub": "user-1"}, Ed25519PrivateKey.generate(), algorithm="EdDSA", headers={"kid": key_id})


async def test_keys_that_nobody_has_send_few_questions_to_auth() -> None:
    auth, now = Auth(), 1000.0
    verifier = identity.Verifier(audience="tasks", fetch_keys=auth.fetch, clock=lambda: now)

    for each in range(20):
        with pytest.raises(identity.UnknownToken):
            await verifier.verify(_under(f"made-up-{each}"))

    assert auth.asked == 1
    assert (await verifier.verify(tokens.mint("user-1"))).subject == "user-1"
    now += identity.KEYS_FETCHED_EVERY_SECONDS
    with pytest.raises(identity.UnknownToken):
        await verifier.verify(_under("made-up"))
    assert auth.asked == 2


async def test_callers_share_one_question_to_auth() -> None:
    auth = Auth()
    auth.answers.clear()
    verifier = identity.Verifier(audience="tasks", fetch_keys=auth.fetch)
    asking = [asyncio.create_task(verifier.verify(tokens.mint(f"user-{each}"))) for each in range(5)]
    await auth.begun.wait()

    asking[0].cancel()
    auth.answers.set()
    callers = await asyncio.gather(*asking[1:])

    assert [caller.subject for caller in callers] == ["user-1", "user-2", "user-3", "user-4"]
    assert auth.asked == 1


def _caller(
    role: identity.Role, *scopes: identity.Scope, subject: str = "x", session_id: str = "", actor: str = ""
) -> identity.Caller:
    return identity.Caller(subject=subject, role=role, scopes=frozenset(scopes), session_id=session_id, actor=actor)


_IN_PERSON = identity.people(identity.Scope.GENERATE, session=True)
_LENT = identity.people(identity.Scope.READ, delegated=True)
# Whatever else a lent token came to say of somebody, it stays a lent one.
_ACTOR = _caller(identity.Role.STAFF, *identity.Scope, subject="plugins", session_id="s-1", actor="plugins")


@pytest.mark.parametrize(
    ("access", "caller", "allowed"),
    [
        (identity.PUBLIC, None, True),
        (identity.Access(), None, False),
        (identity.Access(), _caller(identity.Role.STAFF, *identity.Scope), False),
        (identity.services("tasks"), _caller(identity.Role.SERVICE, subject="tasks"), True),
        (identity.services("tasks"), _caller(identity.Role.SERVICE, subject="web"), False),
        (identity.services("tasks"), _caller(identity.Role.STAFF, *identity.Scope, subject="tasks"), False),
        (identity.services("*"), _caller(identity.Role.SERVICE, subject="anyone"), True),
        (identity.people(identity.Scope.READ), _caller(identity.Role.USER, identity.Scope.READ), True),
        (identity.people(identity.Scope.READ), _caller(identity.Role.USER, identity.Scope.GENERATE), False),
        (identity.people(identity.Scope.READ), _caller(identity.Role.SERVICE, subject="web"), False),
        (identity.people(identity.Scope.ADMIN, staff=True), _caller(identity.Role.USER, *identity.Scope), False),
        (identity.people(identity.Scope.ADMIN, staff=True), _caller(identity.Role.STAFF, *identity.Scope), True),
        (_IN_PERSON, _caller(identity.Role.USER, identity.Scope.GENERATE), False),
        (_IN_PERSON, _caller(identity.Role.USER, identity.Scope.GENERATE, session_id="s-1"), True),
        (_IN_PERSON, _caller(identity.Role.USER, identity.Scope.READ, session_id="s-1"), False),
        (_IN_PERSON, _caller(identity.Role.STAFF, *identity.Scope), True),
        (_LENT, _caller(identity.Role.USER, identity.Scope.GENERATE, actor="plugins"), True),
        (_LENT, _caller(identity.Role.USER, identity.Scope.READ, actor="plugins"), False),
        (_LENT, _caller(identity.Role.USER, identity.Scope.READ), True),
        (_LENT, _caller(identity.Role.USER, identity.Scope.GENERATE), False),
        (identity.people(identity.Scope.GENERATE), _ACTOR, False),
        (identity.people(identity.Scope.ADMIN, staff=True), _ACTOR, False),
        (identity.people(identity.Scope.ADMIN, staff=True, delegated=True), _ACTOR, False),
        (identity.services("*"), _ACTOR, False),
        (identity.Access(), _ACTOR, False),
    ],
)
def test_access_is_granted_only_to_whom_it_names(
    access: identity.Access, caller: identity.Caller | None, allowed: bool
) -> None:
    refusal = access.refuse(caller)

    assert (refusal is None) is allowed
