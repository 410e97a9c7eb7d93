"""Delegations: a plugin's task generates in a person's name, and does nothing else."""

import asyncio
from pathlib import Path
from typing import Any

import grpc
import jwt
import pytest
from daydream.auth.v1 import accounts_pb2, auth_pb2

from services.auth.tokens import load_or_create_key
from services.foundation import identity
from services.foundation.database import utc_now
from services.foundation.rpc import client
from tests.support.auth import PASSWORD, Person, RunningAuth, refusal
from tests.support.auth_grants import another, delegate, end, lend, plugin_token, read_as

OVER = (grpc.StatusCode.UNAUTHENTICATED, "DELEGATION_ENDED")
REFERENCE = "0" * 36


async def reason(call: Any) -> tuple[grpc.StatusCode, str]:
    """The code and the word that a call is refused with."""
    code, error = await refusal(call)
    return code, error.detail_reason


async def shown(auth: RunningAuth, person: Person) -> str:
    """A token that the person shows the plugin host."""
    token: str = (await plugin_token(auth, person.metadata)).identity_token.token
    return token


async def test_a_delegations_token_says_who_acts_and_what_for_and_may_only_generate(auth: RunningAuth) -> None:
    staff = await auth.staff()

    before = utc_now().timestamp()
    made = await delegate(auth, await shown(auth, staff), REFERENCE)
    after = utc_now().timestamp()
    token = (await lend(auth, made.delegation_id)).identity_token.token

    caller = await read_as(auth, "tasks", token)
    assert (caller.subject, caller.session_id) == (staff.user_id, staff.session_id)
    assert (caller.actor, caller.reference) == ("plugins", REFERENCE)
    assert (set(caller.scopes), caller.role) == ({identity.Scope.GENERATE}, identity.Role.USER)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 300
    for audience in ("auth", "gpu", "plugins"):
        with pytest.raises(identity.UnknownToken):
            await read_as(auth, audience, token)
    # Whole seconds, the rest is left out.
    assert before - 1 < made.expire_time.seconds - 86_400 <= after


async def test_one_reference_is_one_delegation_however_often_it_is_asked_for(
    auth: RunningAuth, auth_url: str, tmp_path: Path
) -> None:
    ada, eve = await auth.sign_up(), await auth.sign_up("eve@example.org")
    token = await shown(auth, ada)
    async with another(auth_url, tmp_path) as second:
        # Connections first; else one replica is through before the other has any.
        await asyncio.gather(*(plugin_token(each, ada.metadata) for each in (auth, second) * 6))

        made = await asyncio.gather(*(delegate(each, token) for each in (auth, second) * 6))

    assert len({each.delegation_id for each in made}) == 1
    others = [await delegate(auth, token, "task-2"), await delegate(auth, await shown(auth, eve))]
    assert len({each.delegation_id for each in (*made, *others)}) == 3


async def test_only_a_token_that_auth_gave_for_the_plugin_host_makes_a_delegation(
    auth: RunningAuth, tmp_path: Path
) -> None:
    person = await auth.sign_up()
    good = await shown(auth, person)
    lent = await lend(auth, (await delegate(auth, good)).delegation_id)
    key = load_or_create_key(tmp_path / "auth" / "signing-key.pem")
    ((key_id, _),) = auth.parts.signer.public_keys().items()
    claims = jwt.decode(good, options={"verify_signature": False})
    expired = jwt.encode({**claims, "iat": 1, "exp": 300}, key, algorithm="EdDSA", headers={"kid": key_id})
    service = auth.parts.service_secrets.issue("plugins", "plugins-secret-of-this-test").token

    ours = (person.token, lent.identity_token.token, service, expired)

    refused = [
        await reason(delegate(auth, token, "task-2")) for token in (*ours, good[:-4], "", "garbage", "x" * 100_000)
    ]

    assert set(refused) == {(grpc.StatusCode.UNAUTHENTICATED, "INVALID_IDENTITY_TOKEN")}
    assert await auth.sql("SELECT reference FROM delegations") == [("task-1",)]


