"""Sign-up, sign-in and sessions through the server."""

import asyncio
import datetime as dt
from pathlib import Path

import grpc
import pytest
from daydream.auth.v1 import auth_pb2

from services.foundation import errors
from services.foundation.database import utc_now
from services.foundation.identity import Role, Scope, Verifier
from services.foundation.rpc import client
from tests.support.auth import PASSWORD, RunningAuth, refusal, running_auth


async def test_sign_up_gives_an_account_tokens_and_a_session_that_resolves(auth: RunningAuth) -> None:
    request = auth_pb2.SignUpRequest(
        email="Ada@Example.ORG", password=PASSWORD, username=" Ada ", user_agent="Browser\n1.0"
    )

    opened = (await auth.auth.SignUp(request, metadata=auth.web)).opened

    assert opened.user.email == "ada@example.org"
    assert opened.user.username == "Ada"
    assert opened.user.role == auth_pb2.ROLE_USER
    assert opened.user.active
    assert opened.user.tokens == 100
    assert opened.user.latest_session_id == opened.session.session_id
    assert opened.session.user_agent == "Browser1.0"
    resolved = await auth.auth.ResolveSession(
        auth_pb2.ResolveSessionRequest(session_secret=opened.session_secret), metadata=auth.web
    )
    assert resolved.user == opened.user
    assert resolved.session == opened.session


async def test_other_services_believe_the_identity_token(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    verifier = Verifier(audience="tasks", fetch_keys=client.key_fetcher(auth.channel))

    caller = await verifier.verify(person.token)

    assert caller.subject == person.user_id
    assert caller.role is Role.USER
    assert caller.session_id == person.session_id
    assert caller.scopes == {Scope.GENERATE, Scope.READ}


async def test_a_users_token_is_not_for_the_gpu(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    verifier = Verifier(audience="gpu", fetch_keys=client.key_fetcher(auth.channel))

    with pytest.raises(errors.NotAuthenticated):
        await verifier.verify(person.token)


async def test_every_sign_in_has_a_session_id_and_a_secret_of_its_own(auth: RunningAuth) -> None:
    first = await auth.sign_up()

    second, third = await auth.sign_in(), await auth.sign_in("ADA@example.org")

    assert len({first.session_id, second.session_id, third.session_id}) == 3
    assert len({first.secret, second.secret, third.secret}) == 3
    user = (await auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=third.metadata)).user
    assert user.latest_session_id == third.session_id


@pytest.mark.parametrize(("stay", "lifetime"), [(False, dt.timedelta(hours=12)), (True, dt.timedelta(days=30))])
async def test_a_session_lasts_twelve_hours_or_thirty_days(
    auth: RunningAuth, stay: bool, lifetime: dt.timedelta
) -> None:
    await auth.sign_up()
    request = auth_pb2.SignInRequest(email="ada@example.org", password=PASSWORD, stay_signed_in=stay)

    session = (await auth.auth.SignIn(request, metadata=auth.web)).opened.session

    assert session.expire_time.ToDatetime() - session.created_time.ToDatetime() == lifetime


async def test_secrets_are_kept_only_as_hashes(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    key = await auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name="mine"), metadata=person.metadata)

    kept = [str(row) for table in ("users", "sessions", "api_keys") for row in await auth.sql(f"SELECT * FROM {table}")]

    assert len(kept) == 3
    assert not any(secret in row for row in kept for secret in (PASSWORD, person.secret, key.secret))
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in kept[0]


