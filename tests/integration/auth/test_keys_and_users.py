"""API keys and profiles through the server."""

import asyncio
import datetime as dt
import re

import grpc
import pytest
from daydream.auth.v1 import auth_pb2

from services.foundation.database import utc_now
from services.foundation.identity import Role, Scope, Verifier
from services.foundation.rpc import client
from tests.support.auth import PASSWORD, Person, RunningAuth, refusal


async def create_key(
    auth: RunningAuth, person: Person, name: str = "mine", *scopes: str
) -> auth_pb2.CreateApiKeyResponse:
    """A key of the person's."""
    request = auth_pb2.CreateApiKeyRequest(name=name, scopes=scopes)
    return await auth.auth.CreateApiKey(request, metadata=person.metadata)


async def resolve_key(auth: RunningAuth, secret: str) -> auth_pb2.ResolveApiKeyResponse:
    """Who a key is."""
    return await auth.auth.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key=secret), metadata=auth.web)


async def test_a_key_is_shown_once_and_acts_within_its_scopes(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    made = await create_key(auth, person, "laptop", "read")
    resolved = await resolve_key(auth, made.secret)

    assert re.fullmatch(r"dd_[A-Za-z0-9_-]{43}", made.secret)
    assert made.secret.startswith(made.api_key.prefix)
    assert len(made.api_key.prefix) == 9
    assert resolved.user.user_id == person.user_id
    assert resolved.api_key.name == "laptop"
    token = client.bearer(resolved.identity_token.token)
    assert (await auth.purse.GetBalance(auth_pb2.GetBalanceRequest(), metadata=token)).tokens == 100
    code, _ = await refusal(auth.users.UpdateUser(auth_pb2.UpdateUserRequest(username="Eve"), metadata=token))
    assert code is grpc.StatusCode.PERMISSION_DENIED


async def test_without_scopes_named_a_key_may_generate_and_read(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    made = await create_key(auth, person)

    assert list(made.api_key.scopes) == ["generate", "read"]
    verifier = Verifier(audience="tasks", fetch_keys=client.key_fetcher(auth.channel))
    caller = await verifier.verify((await resolve_key(auth, made.secret)).identity_token.token)
    assert caller.scopes == {Scope.GENERATE, Scope.READ}
    assert caller.session_id == ""


async def test_the_admin_scope_is_for_staff(auth: RunningAuth) -> None:
    person, staff = await auth.sign_up(), await auth.staff()

    code, _ = await refusal(
        auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name="mine", scopes=["admin"]), metadata=person.metadata)
    )
    made = await create_key(auth, staff, "mine", "admin")

    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert list(made.api_key.scopes) == ["admin"]


async def test_a_key_makes_no_key_stronger_than_itself(auth: RunningAuth) -> None:
    staff = await auth.staff()
    some = await resolve_key(auth, (await create_key(auth, staff, "some", "generate", "admin")).secret)
    token = client.bearer(some.identity_token.token)

    for scopes in (["read"], ["generate", "read"], []):
        code, _ = await refusal(
            auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name="strong", scopes=scopes), metadata=token)
        )
        assert code is grpc.StatusCode.PERMISSION_DENIED

    assert (await auth.auth.CreateApiKey(
        auth_pb2.CreateApiKeyRequest(name="alike", scopes=["generate"]), metadata=token
    )).secret  # fmt: skip


async def test_an_ended_session_makes_no_key_with_the_token_it_left(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    await auth.auth.SignOut(auth_pb2.SignOutRequest(session_secret=person.secret), metadata=auth.web)

    code, error = await refusal(
        auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name="mine"), metadata=person.metadata)
    )

    assert (code, error.detail_reason) == (grpc.StatusCode.UNAUTHENTICATED, "SESSION_ENDED")


@pytest.mark.parametrize(
    ("name", "scopes", "field"),
    [
        ("", [], "name"),
        ("  ", [], "name"),
        ("x" * 65, [], "name"),
        ("a\r\nb", [], "name"),
        ("mine", ["everything"], "scopes"),
        ("mine", ["read", ""], "scopes"),
    ],
)
async def test_a_wrong_key_names_its_field(auth: RunningAuth, name: str, scopes: list[str], field: str) -> None:
    person = await auth.sign_up()

    code, error = await refusal(
        auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name=name, scopes=scopes), metadata=person.metadata)
    )

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == [field]


