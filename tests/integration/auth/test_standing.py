"""Suspended, restored and deleted accounts, and the staff account that must stay."""

import asyncio
from typing import Any

import grpc
import pytest
from daydream.auth.v1 import accounts_pb2, auth_pb2, codes_pb2

from services.foundation.rpc import status
from tests.support.auth import PASSWORD, Person, RunningAuth, refusal


def suspend(auth: RunningAuth, by: Person, person: Person) -> Any:
    """Suspend an account as staff do."""
    request = accounts_pb2.SuspendUserRequest(user_id=person.user_id)
    return auth.accounts.SuspendUser(request, metadata=by.metadata)


def restore(auth: RunningAuth, by: Person, person: Person) -> Any:
    """Restore an account as staff do."""
    request = accounts_pb2.RestoreUserRequest(user_id=person.user_id)
    return auth.accounts.RestoreUser(request, metadata=by.metadata)


def delete(auth: RunningAuth, by: Person, person: Person | None = None, password: str = "") -> Any:
    """Delete an account: another's as staff do, or one's own."""
    request = accounts_pb2.DeleteUserRequest(user_id=person.user_id if person else "", password=password)
    return auth.accounts.DeleteUser(request, metadata=by.metadata)


async def key_of(auth: RunningAuth, person: Person) -> str:
    """An API key of the person's."""
    made = await auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name="mine"), metadata=person.metadata)
    return made.secret


async def opens(auth: RunningAuth, *, session: str = "", key: str = "") -> bool:
    """Whether a session's secret or a key is good."""
    call: Any = (
        auth.auth.ResolveSession(auth_pb2.ResolveSessionRequest(session_secret=session), metadata=auth.web)
        if session
        else auth.auth.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key=key), metadata=auth.web)
    )
    result: Any = (await asyncio.gather(call, return_exceptions=True))[0]
    refused = isinstance(result, grpc.aio.AioRpcError)
    assert not refused or result.code() is grpc.StatusCode.UNAUTHENTICATED
    return not refused


async def hold(auth: RunningAuth, person: Person, hold_id: str = "task-1") -> None:
    """Hold 30 tokens as the ledger service does."""
    request = auth_pb2.HoldTokensRequest(hold_id=hold_id, user_id=person.user_id, tokens=30, reason="a picture")
    await auth.purse.HoldTokens(request, metadata=auth.tasks)