async def test_an_unknown_email_and_a_wrong_password_are_told_alike(auth: RunningAuth) -> None:
    await auth.sign_up()

    answers = [
        await refusal(auth.auth.SignIn(auth_pb2.SignInRequest(email=email, password=password), metadata=auth.web))
        for email, password in [
            ("ada@example.org", "not the password"),
            ("nobody@example.org", PASSWORD),
            ("not an address", PASSWORD),
            ("ada@example.org", "x" * 1_000_000),
            ("ada@example.org", ""),
        ]
    ]

    assert {(code, error.detail_reason, error.message) for code, error in answers} == {
        (grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS", "The email or the password is wrong.")
    }


@pytest.mark.parametrize(
    ("email", "password", "username", "field"),
    [
        ("", PASSWORD, "", "email"),
        ("ada", PASSWORD, "", "email"),
        ("ada@example.org\r\nBcc: eve@example.org", PASSWORD, "", "email"),
        ("ada@example.org\n", PASSWORD, "", "email"),
        ("a\0da@example.org", PASSWORD, "", "email"),
        ("Ada <ada@example.org>", PASSWORD, "", "email"),
        (f"ada@{'x' * 60}.{'y' * 60}.example", PASSWORD, "", "email"),
        ("a" * 1_000_000, PASSWORD, "", "email"),
        ("ada@example.org", "seven77", "", "password"),
        ("ada@example.org", "x" * 257, "", "password"),
        ("ada@example.org", "x" * 1_000_000, "", "password"),
        ("ada@example.org", PASSWORD, "x" * 33, "username"),
        ("ada@example.org", PASSWORD, "a\0b", "username"),
        ("ada@example.org", PASSWORD, "a\u202eb", "username"),
    ],
)
async def test_bad_input_at_sign_up_names_the_field_and_makes_no_account(
    auth: RunningAuth, email: str, password: str, username: str, field: str
) -> None:
    request = auth_pb2.SignUpRequest(email=email, password=password, username=username)

    code, error = await refusal(auth.auth.SignUp(request, metadata=auth.web))

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == [field]
    assert await auth.sql("SELECT 1 FROM users") == []


async def test_an_email_is_taken_in_any_case(auth: RunningAuth) -> None:
    await auth.sign_up("ada@example.org")

    code, error = await refusal(
        auth.auth.SignUp(auth_pb2.SignUpRequest(email="ADA@EXAMPLE.org", password=PASSWORD), metadata=auth.web)
    )

    assert (code, error.detail_reason) == (grpc.StatusCode.ALREADY_EXISTS, "EMAIL_TAKEN")


async def test_of_many_sign_ups_with_one_email_one_succeeds(auth: RunningAuth) -> None:
    spellings = ["ada@example.org", "Ada@example.org", "ADA@example.org", "ada@EXAMPLE.org"]

    results = await asyncio.gather(*(auth.sign_up(each) for each in spellings), return_exceptions=True)

    refused = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert [each.code() for each in refused] == [grpc.StatusCode.ALREADY_EXISTS] * 3
    assert len(await auth.sql("SELECT 1 FROM users")) == 1
    assert len(await auth.sql("SELECT 1 FROM entries")) == 1


async def test_sign_up_can_be_closed_and_sign_up_tokens_set(database_url: str, tmp_path: Path) -> None:
    async with running_auth(database_url, tmp_path, signup="closed") as auth:
        request = auth_pb2.SignUpRequest(email="ada@example.org", password=PASSWORD)
        code, error = await refusal(auth.auth.SignUp(request, metadata=auth.web))
    async with running_auth(database_url, tmp_path, signup_tokens=0) as auth:
        ledger = await auth.ledger(await auth.sign_up())

    assert (code, error.detail_reason) == (grpc.StatusCode.PERMISSION_DENIED, "SIGN_UP_CLOSED")
    assert ledger == (0, [])


async def test_a_session_is_refused_after_sign_out_and_signing_out_twice_is_no_error(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    for _ in range(2):
        await auth.auth.SignOut(auth_pb2.SignOutRequest(session_secret=person.secret), metadata=auth.web)

    await assert_ended(auth, person.secret)


async def test_an_expired_session_is_refused_and_forgotten_at_the_next_sign_in(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    await auth.sql("UPDATE sessions SET expire_time = :time", time=utc_now() - dt.timedelta(seconds=1))

    await assert_ended(auth, person.secret)

    again = await auth.sign_in()
    assert await auth.sql("SELECT session_id FROM sessions") == [(again.session_id,)]


@pytest.mark.parametrize("secret", ["", "x", "'; DROP TABLE users; --", "x" * 100_000, "a\0b"])
async def test_a_secret_that_nobody_gave_out_is_refused(auth: RunningAuth, secret: str) -> None:
    await auth.sign_up()

    await assert_ended(auth, secret)

    code, error = await refusal(
        auth.auth.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key=secret), metadata=auth.web)
    )
    assert (code, error.detail_reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_API_KEY")


async def test_a_suspended_account_is_refused_everywhere(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    key = await auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name="mine"), metadata=person.metadata)
    await auth.suspend(person)

    code, error = await refusal(
        auth.auth.SignIn(auth_pb2.SignInRequest(email=person.email, password=PASSWORD), metadata=auth.web)
    )

    assert (code, error.detail_reason) == (grpc.StatusCode.PERMISSION_DENIED, "ACCOUNT_SUSPENDED")
    await assert_ended(auth, person.secret)
    _, error = await refusal(
        auth.auth.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key=key.secret), metadata=auth.web)
    )
    assert error.detail_reason == "UNKNOWN_API_KEY"
    # Who does not know the password does not learn that the account is suspended.
    _, error = await refusal(
        auth.auth.SignIn(auth_pb2.SignInRequest(email=person.email, password="not the one"), metadata=auth.web)
    )
    assert error.detail_reason == "WRONG_CREDENTIALS"