async def test_a_revoked_key_is_refused_and_only_its_owner_revokes_it(auth: RunningAuth) -> None:
    ada, eve = await auth.sign_up(), await auth.sign_up("eve@example.org")
    made = await create_key(auth, ada)
    request = auth_pb2.RevokeApiKeyRequest(api_key_id=made.api_key.api_key_id)

    by_another = await refusal(auth.auth.RevokeApiKey(request, metadata=eve.metadata))
    await resolve_key(auth, made.secret)
    await auth.auth.RevokeApiKey(request, metadata=ada.metadata)
    again = await refusal(auth.auth.RevokeApiKey(request, metadata=ada.metadata))

    for code, error in (by_another, again):
        assert (code, error.detail_reason) == (grpc.StatusCode.NOT_FOUND, "API_KEY_NOT_FOUND")
    code, error = await refusal(
        auth.auth.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key=made.secret), metadata=auth.web)
    )
    assert (code, error.detail_reason) == (grpc.StatusCode.UNAUTHENTICATED, "UNKNOWN_API_KEY")
    assert (await auth.auth.ListApiKeys(auth_pb2.ListApiKeysRequest(), metadata=ada.metadata)).api_keys == []


async def test_use_of_a_key_is_noted_at_most_once_a_minute(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    made = await create_key(auth, person)
    long_ago = utc_now() - dt.timedelta(minutes=5)

    first = (await resolve_key(auth, made.secret)).api_key
    second = (await resolve_key(auth, made.secret)).api_key
    await auth.sql("UPDATE api_keys SET last_used_time = :time", time=long_ago)
    third = (await resolve_key(auth, made.secret)).api_key

    assert not made.api_key.HasField("last_used_time")
    assert first.last_used_time == second.last_used_time
    assert third.last_used_time.ToDatetime(dt.UTC) > long_ago + dt.timedelta(minutes=4)


async def test_keys_page_newest_first(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    for number in range(5):
        await create_key(auth, person, f"key {number}")

    first = await auth.auth.ListApiKeys(auth_pb2.ListApiKeysRequest(page_size=3), metadata=person.metadata)
    second = await auth.auth.ListApiKeys(
        auth_pb2.ListApiKeysRequest(page_size=3, page_token=first.next_page_token), metadata=person.metadata
    )

    assert [key.name for key in (*first.api_keys, *second.api_keys)] == [f"key {4 - number}" for number in range(5)]
    assert second.next_page_token == ""


@pytest.mark.parametrize(
    "token", ["x", "é", "a\0b", "c2Vzc2lvbnM6MQ==", "a2V5czo5OTk5OTk5OTk5OTk5OTk5OTk5OQ==", "a2V5czotMQ=="]
)
async def test_a_page_token_that_the_list_did_not_give_out_is_refused(auth: RunningAuth, token: str) -> None:
    person = await auth.sign_up()

    code, error = await refusal(
        auth.auth.ListApiKeys(auth_pb2.ListApiKeysRequest(page_token=token), metadata=person.metadata)
    )

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == ["page_token"]


async def test_page_sizes_are_at_most_a_hundred_and_never_negative(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    code, error = await refusal(
        auth.auth.ListApiKeys(auth_pb2.ListApiKeysRequest(page_size=-1), metadata=person.metadata)
    )
    listed = await auth.auth.ListApiKeys(auth_pb2.ListApiKeysRequest(page_size=2**31 - 1), metadata=person.metadata)

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == ["page_size"]
    assert listed.next_page_token == ""


async def test_a_person_changes_only_the_fields_that_are_set(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    request = auth_pb2.UpdateUserRequest(first_name="Ada", last_name="Lovelace", mobile="+44 20 7946", username="")

    changed = (await auth.users.UpdateUser(request, metadata=person.metadata)).user
    unchanged = (await auth.users.UpdateUser(auth_pb2.UpdateUserRequest(), metadata=person.metadata)).user

    assert (changed.first_name, changed.last_name, changed.mobile) == ("Ada", "Lovelace", "+44 20 7946")
    assert changed.email == person.email
    assert changed == unchanged
    assert (await auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=person.metadata)).user == changed


async def test_a_new_email_signs_in_and_a_taken_one_is_refused(auth: RunningAuth) -> None:
    person, _ = await auth.sign_up(), await auth.sign_up("eve@example.org")

    code, error = await refusal(
        auth.users.UpdateUser(auth_pb2.UpdateUserRequest(email="EVE@example.org"), metadata=person.metadata)
    )
    await auth.users.UpdateUser(auth_pb2.UpdateUserRequest(email="Countess@example.org"), metadata=person.metadata)

    assert (code, error.detail_reason) == (grpc.StatusCode.ALREADY_EXISTS, "EMAIL_TAKEN")
    assert (await auth.sign_in("countess@example.org")).user_id == person.user_id


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "eve@example.org\r\n"),
        ("email", ""),
        ("username", "x" * 33),
        ("first_name", "a\0b"),
        ("last_name", "a\nb"),
        ("mobile", "1234567890123"),
        ("mobile", "call me"),
    ],
)
async def test_a_wrong_profile_field_is_named_and_nothing_changes(auth: RunningAuth, field: str, value: str) -> None:
    person = await auth.sign_up()
    before = await auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=person.metadata)
    fields = {"username": "fine", field: value}

    code, error = await refusal(auth.users.UpdateUser(auth_pb2.UpdateUserRequest(**fields), metadata=person.metadata))

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == [field]
    assert await auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=person.metadata) == before


