"""Bad input that no other test of auth's sends: each row gets a clear error or has no effect, and changes nothing."""

import asyncio
from typing import Any

import grpc
import pytest
from daydream.auth.v1 import accounts_pb2, auth_pb2

from tests.support.auth import PASSWORD, RunningAuth, refusal

MEGABYTE = "x" * 1_000_000


async def raw(auth: RunningAuth, method: str, body: bytes, metadata: grpc.aio.Metadata) -> bytes:
    """Send bytes as they are."""
    call: Any = auth.channel.unary_unary(f"/daydream.auth.v1.{method}")
    answer: bytes = await call(body, metadata=metadata)
    return answer


async def test_fields_that_a_request_does_not_have_give_nobody_a_role_tokens_or_an_id(auth: RunningAuth) -> None:
    # The fields of a User, behind those that a SignUpRequest and an UpdateUserRequest have.
    wished = auth_pb2.User(
        role=auth_pb2.ROLE_STAFF, subscription=9, tokens=10**9, active=True, latest_session_id="mine"
    ).SerializeToString()
    sign_up = auth_pb2.SignUpRequest(email="ada@example.org", password=PASSWORD).SerializeToString()

    opened = auth_pb2.SignUpResponse.FromString(
        await raw(auth, "AuthService/SignUp", sign_up + wished, auth.web)
    ).opened
    metadata = grpc.aio.Metadata(("authorization", f"Bearer {opened.identity_token.token}"))
    await raw(auth, "UserService/UpdateUser", wished, metadata)
    after = (await auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=metadata)).user

    assert (opened.user.role, opened.user.tokens, opened.user.subscription) == (auth_pb2.ROLE_USER, 100, 0)
    assert opened.session.session_id != "mine"
    assert (after.role, after.tokens, after.subscription) == (auth_pb2.ROLE_USER, 100, 0)
    assert after.latest_session_id == opened.session.session_id


async def test_a_session_that_somebody_brings_along_is_not_the_one_that_is_signed_in(auth: RunningAuth) -> None:
    stranger = await auth.sign_up("eve@example.org")
    person = await auth.sign_up()
    # What an attacker would plant: their own session's id and secret, as fields that might be read.
    planted = auth_pb2.Session(session_id=stranger.session_id, user_agent=stranger.secret).SerializeToString()
    sign_in = auth_pb2.SignInRequest(email=person.email, password=PASSWORD).SerializeToString()

    answer = await raw(auth, "AuthService/SignIn", planted + sign_in, auth.web)

    opened = auth_pb2.SignInResponse.FromString(answer).opened
    assert opened.user.user_id == person.user_id
    assert opened.session.session_id not in {stranger.session_id, person.session_id}
    resolved = await auth.auth.ResolveSession(
        auth_pb2.ResolveSessionRequest(session_secret=stranger.secret), metadata=auth.web
    )
    assert resolved.user.user_id == stranger.user_id


async def test_keys_of_256_characters_are_refused(auth: RunningAuth) -> None:
    staff = await auth.staff()
    grant = auth_pb2.GrantTokensRequest(request_id="k" * 256, user_id=staff.user_id, amount=1, reason="a gift")

    idempotency = await refusal(auth.purse.GrantTokens(grant, metadata=staff.metadata))
    hold = await refusal(
        auth.purse.HoldTokens(
            auth_pb2.HoldTokensRequest(hold_id="k" * 256, user_id=staff.user_id, tokens=1, reason=""),
            metadata=auth.tasks,
        )
    )
    api_key = await refusal(
        auth.auth.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key="dd_" + "k" * 253), metadata=auth.web)
    )

    assert [violation.field for violation in idempotency[1].fields] == ["request_id"]
    assert [violation.field for violation in hold[1].fields] == ["hold_id"]
    assert api_key[1].detail_reason == "UNKNOWN_API_KEY"
    assert await auth.ledger(staff) == (1000, [1000])


async def test_a_megabyte_of_password_is_refused_wherever_there_is_one(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    link = await auth.accounts.CreateResetLink(
        accounts_pb2.CreateResetLinkRequest(user_id=person.user_id), metadata=staff.metadata
    )

    def change(current: str, new: str) -> Any:
        request = auth_pb2.ChangePasswordRequest(current_password=current, new_password=new)
        return auth.users.ChangePassword(request, metadata=person.metadata)

    refused = [
        await refusal(call)
        for call in (
            change(MEGABYTE, "a better password"),
            change(PASSWORD, MEGABYTE),
            auth.accounts.ResetPassword(
                accounts_pb2.ResetPasswordRequest(secret=link.secret, new_password=MEGABYTE), metadata=auth.web
            ),
            auth.accounts.DeleteUser(accounts_pb2.DeleteUserRequest(password=MEGABYTE), metadata=person.metadata),
        )
    ]

    assert [error.detail_reason for _, error in refused] == [
        "WRONG_CREDENTIALS", "INVALID_INPUT", "INVALID_INPUT", "WRONG_CREDENTIALS",
    ]  # fmt: skip
    await auth.sign_in()


@pytest.mark.parametrize("email", ["new@example.org\r\nBcc: eve@example.org", "new@example.org\n", "a\0b@example.org"])
async def test_a_staff_account_takes_no_address_with_a_line_break_either(auth: RunningAuth, email: str) -> None:
    (made,) = await asyncio.gather(auth.staff(email), return_exceptions=True)

    assert isinstance(made, Exception)
    assert await auth.sql("SELECT 1 FROM users") == []


async def test_people_who_take_one_address_at_once_in_different_cases_get_it_once(auth: RunningAuth) -> None:
    people = await auth.crowd(6)
    spellings = [
        "new@example.org",
        "New@example.org",
        "NEW@example.org",
        "new@EXAMPLE.org",
        "nEw@example.org",
        "neW@example.org",
    ]

    results = await asyncio.gather(
        *(
            auth.users.UpdateUser(auth_pb2.UpdateUserRequest(email=email), metadata=person.metadata)
            for person, email in zip(people, spellings, strict=True)
        ),
        return_exceptions=True,
    )

    refused = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert [each.code() for each in refused] == [grpc.StatusCode.ALREADY_EXISTS] * 5
    assert len(await auth.sql("SELECT 1 FROM users WHERE email = 'new@example.org'")) == 1