async def test_use_of_a_session_is_noted_at_most_once_a_minute(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    request = auth_pb2.ResolveSessionRequest(session_secret=person.secret)
    long_ago = utc_now() - dt.timedelta(minutes=5)

    at_once = (await auth.auth.ResolveSession(request, metadata=auth.web)).session
    await auth.sql("UPDATE sessions SET last_seen_time = :time", time=long_ago)
    later = (await auth.auth.ResolveSession(request, metadata=auth.web)).session
    just_after = (await auth.auth.ResolveSession(request, metadata=auth.web)).session

    assert at_once.last_seen_time == at_once.created_time
    assert later.last_seen_time.ToDatetime(dt.UTC) - long_ago > dt.timedelta(minutes=4)
    assert just_after == later


async def test_a_person_lists_and_ends_their_own_sessions_only(auth: RunningAuth) -> None:
    first, other = await auth.sign_up(), await auth.sign_up("eve@example.org")
    second = await auth.sign_in(user_agent="Phone")

    listed = await auth.auth.ListSessions(auth_pb2.ListSessionsRequest(), metadata=first.metadata)
    await auth.auth.EndSession(auth_pb2.EndSessionRequest(session_id=second.session_id), metadata=first.metadata)

    assert [session.session_id for session in listed.sessions] == [second.session_id, first.session_id]
    assert listed.sessions[0].user_agent == "Phone"
    await assert_ended(auth, second.secret)
    for missing in (second.session_id, other.session_id, "", "a\0b", "x" * 1000):
        code, error = await refusal(
            auth.auth.EndSession(auth_pb2.EndSessionRequest(session_id=missing), metadata=first.metadata)
        )
        assert (code, error.detail_reason) == (grpc.StatusCode.NOT_FOUND, "SESSION_NOT_FOUND")


async def test_a_new_password_ends_every_other_session(auth: RunningAuth) -> None:
    stolen = await auth.sign_up()
    person = await auth.sign_in()
    request = auth_pb2.ChangePasswordRequest(current_password=PASSWORD, new_password="a better password")

    answer = await auth.users.ChangePassword(request, metadata=person.metadata)

    assert answer.ended_sessions == 1
    await assert_ended(auth, stolen.secret)
    assert (await only_session(auth, person.secret)).session_id == person.session_id
    await auth.sign_in(password="a better password")
    _, error = await refusal(
        auth.auth.SignIn(auth_pb2.SignInRequest(email=person.email, password=PASSWORD), metadata=auth.web)
    )
    assert error.detail_reason == "WRONG_CREDENTIALS"


async def test_a_password_is_changed_only_by_who_knows_it_and_only_to_a_sound_one(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    second = await auth.sign_in()

    wrong = await refusal(
        auth.users.ChangePassword(
            auth_pb2.ChangePasswordRequest(current_password="not the one", new_password="a better password"),
            metadata=person.metadata,
        )
    )
    short = await refusal(
        auth.users.ChangePassword(
            auth_pb2.ChangePasswordRequest(current_password=PASSWORD, new_password="short"), metadata=person.metadata
        )
    )

    assert (wrong[0], wrong[1].detail_reason) == (grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS")
    assert short[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in short[1].fields] == ["new_password"]
    assert (await only_session(auth, second.secret)).session_id == second.session_id
    await auth.sign_in()


async def test_of_two_password_changes_at_once_one_succeeds(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    results = await asyncio.gather(
        *(
            auth.users.ChangePassword(
                auth_pb2.ChangePasswordRequest(current_password=PASSWORD, new_password=f"new password {number}"),
                metadata=person.metadata,
            )
            for number in range(2)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(each, auth_pb2.ChangePasswordResponse) for each in results) == 1


async def assert_ended(auth: RunningAuth, secret: str) -> None:
    """The session's secret opens nothing."""
    code, error = await refusal(
        auth.auth.ResolveSession(auth_pb2.ResolveSessionRequest(session_secret=secret), metadata=auth.web)
    )
    assert (code, error.detail_reason) == (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")


async def only_session(auth: RunningAuth, secret: str) -> auth_pb2.Session:
    """The session of a secret as it is kept now."""
    answer = await auth.auth.ResolveSession(auth_pb2.ResolveSessionRequest(session_secret=secret), metadata=auth.web)
    return answer.session
