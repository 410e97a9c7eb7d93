"""Codes that staff hand out, one at a time and in a crowd."""

import asyncio
import datetime as dt
import re
from typing import Any

import grpc
import pytest
from daydream.auth.v1 import auth_pb2, codes_pb2
from google.protobuf import timestamp_pb2

from services.foundation.database import utc_now
from tests.support.auth import Person, RunningAuth, refusal

CROWD = 50


async def issue(auth: RunningAuth, staff: Person, **values: Any) -> codes_pb2.IssueCodeResponse:
    """A code as staff make it, worth 25 tokens to one person unless told otherwise."""
    told: dict[str, Any] = {"kind": codes_pb2.CODE_KIND_TOKENS, "tokens": 25, "reason": "a welcome"} | values
    return await auth.codes.IssueCode(codes_pb2.IssueCodeRequest(**told), metadata=staff.metadata)


def redeem(auth: RunningAuth, person: Person, text: str) -> Any:
    """Redeem a code as a person does."""
    return auth.codes.RedeemCode(codes_pb2.RedeemCodeRequest(text=text), metadata=person.metadata)


async def redeem_in_a_crowd(auth: RunningAuth, person: Person, text: str) -> codes_pb2.RedeemCodeResponse:
    """Redeem it, again while the database is too busy: it waits 5 s for a turn, and then nothing has happened."""
    async with asyncio.timeout(300):
        while True:
            try:
                answer: codes_pb2.RedeemCodeResponse = await redeem(auth, person, text)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
            else:
                return answer


async def code_row(auth: RunningAuth, code_id: str) -> tuple[int, int]:
    """Redemptions counted, and noted."""
    (counted,) = await auth.sql("SELECT redemptions FROM codes WHERE code_id = :id", id=code_id)
    (noted,) = await auth.sql("SELECT count(*) FROM redemptions WHERE code_id = :id", id=code_id)
    return counted[0], noted[0]


async def test_a_code_is_shown_once_and_brings_its_tokens_with_the_reason(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()

    issued = await issue(auth, staff, reason="a prize")
    entry = (await redeem(auth, person, issued.text)).entry

    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}", issued.text)
    assert (issued.code.prefix, issued.code.max_redemptions) == (issued.text[:5], 1)
    assert issued.code.created_by == staff.user_id
    assert (entry.kind, entry.amount, entry.balance_after) == (auth_pb2.ENTRY_KIND_CODE, 25, 125)
    assert entry.reason == f"code {issued.code.prefix}-…: a prize"
    assert await auth.ledger(person) == (125, [100, 25])
    kept = str(await auth.sql("SELECT * FROM codes"))
    assert issued.text not in kept
    assert issued.text.replace("-", "") not in kept


async def test_how_a_code_is_typed_does_not_matter(auth: RunningAuth) -> None:
    staff, people = await auth.staff(), await auth.crowd(3)
    text = (await issue(auth, staff, max_redemptions=3)).text

    for person, typed in zip(
        people, (text.lower(), text.replace("-", " "), f" {text.replace('0', 'o').replace('1', 'l')}"), strict=True
    ):
        assert (await redeem(auth, person, typed)).entry.amount == 25