async def test_a_token_that_may_only_read_makes_no_delegation(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    user = await auth.parts.accounts.find(person.email)
    assert user is not None
    token = auth.parts.signer.for_plugins(user, {identity.Scope.READ}).token

    code, _ = await refusal(delegate(auth, token))

    assert code is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("reference", ["", "x" * 49, "task:1", "a b", "ü", "a\0b", "task-1\n"])
async def test_a_reference_is_one_that_the_ledger_can_tell_from_others(auth: RunningAuth, reference: str) -> None:
    person = await auth.sign_up()

    code, error = await refusal(delegate(auth, await shown(auth, person), reference))

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == ["reference"]


async def test_a_delegation_that_was_ended_gives_no_token_and_is_not_made_again(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    token = await shown(auth, person)
    made = await delegate(auth, token)

    for _ in range(2):
        await end(auth, made.delegation_id)
    for nothing in ("", "nothing", "a\0b", "x" * 1000):
        await end(auth, nothing)

    ids = (made.delegation_id, "", "nothing", "a\0b", "x" * 1000)
    assert {await reason(lend(auth, each)) for each in ids} == {OVER}
    assert await reason(delegate(auth, token)) == (grpc.StatusCode.FAILED_PRECONDITION, "DELEGATION_ENDED")


async def test_a_delegation_ends_by_itself_and_its_row_goes_when_the_person_gets_another(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    token = await shown(auth, person)
    made, lasting = await delegate(auth, token), await delegate(auth, token, "task-2")
    await auth.sql("UPDATE delegations SET expire_time = :now WHERE reference = 'task-1'", now=utc_now())

    refused = await reason(lend(auth, made.delegation_id))
    await delegate(auth, token, "task-3")

    assert refused == OVER
    assert await auth.sql("SELECT reference FROM delegations ORDER BY id") == [("task-2",), ("task-3",)]
    await lend(auth, lasting.delegation_id)


async def test_what_runs_goes_on_without_the_session_and_nothing_new_begins(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    token = await shown(auth, person)
    made = await delegate(auth, token)
    await auth.auth.SignOut(auth_pb2.SignOutRequest(session_secret=person.secret), metadata=auth.web)

    await lend(auth, made.delegation_id)
    again = await delegate(auth, token)
    refused = await reason(delegate(auth, token, "task-2"))

    assert again.delegation_id == made.delegation_id
    assert refused == (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")


async def test_a_suspended_persons_delegation_waits_and_a_deleted_ones_is_gone(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    token = await shown(auth, person)
    made = await delegate(auth, token)
    request = accounts_pb2.SuspendUserRequest(user_id=person.user_id)
    await auth.accounts.SuspendUser(request, metadata=staff.metadata)

    suspended = [await reason(lend(auth, made.delegation_id)), await reason(delegate(auth, token, "task-2"))]
    restore = accounts_pb2.RestoreUserRequest(user_id=person.user_id)
    await auth.accounts.RestoreUser(restore, metadata=staff.metadata)
    await lend(auth, made.delegation_id)
    back = await auth.sign_in()
    await auth.accounts.DeleteUser(accounts_pb2.DeleteUserRequest(password=PASSWORD), metadata=back.metadata)

    assert suspended == [OVER, (grpc.StatusCode.PERMISSION_DENIED, "ACCOUNT_SUSPENDED")]
    assert await reason(lend(auth, made.delegation_id)) == OVER
    assert await reason(delegate(auth, token, "task-2")) == (grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")
    assert await auth.sql("SELECT 1 FROM delegations") == []


async def test_auth_believes_no_token_of_a_delegation(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    made = await delegate(auth, await shown(auth, person))
    lent = client.bearer((await lend(auth, made.delegation_id)).identity_token.token)

    refused = [
        await reason(auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=lent)),
        await reason(auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name="mine"), metadata=lent)),
        await reason(plugin_token(auth, lent)),
    ]

    assert set(refused) == {(grpc.StatusCode.UNAUTHENTICATED, "INVALID_IDENTITY_TOKEN")}
