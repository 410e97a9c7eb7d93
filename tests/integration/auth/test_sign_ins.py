"""Sign-ins at the plugin host: by a code that works once, for as long as the session."""

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from daydream.auth.v1 import accounts_pb2, auth_pb2, grants_pb2

from services.auth.sign_ins import KEPT
from services.foundation import identity
from services.foundation.database import utc_now
from services.foundation.rpc import client
from tests.support.auth import PASSWORD, Person, RunningAuth, refusal
from tests.support.auth_grants import another, code_of, delegate, plugin_token, read_as, redeem, resolve, signed_in

ENDED = (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")
NOT_VALID = (grpc.StatusCode.UNAUTHENTICATED, "SIGN_IN_CODE_NOT_VALID")


async def reason(call: Any) -> tuple[grpc.StatusCode, str]:
    """The code and the word that a call is refused with."""
    code, error = await refusal(call)
    return code, error.detail_reason


async def expire(auth: RunningAuth, table: str, person: Person) -> None:
    """Let the time come when what belongs to the person's session ends by itself."""
    statement = f"UPDATE {table} SET expire_time = :now WHERE session_id = :id"
    await auth.sql(statement, now=utc_now(), id=person.session_id)


async def test_a_code_becomes_a_sign_in_that_is_worth_nothing_elsewhere(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    answer = await signed_in(auth, person)
    resolved = await resolve(auth, answer.sign_in_secret)

    assert answer.user.user_id == resolved.user.user_id == person.user_id
    (session,) = (await auth.auth.ListSessions(auth_pb2.ListSessionsRequest(), metadata=person.metadata)).sessions
    assert answer.expire_time == session.expire_time
    for token in (answer.identity_token.token, resolved.identity_token.token):
        caller = await read_as(auth, "plugins", token)
        assert (caller.subject, caller.session_id, caller.actor) == (person.user_id, person.session_id, "")
        assert caller.scopes == {identity.Scope.GENERATE, identity.Scope.READ}
        with pytest.raises(identity.UnknownToken):
            await read_as(auth, "tasks", token)
        call = auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=client.bearer(token))
        assert (await reason(call))[1] == "INVALID_IDENTITY_TOKEN"


async def test_a_code_and_a_sign_in_are_kept_only_as_hashes_and_a_code_for_half_a_minute(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    before = utc_now()
    issued = await auth.grants.IssueSignInCode(grants_pb2.IssueSignInCodeRequest(), metadata=person.metadata)
    after = utc_now()
    kept = str(await auth.sql("SELECT * FROM sign_in_codes"))
    answer = await redeem(auth, issued.code)

    assert before <= issued.expire_time.ToDatetime(dt.UTC) - dt.timedelta(seconds=30) <= after
    assert issued.code not in kept
    assert answer.sign_in_secret not in str(await auth.sql("SELECT * FROM sign_ins"))
    assert await auth.sql("SELECT * FROM sign_in_codes") == []


async def test_a_code_that_two_replicas_get_at_once_works_once(
    auth: RunningAuth, auth_url: str, tmp_path: Path
) -> None:
    person = await auth.sign_up()
    async with another(auth_url, tmp_path) as second:
        # Connections first; else one replica is through before the other has any.
        await asyncio.gather(*(signed_in(each, person) for each in (auth, second) * 3))
        code = await code_of(auth, person)

        results = await asyncio.gather(*(redeem(each, code) for each in (auth, second) * 6), return_exceptions=True)

    refused = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert [each.code() for each in refused] == [grpc.StatusCode.UNAUTHENTICATED] * 11


async def test_a_used_late_or_made_up_code_and_one_of_a_session_that_is_over_are_told_alike(auth: RunningAuth) -> None:
    person, gone = await auth.sign_up(), await auth.sign_up("eve@example.org")
    used, late, ended = await code_of(auth, person), await code_of(auth, person), await code_of(auth, gone)
    await redeem(auth, used)
    await expire(auth, "sign_in_codes", person)
    await auth.auth.SignOut(auth_pb2.SignOutRequest(session_secret=gone.secret), metadata=auth.web)

    refused = [await reason(redeem(auth, code)) for code in (used, late, ended, "", "a\0b", "ü", "x" * 1_000_000)]

    assert set(refused) == {NOT_VALID}
    assert len(await auth.sql("SELECT 1 FROM sign_ins")) == 1
    # The next code of the session sweeps away the one that nobody used in time.
    await code_of(auth, person)
    assert len(await auth.sql("SELECT 1 FROM sign_in_codes")) == 1


async def test_however_a_session_ends_its_sign_ins_and_codes_end_with_it(auth: RunningAuth) -> None:
    staff = await auth.staff()

    async def sign_out(person: Person) -> None:
        await auth.auth.SignOut(auth_pb2.SignOutRequest(session_secret=person.secret), metadata=auth.web)

    async def end_it(person: Person) -> None:
        request = auth_pb2.EndSessionRequest(session_id=person.session_id)
        await auth.auth.EndSession(request, metadata=person.metadata)

    async def change_password_elsewhere(person: Person) -> None:
        other = await auth.sign_in(person.email)
        kept = await signed_in(auth, other)
        request = auth_pb2.ChangePasswordRequest(current_password=PASSWORD, new_password="a better password")
        await auth.users.ChangePassword(request, metadata=other.metadata)
        # Who changes it stays signed in, there as here.
        await resolve(auth, kept.sign_in_secret)

    async def reset_password(person: Person) -> None:
        request = accounts_pb2.CreateResetLinkRequest(user_id=person.user_id)
        link = await auth.accounts.CreateResetLink(request, metadata=staff.metadata)
        reset = accounts_pb2.ResetPasswordRequest(secret=link.secret, new_password="a better password")
        await auth.accounts.ResetPassword(reset, metadata=auth.web)

    async def suspend(person: Person) -> None:
        request = accounts_pb2.SuspendUserRequest(user_id=person.user_id)
        await auth.accounts.SuspendUser(request, metadata=staff.metadata)

    async def delete(person: Person) -> None:
        await auth.accounts.DeleteUser(accounts_pb2.DeleteUserRequest(password=PASSWORD), metadata=person.metadata)

    async def wait(person: Person) -> None:
        await expire(auth, "sessions", person)

    ways: list[Callable[[Person], Awaitable[None]]] = [
        sign_out, end_it, change_password_elsewhere, reset_password, suspend, delete, auth.suspend, wait,
    ]  # fmt: skip
    for number, way in enumerate(ways):
        person = await auth.sign_up(f"person-{number}@example.org")
        sign_in, code = await signed_in(auth, person), await code_of(auth, person)

        await way(person)

        assert await reason(resolve(auth, sign_in.sign_in_secret)) == ENDED, way
        assert await reason(redeem(auth, code)) == NOT_VALID, way


async def test_an_identity_token_that_outlives_its_session_is_exchanged_for_nothing(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    await auth.auth.SignOut(auth_pb2.SignOutRequest(session_secret=person.secret), metadata=auth.web)

    refused = [
        await reason(auth.grants.IssueSignInCode(grants_pb2.IssueSignInCodeRequest(), metadata=person.metadata)),
        await reason(plugin_token(auth, person.metadata)),
    ]

    assert refused == [ENDED, ENDED]
    assert await auth.sql("SELECT 1 FROM sign_in_codes") == []


async def test_what_a_revoked_key_left_is_exchanged_for_nothing_and_makes_no_other_key(auth: RunningAuth) -> None:
    staff = await auth.staff()
    request = auth_pb2.CreateApiKeyRequest(name="mine", scopes=[each.value for each in identity.Scope])
    made = await auth.auth.CreateApiKey(request, metadata=staff.metadata)
    resolved = await auth.auth.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key=made.secret), metadata=auth.web)
    left = client.bearer(resolved.identity_token.token)
    shown = (await plugin_token(auth, left)).identity_token.token
    begun = await delegate(auth, shown)
    revoke = auth_pb2.RevokeApiKeyRequest(api_key_id=made.api_key.api_key_id)
    await auth.auth.RevokeApiKey(revoke, metadata=staff.metadata)

    refused = [
        await reason(plugin_token(auth, left)),
        await reason(delegate(auth, shown, "task-2")),
        await reason(auth.auth.CreateApiKey(request, metadata=left)),
    ]

    assert refused == [(grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_API_KEY")] * 3
    assert await delegate(auth, shown) == begun, "what has begun goes on"


async def test_signing_out_while_a_code_is_redeemed_leaves_no_sign_in(auth: RunningAuth) -> None:
    for number in range(8):
        person = await auth.sign_up(f"person-{number}@example.org")
        codes = [await code_of(auth, person) for _ in range(3)]
        out = auth_pb2.SignOutRequest(session_secret=person.secret)

        calls: list[Any] = [redeem(auth, each) for each in codes]
        calls.insert(2, auth.auth.SignOut(out, metadata=auth.web))
        results = await asyncio.gather(*calls, return_exceptions=True)

        refused = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
        assert {each.code() for each in refused} <= {grpc.StatusCode.UNAUTHENTICATED}
    for table in ("sign_ins", "sign_in_codes", "sessions"):
        assert await auth.sql(f"SELECT 1 FROM {table}") == []


async def test_a_session_keeps_its_newest_sign_ins_alone(auth: RunningAuth) -> None:
    person, other = await auth.sign_up(), await auth.sign_up("eve@example.org")
    others = await signed_in(auth, other)

    made = [(await signed_in(auth, person)).sign_in_secret for _ in range(KEPT + 2)]

    assert [await reason(resolve(auth, each)) for each in made[:2]] == [ENDED, ENDED]
    for secret in (made[2], made[-1], others.sign_in_secret):
        await resolve(auth, secret)


async def test_a_programs_token_has_the_scopes_that_its_key_has_and_a_browsers_the_session(auth: RunningAuth) -> None:
    staff = await auth.staff()

    async def key(*scopes: str) -> grpc.aio.Metadata:
        request = auth_pb2.CreateApiKeyRequest(name="mine", scopes=scopes)
        made = await auth.auth.CreateApiKey(request, metadata=staff.metadata)
        resolved = await auth.auth.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key=made.secret), metadata=auth.web)
        return client.bearer(resolved.identity_token.token)

    told = []
    for metadata in (await key("generate"), await key("generate", "read"), await key(*identity.Scope), staff.metadata):
        token = (await plugin_token(auth, metadata)).identity_token.token
        caller = await read_as(auth, "plugins", token)
        told.append((set(caller.scopes), caller.session_id, caller.is_staff))
        with pytest.raises(identity.UnknownToken):
            await read_as(auth, "tasks", token)

    generate, read, everything = identity.Scope.GENERATE, identity.Scope.READ, set(identity.Scope)
    assert told == [
        ({generate}, "", False),
        ({generate, read}, "", False),
        (everything, "", True),
        (everything, staff.session_id, True),
    ]
    assert (await reason(plugin_token(auth, await key("read"))))[0] is grpc.StatusCode.PERMISSION_DENIED
    generating = await key("generate")
    await auth.suspend(staff)
    assert await reason(plugin_token(auth, generating)) == (grpc.StatusCode.PERMISSION_DENIED, "ACCOUNT_SUSPENDED")
