"""What staff learn of people and of what was done: finding by id, many at once, when somebody was last seen."""

import datetime as dt

import grpc
import pytest
from daydream.auth.v1 import audit_pb2, auth_pb2, codes_pb2

from services.foundation.database import utc_now
from tests.support.auth import Person, RunningAuth, refusal


async def listed(auth: RunningAuth, staff: Person, request: auth_pb2.ListUsersRequest) -> auth_pb2.ListUsersResponse:
    """A page of users, as staff get it."""
    return await auth.users.ListUsers(request, metadata=staff.metadata)


async def test_staff_find_a_user_by_a_part_of_the_id(auth: RunningAuth) -> None:
    staff, ada, _ = await auth.staff(), await auth.sign_up(), await auth.sign_up("eve@example.org")

    found = await listed(auth, staff, auth_pb2.ListUsersRequest(query=ada.user_id[3:].lower()))

    assert [user.user_id for user in found.users] == [ada.user_id]


async def test_many_users_are_read_in_one_call_and_those_that_are_not_there_are_left_out(auth: RunningAuth) -> None:
    staff, ada, eve = await auth.staff(), await auth.sign_up(), await auth.sign_up("eve@example.org")

    some = await listed(auth, staff, auth_pb2.ListUsersRequest(user_ids=[ada.user_id, "nobody", eve.user_id, "a b"]))
    none = await listed(auth, staff, auth_pb2.ListUsersRequest(user_ids=["no id at all"]))

    assert [user.user_id for user in some.users] == [eve.user_id, ada.user_id]
    assert (some.total_size, list(none.users), none.total_size) == (2, [], 0)


async def test_more_than_a_page_of_users_is_not_read_in_one_call(auth: RunningAuth) -> None:
    staff = await auth.staff()
    request = auth_pb2.ListUsersRequest(user_ids=[f"user-{number}" for number in range(101)])

    code, error = await refusal(auth.users.ListUsers(request, metadata=staff.metadata))

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == ["user_ids"]


async def test_every_page_of_users_says_how_many_there_are(auth: RunningAuth) -> None:
    staff = await auth.staff()
    await auth.crowd(4)

    first = await listed(auth, staff, auth_pb2.ListUsersRequest(page_size=2, query="person-"))
    second = await listed(
        auth, staff, auth_pb2.ListUsersRequest(page_size=2, query="person-", page_token=first.next_page_token)
    )

    assert [len(page.users) for page in (first, second)] == [2, 2]
    assert [page.total_size for page in (first, second)] == [4, 4]


async def test_staff_see_when_a_session_or_a_key_was_last_used_and_nobody_else_does(auth: RunningAuth) -> None:
    staff, ada = await auth.staff(), await auth.sign_up()
    (silent,) = await auth.crowd(1)
    await auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name="robot"), metadata=ada.metadata)
    early, late = utc_now() - dt.timedelta(days=3), utc_now() - dt.timedelta(hours=1)
    await used(auth, sessions=early, keys=late)

    (ada_seen,) = (await listed(auth, staff, auth_pb2.ListUsersRequest(user_ids=[ada.user_id]))).users
    (silent_seen,) = (await listed(auth, staff, auth_pb2.ListUsersRequest(user_ids=[silent.user_id]))).users
    alone = await auth.users.GetUser(auth_pb2.GetUserRequest(user_id=ada.user_id), metadata=staff.metadata)
    herself = await auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=ada.metadata)

    assert abs(ada_seen.last_seen_time.ToDatetime(dt.UTC) - late) < dt.timedelta(seconds=1)
    assert alone.user == ada_seen
    assert not silent_seen.HasField("last_seen_time")
    assert not herself.user.HasField("last_seen_time")


async def used(auth: RunningAuth, *, sessions: dt.datetime, keys: dt.datetime) -> None:
    """Every session and every key was last used then."""
    for statement, moment in (
        ("UPDATE sessions SET last_seen_time = :moment", sessions),
        ("UPDATE api_keys SET last_used_time = :moment", keys),
    ):
        kept = moment if auth.parts.engine.dialect.name == "postgresql" else moment.replace(tzinfo=None).isoformat(" ")
        await auth.sql(statement, moment=kept)


async def test_the_log_can_be_asked_for_some_kinds_of_deed_and_pages_them(auth: RunningAuth) -> None:
    staff, ada = await auth.staff(), await auth.sign_up()
    for number in range(3):
        await auth.purse.GrantTokens(
            auth_pb2.GrantTokensRequest(request_id=f"r{number}", user_id=ada.user_id, amount=5, reason=f"no. {number}"),
            metadata=staff.metadata,
        )
        await auth.codes.IssueCode(
            codes_pb2.IssueCodeRequest(kind=codes_pb2.CODE_KIND_INVITATION, reason="a guest"), metadata=staff.metadata
        )
    grants = [audit_pb2.DEED_KIND_TOKENS_GRANTED]

    first = await auth.audit.ListDeeds(audit_pb2.ListDeedsRequest(kinds=grants, page_size=2), metadata=staff.metadata)
    rest = await auth.audit.ListDeeds(
        audit_pb2.ListDeedsRequest(kinds=grants, page_size=2, page_token=first.next_page_token), metadata=staff.metadata
    )

    assert [deed.detail for deed in (*first.deeds, *rest.deeds)] == [
        "+5 tokens: no. 2",
        "+5 tokens: no. 1",
        "+5 tokens: no. 0",
    ]
    assert rest.next_page_token == ""


@pytest.mark.parametrize("kind", [0, 99])
async def test_a_kind_of_deed_that_is_none_is_refused_not_taken_for_all(auth: RunningAuth, kind: int) -> None:
    staff = await auth.staff()
    request = audit_pb2.ListDeedsRequest(kinds=[kind])  # type: ignore[list-item]

    code, error = await refusal(auth.audit.ListDeeds(request, metadata=staff.metadata))

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == ["kinds"]