async def test_a_suspended_person_is_out_until_restored(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    key = await key_of(auth, person)
    link = await auth.accounts.CreateResetLink(
        accounts_pb2.CreateResetLinkRequest(user_id=person.user_id), metadata=staff.metadata
    )

    suspended = [(await suspend(auth, staff, person)).user for _ in range(2)]
    out = (await opens(auth, session=person.secret), await opens(auth, key=key))
    refused = await refusal(
        auth.auth.SignIn(auth_pb2.SignInRequest(email=person.email, password=PASSWORD), metadata=auth.web)
    )
    restored = [(await restore(auth, staff, person)).user for _ in range(2)]

    assert [user.active for user in suspended] == [False, False]
    assert out == (False, False)
    assert refused[1].detail_reason == "ACCOUNT_SUSPENDED"
    assert [user.active for user in restored] == [True, True]
    # The session was ended for good, the key was not.
    assert (await opens(auth, session=person.secret), await opens(auth, key=key)) == (False, True)
    await auth.sign_in()
    _, error = await refusal(
        auth.accounts.ResetPassword(
            accounts_pb2.ResetPasswordRequest(secret=link.secret, new_password="a better password"), metadata=auth.web
        )
    )
    assert error.detail_reason == "RESET_LINK_NOT_VALID"


async def test_an_identity_token_that_outlives_its_account_spends_nothing_and_makes_no_key(auth: RunningAuth) -> None:
    staff, ada, eve = await auth.staff(), await auth.sign_up(), await auth.sign_up("eve@example.org")
    code = await auth.codes.IssueCode(
        codes_pb2.IssueCodeRequest(kind=codes_pb2.CODE_KIND_TOKENS, tokens=5, reason="a gift"), metadata=staff.metadata
    )
    await hold(auth, ada)
    await suspend(auth, staff, ada)
    await delete(auth, staff, eve)

    async def reasons(person: Person) -> set[str]:
        request = auth_pb2.HoldTokensRequest(hold_id=person.user_id, user_id=person.user_id, tokens=1, reason="")
        refused = [
            await refusal(call)
            for call in (
                auth.purse.HoldTokens(request, metadata=auth.tasks),
                auth.codes.RedeemCode(codes_pb2.RedeemCodeRequest(text=code.text), metadata=person.metadata),
                auth.auth.CreateApiKey(auth_pb2.CreateApiKeyRequest(name="mine"), metadata=person.metadata),
            )
        ]
        return {error.detail_reason for _, error in refused}

    assert await reasons(ada) == {"ACCOUNT_SUSPENDED"}
    assert await reasons(eve) == {"USER_NOT_FOUND"}
    # A hold that was made before is still answered alike when it is sent again.
    await hold(auth, ada)
    assert await auth.ledger(ada) == (70, [100, -30])


async def test_staff_who_are_suspended_do_nothing_more_with_the_token_that_is_left(auth: RunningAuth) -> None:
    staff, other, person = await auth.staff(), await auth.staff("second@daydream.local"), await auth.sign_up()
    await suspend(auth, staff, other)

    refused = [
        await refusal(call)
        for call in (
            restore(auth, other, other),
            suspend(auth, other, staff),
            delete(auth, other, person),
            auth.purse.GrantTokens(
                auth_pb2.GrantTokensRequest(request_id="x", user_id=person.user_id, amount=1, reason="a gift"),
                metadata=other.metadata,
            ),
            auth.codes.IssueCode(
                codes_pb2.IssueCodeRequest(kind=codes_pb2.CODE_KIND_TOKENS, tokens=5, reason="a gift"),
                metadata=other.metadata,
            ),
            auth.accounts.CreateResetLink(
                accounts_pb2.CreateResetLinkRequest(user_id=staff.user_id), metadata=other.metadata
            ),
        )
    ]

    assert {(code, error.detail_reason) for code, error in refused} == {
        (grpc.StatusCode.PERMISSION_DENIED, "ACCOUNT_SUSPENDED")
    }
    assert await auth.sql("SELECT uuid FROM users WHERE NOT state") == [(other.user_id,)]
    assert await auth.ledger(person) == (100, [100])


async def test_a_deleted_account_leaves_its_ledger_and_nothing_that_says_whose_it_was(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up("ada.lovelace@example.org")
    update = auth_pb2.UpdateUserRequest(username="Ada", first_name="Augusta", last_name="Lovelace", mobile="+44 20")
    await auth.users.UpdateUser(update, metadata=person.metadata)
    code = await auth.codes.IssueCode(
        codes_pb2.IssueCodeRequest(kind=codes_pb2.CODE_KIND_TOKENS, tokens=5, reason="a gift"), metadata=staff.metadata
    )
    await auth.codes.RedeemCode(codes_pb2.RedeemCodeRequest(text=code.text), metadata=person.metadata)
    key = await key_of(auth, person)
    await hold(auth, person)

    await delete(auth, person, password=PASSWORD)

    sign_in = auth_pb2.SignInRequest(email=person.email, password=PASSWORD)
    assert (await refusal(auth.auth.SignIn(sign_in, metadata=auth.web)))[1].detail_reason == "WRONG_CREDENTIALS"
    assert (await opens(auth, session=person.secret), await opens(auth, key=key)) == (False, False)
    assert await auth.ledger(person) == (75, [100, 5, -30])
    (row,) = await auth.sql("SELECT * FROM users WHERE uuid = :id", id=person.user_id)
    assert not {"Ada", "Augusta", "Lovelace", "+44 20", "ada.lovelace"} & set(" ".join(map(str, row)).split())
    assert "ada.lovelace@example.org" not in str(row)
    assert "argon2" not in str(row)
    for table in ("sessions", "api_keys", "reset_links", "redemptions"):
        assert await auth.sql(f"SELECT 1 FROM {table} WHERE user_id = :id", id=person.user_id) == []


async def test_a_task_that_outlives_its_owner_settles_and_the_sums_add_up(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    await hold(auth, person)
    await delete(auth, person, password=PASSWORD)
    request = auth_pb2.SettleHoldRequest(hold_id="task-1", user_id=person.user_id, charge=10, reason="done")

    settled = [await auth.purse.SettleHold(request, metadata=auth.tasks) for _ in range(2)]

    assert [each.returned for each in settled] == [20, 20]
    assert await auth.ledger(person) == (90, [100, -30, 20])


async def test_a_deleted_account_looks_like_one_that_never_was(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()

    await delete(auth, staff, person)

    user_id = person.user_id
    calls = [
        auth.users.GetUser(auth_pb2.GetUserRequest(user_id=user_id), metadata=staff.metadata),
        auth.users.GetUser(auth_pb2.GetUserRequest(), metadata=person.metadata),
        auth.users.UpdateUser(auth_pb2.UpdateUserRequest(username="x"), metadata=person.metadata),
        auth.purse.GetBalance(auth_pb2.GetBalanceRequest(user_id=user_id), metadata=staff.metadata),
        auth.purse.ListEntries(auth_pb2.ListEntriesRequest(user_id=user_id), metadata=staff.metadata),
        auth.purse.GrantTokens(
            auth_pb2.GrantTokensRequest(request_id="x", user_id=user_id, amount=1, reason="x"), metadata=staff.metadata
        ),
        auth.accounts.CreateResetLink(accounts_pb2.CreateResetLinkRequest(user_id=user_id), metadata=staff.metadata),
        suspend(auth, staff, person),
        restore(auth, staff, person),
        delete(auth, staff, person),
        delete(auth, person, password=PASSWORD),
    ]
    for call in calls:
        code, error = await refusal(call)
        assert (code, error.detail_reason) == (grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")
    listed = await auth.users.ListUsers(auth_pb2.ListUsersRequest(), metadata=staff.metadata)
    assert [user.user_id for user in listed.users] == [staff.user_id]
    assert (await auth.sign_up()).user_id != user_id


async def test_nobody_deletes_an_account_without_its_password_or_the_staff_role(auth: RunningAuth) -> None:
    ada, eve = await auth.sign_up(), await auth.sign_up("eve@example.org")
    key = await key_of(auth, ada)
    resolved = await auth.auth.ResolveApiKey(auth_pb2.ResolveApiKeyRequest(api_key=key), metadata=auth.web)

    for password in ("", "not the one", "x" * 1_000_000):
        code, error = await refusal(delete(auth, ada, password=password))
        assert (code, error.detail_reason) == (grpc.StatusCode.UNAUTHENTICATED, "WRONG_CREDENTIALS")
    another, _ = await refusal(delete(auth, eve, ada, password=PASSWORD))
    by_key, _ = await refusal(
        auth.accounts.DeleteUser(
            accounts_pb2.DeleteUserRequest(password=PASSWORD),
            metadata=grpc.aio.Metadata(("authorization", f"Bearer {resolved.identity_token.token}")),
        )
    )

    assert (another, by_key) == (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED)
    assert await opens(auth, session=ada.secret)


async def test_the_last_staff_account_can_be_neither_suspended_nor_deleted(auth: RunningAuth) -> None:
    last, other, person = await auth.staff(), await auth.staff("second@daydream.local"), await auth.sign_up()
    await suspend(auth, last, other)

    refused = [await refusal(call) for call in (suspend(auth, last, last), delete(auth, last, last, password=PASSWORD))]
    await suspend(auth, last, person)
    await restore(auth, last, other)
    await delete(auth, last, password=PASSWORD)

    assert {(code, error.detail_reason) for code, error in refused} == {
        (grpc.StatusCode.FAILED_PRECONDITION, "LAST_STAFF_ACCOUNT")
    }
    active = await auth.sql("SELECT uuid FROM users WHERE role = 'staff' AND state")
    assert active == [(other.user_id,)]


@pytest.mark.parametrize("how", [suspend, delete])
async def test_staff_who_remove_each_other_at_once_leave_one(auth: RunningAuth, how: Any) -> None:
    for number in range(3):
        staff = [await auth.staff(f"staff-{number}-{each}@daydream.local") for each in range(3)]
        pairs = [(by, person) for by in staff for person in staff if by != person]

        results = await asyncio.gather(*(how(auth, by, person) for by, person in pairs), return_exceptions=True)

        refused = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
        # Gone before they could act, or the last one left.
        assert {status.from_rpc_error(each).detail_reason for each in refused} <= {
            "USER_NOT_FOUND", "ACCOUNT_SUSPENDED", "LAST_STAFF_ACCOUNT",
        }  # fmt: skip
        ((left,),) = await auth.sql("SELECT count(*) FROM users WHERE role = 'staff' AND state")
        assert left == 1
        # Who is left makes room for the next round's own three.
        await auth.sql("UPDATE users SET state = :no WHERE role = 'staff'", no=False)
