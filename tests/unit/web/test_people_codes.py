"""Codes, for staff: making one whose text is shown once, the list, making one worthless, who may sign up."""

import datetime as dt
import re
from typing import Any

import pytest
from daydream.auth.v1 import auth_pb2, codes_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.desk import form_of, page, send, staff
from tests.support.gateway import PAGE, Site

CODES = "/admin/codes"


async def issued(site: Site, **typed: str) -> Any:
    """The answer to the form, filled in."""
    fields = {"kind": "tokens", "tokens": "100", "max_redemptions": "1", "expire_time": "", "reason": "a welcome"}
    return await site.http.post(CODES, data={**await form_of(site, CODES, CODES), **fields, **typed}, headers=PAGE)


def ended(days: int) -> Timestamp:
    """A time some days from now."""
    stamp = Timestamp()
    stamp.FromDatetime(dt.datetime.now(dt.UTC) + dt.timedelta(days=days))
    return stamp


async def test_a_code_for_tokens_is_made_and_its_text_shown_once(site: Site) -> None:
    staff(site)

    answer = await issued(site, max_redemptions="20")

    (code,) = site.backends.auth.codes
    assert answer.status_code == 200
    assert (code.kind, code.tokens, code.max_redemptions) == (codes_pb2.CODE_KIND_TOKENS, 100, 20)
    assert (code.reason, code.HasField("expire_time")) == ("a welcome", False)
    assert 'id="code-text" value="AAAA1-BBBBB-CCCCC-DDDDD-EEEEE"' in answer.text
    assert "no-store" in answer.headers["cache-control"]
    assert 'active" href="/admin/codes"' in answer.text
    assert "BBBBB" not in (listed := await page(site, CODES))
    assert "AAAA1-…" in listed


async def test_an_invitation_is_worth_no_tokens_whatever_stands_in_the_hidden_field(site: Site) -> None:
    staff(site)

    answers = [await issued(site, kind="invitation", tokens=typed) for typed in ("100", "", "a few")]

    assert [each.status_code for each in answers] == [200, 200, 200]
    assert {(each.kind, each.tokens) for each in site.backends.auth.codes} == {(codes_pb2.CODE_KIND_INVITATION, 0)}


async def test_a_code_is_good_on_its_last_day(site: Site) -> None:
    staff(site)
    today = dt.datetime.now(dt.UTC).date()

    await issued(site, expire_time=today.isoformat())

    (code,) = site.backends.auth.codes
    assert code.expire_time.ToDatetime() == dt.datetime.combine(today, dt.time(23, 59, 59))


async def test_reloading_the_page_with_the_text_makes_no_other_code(site: Site) -> None:
    staff(site)
    fields = {
        **await form_of(site, CODES, CODES),
        "kind": "tokens",
        "tokens": "5",
        "max_redemptions": "1",
        "reason": "x",
    }
    await site.http.post(CODES, data=fields, headers=PAGE)

    again = await site.http.post(CODES, data=fields, headers=PAGE)

    assert (again.status_code, again.headers["location"]) == (303, CODES)
    assert "its text is shown only once" in await page(site, CODES)
    assert len(site.backends.auth.codes) == 1


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("tokens", "0", "From 1 to 1,000,000,000."),
        ("tokens", "", "Enter a whole number, like 50."),
        ("tokens", "ten", "Enter a whole number, like 50."),
        ("max_redemptions", "", "Enter how many."),
        ("max_redemptions", "0", "From 1 to 100,000."),
        ("max_redemptions", "100001", "From 1 to 100,000."),
        ("expire_time", "2020-01-01", "This day is over."),
        ("expire_time", "soon", "Enter a day, like 2030-12-31."),
        ("reason", " ", "Say what it is for."),
        ("reason", "x" * 151, "At most 150 characters."),
        ("kind", "a gift", "Not a valid choice."),
    ],
)
async def test_what_is_filled_in_wrong_is_said_under_its_field_and_makes_no_code(
    site: Site, field: str, typed: str, sentence: str
) -> None:
    staff(site)

    answer = await issued(site, **{field: typed})

    assert answer.status_code == 422
    assert re.search(rf'id="{field}-wrong">{re.escape(sentence)}<', answer.text)
    assert site.backends.auth.codes == []


async def test_the_list_says_what_each_code_is_worth_how_often_it_was_used_and_how_it_stands(site: Site) -> None:
    desk = staff(site)
    for number, (uses, ends, withdrawn) in enumerate([(0, 5, False), (3, 0, False), (1, -1, False), (0, 0, True)]):
        code = codes_pb2.Code(
            code_id=f"code-{number}",
            kind=codes_pb2.CODE_KIND_INVITATION if number == 3 else codes_pb2.CODE_KIND_TOKENS,
            prefix=f"DAWN{number}",
            tokens=0 if number == 3 else 1,
            reason="for a guest",
            max_redemptions=3,
            redemptions=uses,
            created_by=desk.user_id if number else "",
        )
        if ends:
            code.expire_time.CopyFrom(ended(ends))
        if withdrawn:
            code.withdrawn_time.CopyFrom(ended(0))
        site.backends.auth.codes.append(code)

    rows = re.findall(r"<tr><td.*?</tr>", await page(site, CODES), re.DOTALL)

    assert [re.findall(r'dd-chip [^"]*">([^<]+)<', row)[0] for row in rows] == [
        "withdrawn",
        "expired",
        "used up",
        "good",
    ]
    assert "an invitation" in rows[0]
    assert "1 token<" in rows[1]
    assert "3 of 3" in rows[2]
    assert "by desk@example.org" in rows[2]
    assert "by the command line" in rows[3]
    assert ["Withdraw the code" in row for row in rows] == [False, False, False, True]


async def test_a_code_that_is_withdrawn_is_worth_nothing_and_twice_is_no_error(site: Site) -> None:
    staff(site)
    await issued(site)

    answers = [await send(site, f"{CODES}/code-1/withdraw") for _ in range(2)]

    assert {(each.status_code, each.headers["location"]) for each in answers} == {(303, CODES)}
    assert site.backends.auth.codes[0].HasField("withdrawn_time")
    assert "The code AAAA1-… is worth nothing any more." in await page(site, CODES)


async def test_a_code_that_is_not_there_is_not_withdrawn(site: Site) -> None:
    staff(site)

    answer = await send(site, f"{CODES}/nothing/withdraw")

    assert answer.status_code == 404


async def test_more_codes_than_a_page_holds_are_all_found_by_its_links(site: Site) -> None:
    staff(site)
    for number in range(45):
        site.backends.auth.codes.append(codes_pb2.Code(code_id=f"c{number}", prefix=f"P{number}", max_redemptions=1))
    seen, path = [], CODES

    while path:
        text = await page(site, path)
        seen += re.findall(r'dd-code">P(\d+)-…', text)
        more = re.search(r'href="([^"]+)" data-more=', text)
        path = more[1].replace("&amp;", "&") if more else ""

    assert seen == [str(number) for number in reversed(range(45))]


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        (auth_pb2.SIGN_UP_MODE_OPEN, "Sign-up is open to everybody"),
        (auth_pb2.SIGN_UP_MODE_CODE, "Sign-up is by invitation"),
        (auth_pb2.SIGN_UP_MODE_CLOSED, "Sign-up is closed"),
    ],
)
async def test_the_page_says_who_may_sign_up(site: Site, mode: Any, sentence: str) -> None:
    site.backends.auth.sign_up_mode = mode
    staff(site)

    assert sentence in await page(site, CODES)
