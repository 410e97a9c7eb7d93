"""A new password by a link that is good once."""

import asyncio
import datetime as dt
from typing import Any

import grpc
import pytest
from daydream.auth.v1 import accounts_pb2, auth_pb2

from services.foundation.database import utc_now
from tests.support.auth import PASSWORD, Person, RunningAuth, refusal

NEW = "a better password"


async def link(auth: RunningAuth, staff: Person, person: Person) -> accounts_pb2.CreateResetLinkResponse:
    """A link as staff make it."""
    request = accounts_pb2.CreateResetLinkRequest(user_id=person.user_id)
    return await auth.accounts.CreateResetLink(request, metadata=staff.metadata)


def reset(auth: RunningAuth, secret: str, password: str = NEW) -> Any:
    """Set a new password as the gateway does."""
    request = accounts_pb2.ResetPasswordRequest(secret=secret, new_password=password)
    return auth.accounts.ResetPassword(request, metadata=auth.web)


async def test_a_link_sets_a_new_password_and_ends_every_session(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    second = await auth.sign_in()

    made = await link(auth, staff, person)
    answer = await reset(auth, made.secret)

    assert answer.ended_sessions == 2
    for secret in (person.secret, second.secret):
        _, error = await refusal(
            auth.auth.ResolveSession(auth_pb2.ResolveSessionRequest(session_secret=secret), metadata=auth.web)
        )
        assert error.detail_reason == "SESSION_ENDED"
    assert (await auth.sign_in(password=NEW)).user_id == person.user_id
    _, error = await refusal(
        auth.auth.SignIn(auth_pb2.SignInRequest(email=person.email, password=PASSWORD), metadata=auth.web)
    )
    assert error.detail_reason == "WRONG_CREDENTIALS"
    assert len(await auth.sql("SELECT 1 FROM sessions WHERE user_id = :id", id=staff.user_id)) == 1


async def test_a_link_is_good_for_a_day_and_kept_only_as_a_hash(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()

    made = await link(auth, staff, person)

    left = made.expire_time.ToDatetime(dt.UTC) - utc_now()
    assert dt.timedelta(hours=23, minutes=50) < left <= dt.timedelta(hours=24)
    assert made.secret not in str(await auth.sql("SELECT * FROM reset_links"))
    assert await auth.sql("SELECT issued_by FROM reset_links") == [(staff.user_id,)]


async def test_a_used_replaced_or_expired_link_is_told_like_one_that_never_was(auth: RunningAuth) -> None:
    staff, ada, eve, bob = (
        await auth.staff(), await auth.sign_up(), await auth.sign_up("eve@example.org"), await auth.sign_up("b@b.org"),
    )  # fmt: skip
    used, replaced, expired = [await link(auth, staff, person) for person in (ada, eve, bob)]
    await reset(auth, used.secret)
    await link(auth, staff, eve)
    await auth.sql("UPDATE reset_links SET expire_time = :time WHERE user_id = :id", time=utc_now(), id=bob.user_id)

    answers = [
        await refusal(reset(auth, secret))
        for secret in (used.secret, replaced.secret, expired.secret, "", "x", "a\0b", "ü", "x" * 1_000_000)
    ]

    assert {(code, error.detail_reason, error.message) for code, error in answers} == {
        (
            grpc.StatusCode.NOT_FOUND,
            "RESET_LINK_NOT_VALID",
            "This link is not valid: it never was, was used already or has expired; ask for a new one.",
        )
    }
    await auth.sign_in("eve@example.org")
    await auth.sign_in("b@b.org")


async def test_a_link_used_many_times_at_once_sets_one_password(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    made = await link(auth, staff, person)
    passwords = [f"new password {number}" for number in range(8)]

    results = await asyncio.gather(*(reset(auth, made.secret, each) for each in passwords), return_exceptions=True)

    (chosen,) = [
        password
        for password, result in zip(passwords, results, strict=True)
        if isinstance(result, accounts_pb2.ResetPasswordResponse)
    ]
    refused = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert [each.code() for each in refused] == [grpc.StatusCode.NOT_FOUND] * 7
    await auth.sign_in(password=chosen)


async def test_links_made_at_once_leave_one_that_is_good(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()

    made = await asyncio.gather(*(link(auth, staff, person) for _ in range(8)))
    results = [await asyncio.gather(reset(auth, each.secret), return_exceptions=True) for each in made]

    assert sum(isinstance(result, accounts_pb2.ResetPasswordResponse) for (result,) in results) == 1


@pytest.mark.parametrize("password", ["", "short", "x" * 257, "x" * 1_000_000])
async def test_a_bad_password_leaves_the_link_good(auth: RunningAuth, password: str) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    made = await link(auth, staff, person)

    code, error = await refusal(reset(auth, made.secret, password))

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == ["new_password"]
    assert (await reset(auth, made.secret)).ended_sessions == 1


async def test_a_password_that_is_changed_in_the_usual_way_voids_the_link(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    made = await link(auth, staff, person)
    await auth.users.ChangePassword(
        auth_pb2.ChangePasswordRequest(current_password=PASSWORD, new_password=NEW), metadata=person.metadata
    )

    _, error = await refusal(reset(auth, made.secret, "yet another password"))

    assert error.detail_reason == "RESET_LINK_NOT_VALID"
    await auth.sign_in(password=NEW)


@pytest.mark.parametrize("user_id", ["", "nobody", "a\0b", "x" * 1000])
async def test_there_is_no_link_for_nobody(auth: RunningAuth, user_id: str) -> None:
    staff = await auth.staff()

    code, error = await refusal(
        auth.accounts.CreateResetLink(accounts_pb2.CreateResetLinkRequest(user_id=user_id), metadata=staff.metadata)
    )

    assert (code, error.detail_reason) == (grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")