async def test_a_second_time_is_refused_and_changes_nothing(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    issued = await issue(auth, staff, max_redemptions=5)
    await redeem(auth, person, issued.text)

    code, error = await refusal(redeem(auth, person, issued.text))
    await auth.codes.WithdrawCode(codes_pb2.WithdrawCodeRequest(code_id=issued.code.code_id), metadata=staff.metadata)
    later = await refusal(redeem(auth, person, issued.text))

    assert (code, error.detail_reason) == (grpc.StatusCode.ALREADY_EXISTS, "CODE_REDEEMED")
    assert later[1].detail_reason == "CODE_REDEEMED"
    assert await auth.ledger(person) == (125, [100, 25])
    assert await code_row(auth, issued.code.code_id) == (1, 1)


async def test_a_code_that_is_worth_nothing_is_told_like_one_that_never_was(auth: RunningAuth) -> None:
    staff, (one, *_), person = await auth.staff(), await auth.crowd(1), await auth.sign_up()
    used_up, expired, withdrawn = [await issue(auth, staff) for _ in range(3)]
    invitation = await issue(auth, staff, kind=codes_pb2.CODE_KIND_INVITATION, tokens=0)
    await redeem(auth, one, used_up.text)
    await auth.sql(
        "UPDATE codes SET expire_time = :time WHERE code_id = :id",
        time=utc_now() - dt.timedelta(seconds=1),
        id=expired.code.code_id,
    )
    await auth.codes.WithdrawCode(
        codes_pb2.WithdrawCodeRequest(code_id=withdrawn.code.code_id), metadata=staff.metadata
    )

    answers = [
        await refusal(redeem(auth, person, text))
        for text in (
            used_up.text, expired.text, withdrawn.text, invitation.text,
            "", "x", "00000-00000-00000-00000-00000", "a\0b", "'; DROP TABLE codes; --", "ü" * 25, "x" * 1_000_000,
        )
    ]  # fmt: skip

    assert {(code, error.detail_reason, error.message) for code, error in answers} == {
        (
            grpc.StatusCode.NOT_FOUND,
            "CODE_NOT_VALID",
            "This code is not valid: it never was, has expired, was withdrawn or is used up.",
        )
    }
    assert await auth.ledger(person) == (100, [100])
    assert await auth.sql("SELECT user_id FROM redemptions") == [(one.user_id,)]


async def test_one_person_sending_a_code_many_times_at_once_redeems_it_once(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    issued = await issue(auth, staff, max_redemptions=CROWD)

    crowd = [redeem_in_a_crowd(auth, person, issued.text) for _ in range(CROWD)]
    results = await asyncio.gather(*crowd, return_exceptions=True)

    refused = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert [each.code() for each in refused] == [grpc.StatusCode.ALREADY_EXISTS] * (CROWD - 1)
    assert await auth.ledger(person) == (125, [100, 25])
    assert await code_row(auth, issued.code.code_id) == (1, 1)


@pytest.mark.parametrize("allowed", [1, 7])
async def test_of_a_crowd_as_many_redeem_a_code_as_it_allows(auth: RunningAuth, allowed: int) -> None:
    staff, people = await auth.staff(), await auth.crowd(CROWD)
    issued = await issue(auth, staff, max_redemptions=allowed)

    crowd = [redeem_in_a_crowd(auth, each, issued.text) for each in people]
    results = await asyncio.gather(*crowd, return_exceptions=True)

    refused = [each for each in results if isinstance(each, grpc.aio.AioRpcError)]
    assert [each.code() for each in refused] == [grpc.StatusCode.NOT_FOUND] * (CROWD - allowed)
    assert sorted([await auth.ledger(each) for each in people]) == sorted(
        [(25, [25])] * allowed + [(0, [])] * (CROWD - allowed)
    )
    assert await code_row(auth, issued.code.code_id) == (allowed, allowed)


async def test_withdrawing_is_final_noted_once_and_for_what_there_is(auth: RunningAuth) -> None:
    staff = await auth.staff()
    issued = await issue(auth, staff)
    request = codes_pb2.WithdrawCodeRequest(code_id=issued.code.code_id)

    first = (await auth.codes.WithdrawCode(request, metadata=staff.metadata)).code
    second = (await auth.codes.WithdrawCode(request, metadata=staff.metadata)).code
    missing = [
        await refusal(auth.codes.WithdrawCode(codes_pb2.WithdrawCodeRequest(code_id=each), metadata=staff.metadata))
        for each in ("", "nothing", "a\0b")
    ]

    assert not issued.code.HasField("withdrawn_time")
    assert first.HasField("withdrawn_time")
    assert first == second
    assert {(code, error.detail_reason) for code, error in missing} == {(grpc.StatusCode.NOT_FOUND, "CODE_NOT_FOUND")}


async def test_codes_page_newest_first_without_their_text(auth: RunningAuth) -> None:
    staff = await auth.staff()
    issued = [await issue(auth, staff, reason=f"number {number}") for number in range(3)]

    first = await auth.codes.ListCodes(codes_pb2.ListCodesRequest(page_size=2), metadata=staff.metadata)
    second = await auth.codes.ListCodes(
        codes_pb2.ListCodesRequest(page_size=2, page_token=first.next_page_token), metadata=staff.metadata
    )

    assert [*first.codes, *second.codes] == [each.code for each in reversed(issued)]
    assert second.next_page_token == ""


def at(seconds: int) -> timestamp_pb2.Timestamp:
    """Seconds from now."""
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(utc_now() + dt.timedelta(seconds=seconds))
    return stamp


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": codes_pb2.CODE_KIND_UNSPECIFIED}, "kind"),
        ({"kind": 99}, "kind"),
        ({"tokens": 0}, "tokens"),
        ({"tokens": -1}, "tokens"),
        ({"tokens": 1_000_000_001}, "tokens"),
        ({"tokens": 2**63 - 1}, "tokens"),
        ({"kind": codes_pb2.CODE_KIND_INVITATION, "tokens": 1}, "tokens"),
        ({"reason": " "}, "reason"),
        ({"reason": "x" * 151}, "reason"),
        ({"reason": "a\r\nb"}, "reason"),
        ({"max_redemptions": -1}, "max_redemptions"),
        ({"max_redemptions": 100_001}, "max_redemptions"),
        ({"expire_time": at(-1)}, "expire_time"),
        ({"expire_time": timestamp_pb2.Timestamp(seconds=2**62)}, "expire_time"),
    ],
)
async def test_a_wrong_code_names_its_field_and_is_not_made(
    auth: RunningAuth, values: dict[str, Any], field: str
) -> None:
    staff = await auth.staff()
    told: dict[str, Any] = {"kind": codes_pb2.CODE_KIND_TOKENS, "tokens": 25, "reason": "a welcome"} | values

    code, error = await refusal(auth.codes.IssueCode(codes_pb2.IssueCodeRequest(**told), metadata=staff.metadata))

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in error.fields] == [field]
    assert await auth.sql("SELECT 1 FROM codes") == []


async def test_a_code_lifts_no_balance_out_of_bounds_and_stays_unused(auth: RunningAuth) -> None:
    staff, person = await auth.staff(), await auth.sign_up()
    issued = await issue(auth, staff, expire_time=at(600))
    await auth.sql("UPDATE users SET tokens = 999999999999990 WHERE uuid = :uuid", uuid=person.user_id)

    code, _ = await refusal(redeem(auth, person, issued.text))
    await auth.sql("UPDATE users SET tokens = 100 WHERE uuid = :uuid", uuid=person.user_id)
    entry = (await redeem(auth, person, issued.text)).entry

    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert entry.balance_after == 125
