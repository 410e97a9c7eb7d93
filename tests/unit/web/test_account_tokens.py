"""The purse: what is there, its ledger in parts and as a file, and codes."""

import csv
import datetime as dt
import io
import re
from typing import Any

import httpx
import pytest
from daydream.auth.v1 import auth_pb2

from tests.support.gateway import ADA_KEY, PAGE, Served, Site

TOKENS, FILE = "/account/tokens", "/account/tokens.csv"


def amounts(page: str) -> list[str]:
    """The third column of the ledger."""
    return re.findall(r'<td class="is-num"><span class="[^"]+">([^<]+)</span>', page)


def fill(site: Site, moves: list[int]) -> None:
    """Entries of the ledger, oldest first."""
    for amount in moves:
        site.backends.auth.move(site.backends.auth.ada, auth_pb2.ENTRY_KIND_GRANT, amount, "")


async def redeemed(site: Site, text: str) -> Any:
    """The answer to the form."""
    token = await site.form_token(TOKENS)
    return await site.http.post(TOKENS, data={"csrf_token": token, "text": text}, headers=PAGE)


async def test_a_part_of_the_ledger_is_chosen_by_the_server_page_by_page(site: Site) -> None:
    fill(site, [each if each % 2 else -each for each in range(1, 71)])
    site.sign_in_as()

    pages, link = [], f"{TOKENS}?show=spent"
    while link:
        page = (await site.http.get(link, headers=PAGE)).text
        pages.append(amounts(page))
        found = re.search(r'href="([^"]+)">Older entries', page)
        link = found[1].replace("&amp;", "&") if found else ""

    assert [len(each) for each in pages] == [30, 5]
    assert [each for page in pages for each in page] == [f"−{each}" for each in range(70, 0, -2)]


async def test_added_shows_what_lifted_the_balance_and_an_unknown_part_shows_all(site: Site) -> None:
    fill(site, [5, -3])
    site.sign_in_as()

    pages = [(await site.http.get(f"{TOKENS}?show={each}", headers=PAGE)).text for each in ("added", "nonsense")]

    assert [amounts(each) for each in pages] == [["+5", "+100"], ["−3", "+5", "+100"]]
    assert 'aria-current="true">Added' in pages[0]
    assert 'aria-current="true">All' in pages[1]


async def test_a_cursor_that_is_none_is_refused(site: Site) -> None:
    site.sign_in_as()

    answer = await site.http.get(f"{TOKENS}?cursor=nonsense", headers=PAGE)

    assert answer.status_code == 422


async def test_what_is_held_and_what_the_month_cost_stand_beside_the_balance(site: Site) -> None:
    auth = site.backends.auth
    auth.move(auth.ada, auth_pb2.ENTRY_KIND_HOLD, -20, "long-ago")
    auth.ada.entries[-1].created_time.FromDatetime(dt.datetime.now(dt.UTC) - dt.timedelta(days=40))
    auth.move(auth.ada, auth_pb2.ENTRY_KIND_HOLD, -7, "ended")
    auth.move(auth.ada, auth_pb2.ENTRY_KIND_HOLD, -4, "running")
    auth.ada.held, auth.open_holds["user-1"] = 4, 1
    site.sign_in_as()

    page = (await site.http.get(TOKENS, headers=PAGE)).text

    assert "<dt>Held by 1 task</dt><dd>4 tokens</dd>" in page
    assert "<dt>Spent this month</dt><dd>7 tokens</dd>" in page
    assert '<p class="dd-sum">69 ' in page


async def test_what_a_key_asked_for_is_called_so(site: Site) -> None:
    site.sign_in_as()
    task = (await site.http.post("/api/v1/tasks", json={"prompt": "at night"}, headers=ADA_KEY)).json()
    await site.backends.tasks.start(task["id"])
    before = (await site.http.get(TOKENS, headers=PAGE)).text
    await site.backends.tasks.deliver(task["id"])
    await site.backends.tasks.end(task["id"])

    after = (await site.http.get(TOKENS, headers=PAGE)).text

    assert "Held by API key" in before
    assert "running</span>" in before
    assert "Pictures by API key" in after


