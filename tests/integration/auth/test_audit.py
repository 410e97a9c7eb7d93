"""What staff do is written down with the deed; what people do to their own accounts is not."""

import grpc
import pytest
from daydream.auth.v1 import accounts_pb2, audit_pb2, auth_pb2, codes_pb2

from tests.support.auth import PASSWORD, Person, RunningAuth


async def deeds(auth: RunningAuth, staff: Person, *, user_id: str = "", staff_id: str = "") -> list[audit_pb2.Deed]:
    """The log, newest first."""
    request = audit_pb2.ListDeedsRequest(user_id=user_id, staff_id=staff_id)
    answer = await auth.audit.ListDeeds(request, metadata=staff.metadata)
    return list(answer.deeds)


async def test_every_deed_of_staff_is_in_the_log_with_who_and_to_whom(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    whom = {"user_id": person.user_id}

    await auth.purse.GrantTokens(
        auth_pb2.GrantTokensRequest(request_id="r", amount=-5, reason="a mistake", **whom), metadata=staff.metadata
    )
    await auth.users.UpdateUser(
        auth_pb2.UpdateUserRequest(username="Ada", mobile="123", **whom), metadata=staff.metadata
    )
    await auth.accounts.CreateResetLink(accounts_pb2.CreateResetLinkRequest(**whom), metadata=staff.metadata)
    await auth.accounts.SuspendUser(accounts_pb2.SuspendUserRequest(**whom), metadata=staff.metadata)
    await auth.accounts.RestoreUser(accounts_pb2.RestoreUserRequest(**whom), metadata=staff.metadata)
    await auth.accounts.DeleteUser(accounts_pb2.DeleteUserRequest(**whom), metadata=staff.metadata)

    log = await deeds(auth, staff, user_id=person.user_id)
    assert [(audit_pb2.DeedKind.Name(deed.kind).removeprefix("DEED_KIND_"), deed.detail) for deed in reversed(log)] == [
        ("TOKENS_GRANTED", "-5 tokens: a mistake"),
        ("USER_CHANGED", "mobile, username"),
        ("RESET_LINK_CREATED", ""),
        ("USER_SUSPENDED", ""),
        ("USER_RESTORED", ""),
        ("USER_DELETED", ""),
    ]
    assert {(deed.staff_id, deed.user_id) for deed in log} == {(staff.user_id, person.user_id)}


async def test_codes_are_in_the_log_by_their_ids(auth: RunningAuth) -> None:
    staff = await auth.staff()
    request = codes_pb2.IssueCodeRequest(kind=codes_pb2.CODE_KIND_TOKENS, tokens=30, reason="a workshop")
    code = (await auth.codes.IssueCode(request, metadata=staff.metadata)).code

    await auth.codes.WithdrawCode(codes_pb2.WithdrawCodeRequest(code_id=code.code_id), metadata=staff.metadata)

    assert [(deed.code_id, deed.detail) for deed in await deeds(auth, staff)] == [
        (code.code_id, "a workshop"),
        (code.code_id, "30 tokens: a workshop"),
    ]


async def test_what_people_do_to_themselves_is_not_in_the_log_but_tokens_staff_give_themselves_are(
    auth: RunningAuth,
) -> None:
    staff, person = await auth.staff(), await auth.sign_up()

    await auth.users.UpdateUser(auth_pb2.UpdateUserRequest(username="Ada"), metadata=person.metadata)
    await auth.accounts.DeleteUser(accounts_pb2.DeleteUserRequest(password=PASSWORD), metadata=person.metadata)
    await auth.purse.GrantTokens(
        auth_pb2.GrantTokensRequest(request_id="r", user_id=staff.user_id, amount=5, reason="for me"),
        metadata=staff.metadata,
    )

    assert [deed.detail for deed in await deeds(auth, staff)] == ["+5 tokens: for me"]


async def test_a_refused_deed_is_not_in_the_log(auth: RunningAuth) -> None:
    staff = await auth.staff()

    with pytest.raises(grpc.aio.AioRpcError):
        # The last staff account.
        await auth.accounts.SuspendUser(accounts_pb2.SuspendUserRequest(user_id=staff.user_id), metadata=staff.metadata)

    assert await deeds(auth, staff) == []


async def test_the_log_is_paged_and_can_be_asked_for_one_of_the_staff(auth: RunningAuth) -> None:
    staff, other = await auth.staff(), await auth.staff("second@daydream.local")
    for number, who in enumerate((staff, staff, other)):
        request = codes_pb2.IssueCodeRequest(kind=codes_pb2.CODE_KIND_INVITATION, reason=f"guest {number}")
        await auth.codes.IssueCode(request, metadata=who.metadata)

    first = await auth.audit.ListDeeds(audit_pb2.ListDeedsRequest(page_size=2), metadata=staff.metadata)
    rest = await auth.audit.ListDeeds(
        audit_pb2.ListDeedsRequest(page_size=2, page_token=first.next_page_token), metadata=staff.metadata
    )

    assert [deed.detail for deed in (*first.deeds, *rest.deeds)] == [
        "an invitation: guest 2",
        "an invitation: guest 1",
        "an invitation: guest 0",
    ]
    assert rest.next_page_token == ""
    assert [deed.detail for deed in await deeds(auth, staff, staff_id=other.user_id)] == ["an invitation: guest 2"]
    assert await deeds(auth, staff, user_id="nobody, surely") == []
