"""Staff give and take tokens with a reason."""

import asyncio
from typing import Any

import grpc
import pytest
from daydream.auth.v1 import auth_pb2

from tests.support.auth import RunningAuth, refusal
from tests.support.auth_purse import grant, warm


async def test_staff_grant_and_take_tokens_with_a_reason(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()

    given = (await grant(auth, staff, person, 50)).entry
    taken = (await grant(auth, staff, person, -150, request_id="grant-2", reason="a mistake")).entry

    assert (given.kind, given.amount, given.balance_after, given.reason) == (
        auth_pb2.ENTRY_KIND_GRANT, 50, 150, "a gift",
    )  # fmt: skip
    assert (taken.amount, taken.balance_after) == (-150, 0)
    listed = await auth.purse.ListEntries(auth_pb2.ListEntriesRequest(user_id=person.user_id), metadata=staff.metadata)
    assert list(listed.entries)[:2] == [taken, given]


async def test_a_repeated_grant_is_the_first_one_and_other_content_is_refused(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    await warm(auth, person)

    # Both ways, for a repeated taking must not be refused for the tokens that it took itself.
    for amount, request_id in ((50, "grant-1"), (-150, "grant-2")):
        first, *others = await asyncio.gather(
            *(grant(auth, staff, person, amount, request_id=request_id) for _ in range(5))
        )
        assert all(each == first for each in others)
    refused = [
        await refusal(call)
        for call in (
            grant(auth, staff, person, 51),
            grant(auth, staff, person, 50, reason="another"),
            grant(auth, staff, staff, 50),
        )
    ]

    assert {(code, error.detail_reason) for code, error in refused} == {
        (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    }
    assert await auth.ledger(person) == (0, [100, 50, -150])
    assert await auth.ledger(staff) == (1000, [1000])


async def test_a_request_id_is_its_callers_own(auth: RunningAuth) -> None:
    one, two, person = await auth.staff(), await auth.staff("second@daydream.local"), await auth.sign_up()

    await grant(auth, one, person, 1)
    await grant(auth, two, person, 2)

    assert await auth.ledger(person) == (103, [100, 1, 2])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": 1_000_000_001}, "amount"),
        ({"amount": -1_000_000_001}, "amount"),
        ({"amount": 2**63 - 1}, "amount"),
        ({"amount": -(2**63)}, "amount"),
        ({"amount": 1, "reason": ""}, "reason"),
        ({"amount": 1, "reason": " "}, "reason"),
        ({"amount": 1, "reason": "x" * 201}, "reason"),
        ({"amount": 1, "request_id": ""}, "request_id"),
        ({"amount": 1, "request_id": "x" * 65}, "request_id"),
    ],
)
async def test_a_wrong_grant_names_its_field_and_gives_nothing(
    auth: RunningAuth, values: dict[str, Any], field: str
) -> None:
    staff = await auth.staff()

    code, error = await refusal(grant(auth, staff, staff, **values))

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == [field]
    assert await auth.ledger(staff) == (1000, [1000])


async def test_a_grant_takes_no_more_than_there_is_and_lifts_no_balance_out_of_bounds(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()

    code, error = await refusal(grant(auth, staff, person, -101))
    await auth.sql("UPDATE users SET tokens = 999999999999999 WHERE uuid = :uuid", uuid=person.user_id)
    too_rich = await refusal(grant(auth, staff, person, 2))
    nobody = await refusal(
        auth.purse.GrantTokens(
            auth_pb2.GrantTokensRequest(request_id="grant-2", user_id="nobody", amount=1, reason="a gift"),
            metadata=staff.metadata,
        )
    )

    assert (code, error.detail_reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_ENOUGH_TOKENS")
    assert error.metadata == {"price": "101", "balance": "100"}
    assert too_rich[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert (nobody[0], nobody[1].detail_reason) == (grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")
    assert (await auth.ledger(person))[1] == [100]


async def test_takes_that_come_at_once_take_no_more_than_there_is(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    await warm(auth, person)

    results = await asyncio.gather(
        *(grant(auth, staff, person, -30, request_id=f"take-{number}") for number in range(12)), return_exceptions=True
    )

    refused = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert [each.code() for each in refused] == [grpc.StatusCode.FAILED_PRECONDITION] * 9
    assert await auth.ledger(person) == (10, [100, -30, -30, -30])
