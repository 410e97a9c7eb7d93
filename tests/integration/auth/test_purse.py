"""Balances, holds and ledgers through the server, one at a time and all at once."""

import asyncio
from typing import Any

import grpc
import pytest
import sqlalchemy as sa
from daydream.auth.v1 import auth_pb2

from tests.support.auth import Person, RunningAuth, refusal
from tests.support.auth_purse import grant, hold, settle, warm

START = 100


async def test_a_hold_is_taken_and_what_was_not_charged_comes_back(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    held = await hold(auth, person, tokens=30)
    during = await auth.purse.GetBalance(auth_pb2.GetBalanceRequest(), metadata=person.metadata)
    settled = await settle(auth, person, charge=20)
    after = await auth.purse.GetBalance(auth_pb2.GetBalanceRequest(), metadata=person.metadata)

    assert held.tokens == 70
    assert (during.tokens, during.held) == (70, 30)
    assert settled.returned == 10
    assert (after.tokens, after.held) == (80, 0)
    listed = await auth.purse.ListEntries(auth_pb2.ListEntriesRequest(), metadata=person.metadata)
    assert [(entry.kind, entry.amount, entry.balance_after, entry.task_id) for entry in listed.entries] == [
        (auth_pb2.ENTRY_KIND_RETURN, 10, 80, "task-1"),
        (auth_pb2.ENTRY_KIND_HOLD, -30, 70, "task-1"),
        (auth_pb2.ENTRY_KIND_SIGN_UP, 100, 100, ""),
    ]
    assert [entry.reason for entry in listed.entries] == ["done", "a picture", "a new account"]


async def test_a_whole_charge_writes_no_return(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    await hold(auth, person, tokens=30)

    settled = await settle(auth, person, charge=30)

    assert settled.returned == 0
    assert await auth.ledger(person) == (70, [100, -30])


async def test_repeats_of_hold_and_settle_return_the_first_result(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    first = await hold(auth, person, tokens=30)
    await hold(auth, person, "task-2", tokens=5)
    again = await hold(auth, person, tokens=30)
    settled = [await settle(auth, person, charge=10) for _ in range(3)]
    late = await hold(auth, person, tokens=30)

    assert first.tokens == again.tokens == late.tokens == 70
    assert [each.returned for each in settled] == [20, 20, 20]
    assert await auth.ledger(person) == (85, [100, -30, -5, 20])


async def test_a_hold_id_with_other_content_is_refused(auth: RunningAuth) -> None:
    person, other = await auth.sign_up(), await auth.sign_up("eve@example.org")
    await hold(auth, person, tokens=30)

    refused = [
        await refusal(call)
        for call in (
            hold(auth, person, tokens=31),
            hold(auth, other, tokens=30),
            hold(auth, person, tokens=30, reason="another picture"),
            settle(auth, other, charge=0),
        )
    ]
    await settle(auth, person, charge=10)
    refused.append(await refusal(settle(auth, person, charge=9)))

    assert {(code, error.detail_reason) for code, error in refused} == {
        (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    }
    assert await auth.ledger(person) == (90, [100, -30, 20])
    assert await auth.ledger(other) == (100, [100])


async def test_a_released_unknown_hold_refuses_the_one_that_comes_late(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    released = [await settle(auth, person, charge=0) for _ in range(2)]
    code, error = await refusal(hold(auth, person))

    assert [each.returned for each in released] == [0, 0]
    assert (code, error.detail_reason) == (grpc.StatusCode.FAILED_PRECONDITION, "HOLD_SETTLED")
    assert await auth.ledger(person) == (100, [100])


async def test_nothing_is_charged_beyond_what_is_held(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    await hold(auth, person, tokens=30)

    for call in (
        settle(auth, person, charge=31),
        settle(auth, person, charge=-1),
        settle(auth, person, charge=2**63 - 1),
        settle(auth, person, "task-never-held", charge=1),
    ):
        code, error = await refusal(call)
        assert code is grpc.StatusCode.INVALID_ARGUMENT
        assert [violation.field for violation in error.fields] == ["charge"]

    assert await auth.ledger(person) == (70, [100, -30])
    assert (await settle(auth, person, charge=30)).returned == 0


async def test_too_few_tokens_say_price_and_balance_and_leave_no_trace(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    code, error = await refusal(hold(auth, person, tokens=101))
    held = await hold(auth, person, tokens=100)

    assert (code, error.detail_reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_ENOUGH_TOKENS")
    assert error.metadata == {"price": "101", "balance": "100"}
    assert held.tokens == 0


async def test_a_hold_for_nobody_is_not_found_and_releasing_it_is_no_error(auth: RunningAuth) -> None:
    nobody = Person(user_id="nobody", email="", session_id="", secret="", token="")

    code, error = await refusal(hold(auth, nobody))
    released = await settle(auth, nobody)

    assert (code, error.detail_reason) == (grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")
    assert released.returned == 0


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"hold_id": ""}, "hold_id"),
        ({"hold_id": "x" * 65}, "hold_id"),
        ({"hold_id": "a\0b"}, "hold_id"),
        ({"tokens": 0}, "tokens"),
        ({"tokens": -5}, "tokens"),
        ({"tokens": 2**63 - 1}, "tokens"),
        ({"reason": "x" * 201}, "reason"),
        ({"reason": "a\0b"}, "reason"),
    ],
)
async def test_a_wrong_hold_names_its_field_and_takes_nothing(
    auth: RunningAuth, values: dict[str, Any], field: str
) -> None:
    person = await auth.sign_up()

    code, error = await refusal(hold(auth, person, **values))

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == [field]
    assert await auth.ledger(person) == (100, [100])


async def test_with_tokens_for_one_hold_exactly_one_of_many_succeeds(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    await warm(auth, person)

    results = await asyncio.gather(
        *(hold(auth, person, f"task-{number}", tokens=60) for number in range(12)), return_exceptions=True
    )

    refused = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert [each.code() for each in refused] == [grpc.StatusCode.FAILED_PRECONDITION] * 11
    assert await auth.ledger(person) == (40, [100, -60])
    assert len(await auth.sql("SELECT 1 FROM holds")) == 1


async def test_the_same_hold_sent_many_times_at_once_is_taken_once(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    await warm(auth, person)

    # The tokens suffice for one: a repeat that did not see the first would be refused.
    held = await asyncio.gather(*(hold(auth, person, tokens=60) for _ in range(12)))
    settled = await asyncio.gather(*(settle(auth, person, charge=50) for _ in range(12)))

    assert {each.tokens for each in held} == {40}
    assert {each.returned for each in settled} == {10}
    assert await auth.ledger(person) == (50, [100, -60, 10])


async def test_one_hold_id_for_two_people_at_once_holds_for_one(auth: RunningAuth) -> None:
    ada, eve = await auth.sign_up(), await auth.sign_up("eve@example.org")
    await warm(auth, ada)

    results = await asyncio.gather(hold(auth, ada), hold(auth, eve), return_exceptions=True)

    (refused,) = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert refused.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert sorted([(await auth.ledger(ada))[0], (await auth.ledger(eve))[0]]) == [90, 100]


async def test_a_hold_and_its_release_at_one_moment_never_strand_tokens(auth: RunningAuth) -> None:
    person = await auth.sign_up()
    await warm(auth, person)

    for number in range(10):
        await asyncio.gather(
            hold(auth, person, f"task-{number}"), settle(auth, person, f"task-{number}"), return_exceptions=True
        )

    balance, amounts = await auth.ledger(person)
    assert balance == sum(amounts) == 100
    assert await auth.sql("SELECT 1 FROM holds WHERE charge IS NULL") == []
    assert len(await auth.sql("SELECT 1 FROM holds")) == 10


async def test_holds_sign_ins_and_grants_of_one_person_at_once_all_succeed(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    await warm(auth, person)

    await asyncio.gather(
        *(hold(auth, person, f"task-{number}", tokens=1) for number in range(10)),
        *(auth.sign_in() for _ in range(4)),
        *(grant(auth, staff, person, 1, request_id=f"grant-{number}") for number in range(10)),
    )

    assert (await auth.ledger(person))[0] == 100


async def test_the_database_itself_refuses_a_balance_below_zero(auth: RunningAuth) -> None:
    person = await auth.sign_up()

    with pytest.raises(sa.exc.IntegrityError):
        await auth.sql("UPDATE users SET tokens = -1 WHERE uuid = :uuid", uuid=person.user_id)

    assert (await auth.ledger(person))[0] == START


async def test_anothers_purse_looks_like_a_missing_one(auth: RunningAuth) -> None:
    ada, eve, staff = await auth.sign_up(), await auth.sign_up("eve@example.org"), await auth.staff()

    for asked, caller in (
        (ada.user_id, eve), ("nobody", eve), ("nobody", staff), ("a\0b", staff), ("x" * 1000, staff),
    ):  # fmt: skip
        for call in (
            auth.purse.GetBalance(auth_pb2.GetBalanceRequest(user_id=asked), metadata=caller.metadata),
            auth.purse.ListEntries(auth_pb2.ListEntriesRequest(user_id=asked), metadata=caller.metadata),
        ):
            code, error = await refusal(call)
            assert (code, error.detail_reason) == (grpc.StatusCode.NOT_FOUND, "USER_NOT_FOUND")

    seen = await auth.purse.GetBalance(auth_pb2.GetBalanceRequest(user_id=ada.user_id), metadata=staff.metadata)
    assert seen.tokens == START


async def test_the_ledger_pages_newest_first_without_gaps_or_repeats(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    for number in range(1, 8):
        await grant(auth, staff, person, number, request_id=f"grant-{number}")

    pages, token = [], ""
    while True:
        page = await auth.purse.ListEntries(
            auth_pb2.ListEntriesRequest(page_size=3, page_token=token), metadata=person.metadata
        )
        pages.append([entry.amount for entry in page.entries])
        token = page.next_page_token
        # What is written meanwhile is newer than the page, so it shifts nothing.
        await hold(auth, person, f"task-{len(pages)}", tokens=1)
        if not token:
            break

    assert pages == [[7, 6, 5], [4, 3, 2], [1, 100]]