async def test_another_user_looks_like_a_missing_one_save_to_staff(auth: RunningAuth) -> None:
    ada, eve, staff = await auth.sign_up(), await auth.sign_up("eve@example.org"), await auth.staff()

    refused = [
        await refusal(call)
        for call in (
            auth.users.GetUser(auth_pb2.GetUserRequest(user_id=ada.user_id), metadata=eve.metadata),
            auth.users.GetUser(auth_pb2.GetUserRequest(user_id="nobody"), metadata=eve.metadata),
            auth.users.GetUser(auth_pb2.GetUserRequest(user_id="nobody"), metadata=staff.metadata),
            auth.users.GetUser(auth_pb2.GetUserRequest(user_id="a\0b"), metadata=staff.metadata),
            auth.users.UpdateUser(auth_pb2.UpdateUserRequest(user_id=ada.user_id, username="x"), metadata=eve.metadata),
            auth.users.UpdateUser(auth_pb2.UpdateUserRequest(user_id="nobody", username="x"), metadata=staff.metadata),
        )
    ]
    seen = await auth.users.GetUser(auth_pb2.GetUserRequest(user_id=ada.user_id), metadata=staff.metadata)
    changed = await auth.users.UpdateUser(
        auth_pb2.UpdateUserRequest(user_id=ada.user_id, username="Ada"), metadata=staff.metadata
    )

    assert {(code, error.detail_reason, error.message) for code, error in refused} == {
        (grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND", "There is no such user.")
    }
    assert seen.user.email == ada.email
    assert changed.user.username == "Ada"


async def test_staff_find_users_by_email_or_name_in_any_case(auth: RunningAuth) -> None:
    staff = await auth.staff()
    ada, eve = await auth.sign_up("ada@example.org"), await auth.sign_up("eve_100%@example.org")
    await auth.users.UpdateUser(auth_pb2.UpdateUserRequest(last_name="Lovelace"), metadata=ada.metadata)

    async def found(query: str) -> list[str]:
        answer = await auth.users.ListUsers(auth_pb2.ListUsersRequest(query=query), metadata=staff.metadata)
        return [user.user_id for user in answer.users]

    assert await found("") == [eve.user_id, ada.user_id, staff.user_id]
    assert await found("LOVE") == [ada.user_id]
    assert await found("Example.org") == [eve.user_id, ada.user_id]
    assert await found("0%") == [eve.user_id]
    assert await found("%") == [eve.user_id]
    assert await found("'; DROP TABLE users; --") == []


async def test_a_staff_account_has_the_staff_role_and_is_made_once(auth: RunningAuth) -> None:
    makes = (
        auth.parts.accounts.create_staff(email=email, password=PASSWORD, tokens=1000, key_name="first run")
        for email in ("staff@daydream.local", "Staff@daydream.local")
    )

    results = await asyncio.gather(*makes, return_exceptions=True)

    (made,) = [each for each in results if isinstance(each, tuple)]
    user, secret = made
    resolved = await resolve_key(auth, secret)
    assert (user.role, resolved.user.tokens) == (Role.STAFF, 1000)
    assert (resolved.api_key.name, list(resolved.api_key.scopes)) == ("first run", ["admin", "generate", "read"])
    listed = await auth.users.ListUsers(
        auth_pb2.ListUsersRequest(), metadata=client.bearer(resolved.identity_token.token)
    )
    assert [each.role for each in listed.users] == [auth_pb2.ROLE_STAFF]