async def test_a_code_adds_its_tokens_and_the_next_page_says_so(site: Site) -> None:
    text = site.backends.auth.put_code(250)
    site.sign_in_as()

    answer = await redeemed(site, f"  {text.lower()} ")

    assert (answer.status_code, answer.headers["location"]) == (303, TOKENS)
    page = (await site.http.get(TOKENS, headers=PAGE)).text
    assert "250 tokens were added; you have 350 now." in page
    assert "Code redeemed" in page


async def test_each_refusal_of_a_code_is_a_sentence_under_the_field_and_adds_nothing(site: Site) -> None:
    again, used_up = site.backends.auth.put_code(1, max_redemptions=5), site.backends.auth.put_code(1)
    site.backends.auth.codes[1].redemptions = 1
    site.sign_in_as()
    await redeemed(site, again)

    answers = [await redeemed(site, each) for each in (again, used_up, "no-code", "", "x" * 129)]

    sentences = [
        "You have redeemed this code already.",
        "This code is not valid: it never was, has expired, was withdrawn or is used up.",
        "This code is not valid: it never was, has expired, was withdrawn or is used up.",
        "Enter the code that you were given.",
        "At most 128 characters.",
    ]
    assert [each.status_code for each in answers] == [409, 404, 404, 422, 422]
    for answer, sentence in zip(answers, sentences, strict=True):
        assert f'id="text-wrong">{sentence}' in answer.text
    assert site.backends.auth.ada.tokens == 101


async def test_codes_cannot_be_tried_without_end(site: Site) -> None:
    site.sign_in_as()

    answers = [await redeemed(site, f"guess-{each}") for each in range(11)]

    assert [each.status_code for each in answers] == [404] * 10 + [429]


async def test_no_code_is_redeemed_without_the_forms_token(site: Site) -> None:
    text = site.backends.auth.put_code(250)
    site.sign_in_as()

    answer = await site.http.post(TOKENS, data={"text": text}, headers=PAGE)

    assert answer.status_code == 400
    assert site.backends.auth.ada.tokens == 100


async def test_the_ledger_as_a_file_holds_every_entry_and_amounts_stay_numbers(site: Site) -> None:
    fill(site, [1] * 205)
    site.sign_in_as()

    answer = await site.http.get(FILE)

    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="daydream-tokens-[\d-]+\.csv"', answer.headers["content-disposition"])
    assert rows[0] == ["When (UTC)", "What", "About", "Task", "Tokens", "Balance"]
    assert len(rows) == 1 + 206
    assert rows[1][1:] == ["From staff", "1 picture", "", "1", "305"]
    assert answer.content.count(b"\r\n") == 1 + 206


@pytest.mark.parametrize("reason", ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(A1)", "\tx"])
async def test_no_text_in_the_file_is_a_formula_and_a_minus_is_still_a_number(site: Site, reason: str) -> None:
    fill(site, [-5])
    site.backends.auth.ada.entries[-1].reason = reason
    site.sign_in_as()

    answer = await site.http.get(FILE)

    row = list(csv.reader(io.StringIO(answer.text, newline="")))[1]
    assert (row[2], row[4]) == (f"'{reason}", "-5")


async def test_quotes_commas_lines_and_letters_come_back_from_the_file_as_they_were(site: Site) -> None:
    reason = 'für "Ada", 日本\nnext line'
    fill(site, [5])
    site.backends.auth.ada.entries[-1].reason = reason
    site.sign_in_as()

    answer = await site.http.get(FILE)

    assert list(csv.reader(io.StringIO(answer.content.decode(), newline="")))[1][2] == reason


async def test_the_file_is_for_the_person_alone(site: Site) -> None:
    fill(site, [5])
    site.sign_in_as("bob@example.org")

    bobs = await site.http.get(FILE)
    site.http.cookies.clear()
    strangers = await site.http.get(FILE)

    assert len(bobs.text.splitlines()) == 2
    assert strangers.status_code == 401


async def test_a_file_that_breaks_off_does_not_look_whole(served: Served) -> None:
    fill(served, [1] * 250)
    served.sign_in_as()
    served.backends.auth.entries_break_after = 2

    with pytest.raises(httpx.RemoteProtocolError):
        await served.http.get(FILE)


async def test_a_ledger_that_cannot_be_read_at_all_is_a_refusal_and_no_file(site: Site) -> None:
    site.sign_in_as()
    site.backends.auth.entries_break_after = 1

    answer = await site.http.get(FILE, headers=PAGE)

    assert answer.status_code == 503
    assert "content-disposition" not in answer.headers
