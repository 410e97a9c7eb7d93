"""Staff give and take tokens: once a form however often it is sent, all or nothing, with the reason in the ledger."""

import asyncio
import re
from typing import Any

import pytest
from daydream.auth.v1 import audit_pb2

from services.foundation import errors
from tests.support.desk import form_of, page, send, staff
from tests.support.gateway import PAGE, Site

ADA, TOKENS = "/admin/users/user-1", "/admin/tokens"


async def filled(site: Site, path: str, action: str, **typed: str) -> dict[str, str]:
    """A form as its page gave it out, filled in."""
    fields = {"direction": "give", "amount": "25", "reason": "a workshop", **typed}
    if path == TOKENS:
        fields = {"who": "ada@example.org", **fields}
    return {**await form_of(site, path, action), **fields}


PLACES = pytest.mark.parametrize(("path", "action"), [(ADA, f"{ADA}/tokens"), (TOKENS, TOKENS)])


async def post(site: Site, path: str, fields: dict[str, str]) -> Any:
    """Send a form that has its token already."""
    return await site.http.post(path, data=fields, headers=PAGE)


@PLACES
async def test_tokens_are_given_with_a_reason(site: Site, path: str, action: str) -> None:
    staff(site)

    answer = await post(site, action, await filled(site, path, action))

    entry = site.backends.auth.ada.entries[-1]
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    assert (entry.amount, entry.reason, entry.balance_after) == (25, "a workshop", 125)
    assert "25 tokens given. The balance is 125 now." in await page(site, path)


@PLACES
async def test_tokens_are_taken(site: Site, path: str, action: str) -> None:
    staff(site)

    await post(site, action, await filled(site, path, action, direction="take", amount="1"))

    assert site.backends.auth.ada.tokens == 99
    assert "1 token taken. The balance is 99 now." in await page(site, path)


@PLACES
async def test_a_form_sent_twice_gives_once(site: Site, path: str, action: str) -> None:
    staff(site)
    fields = await filled(site, path, action)

    answers = await asyncio.gather(*(post(site, action, fields) for _ in range(2)))

    assert [each.status_code for each in answers] == [303, 303]
    assert site.backends.auth.ada.tokens == 125
    assert len(site.backends.auth.deeds) == 1


async def test_the_next_form_gives_again(site: Site) -> None:
    staff(site)
    for _ in range(2):
        await post(site, f"{ADA}/tokens", await filled(site, ADA, f"{ADA}/tokens"))

    assert site.backends.auth.ada.tokens == 150


@PLACES
async def test_a_form_whose_answer_was_lost_is_sent_again_and_gives_once(site: Site, path: str, action: str) -> None:
    staff(site)
    fields = await filled(site, path, action)
    site.backends.auth.grant_refusal = errors.Unavailable()

    lost = await post(site, action, fields)
    again = await post(site, action, {**fields, **re_sent(lost.text, action)})

    assert lost.status_code == 503
    assert "it is not counted twice" in lost.text
    assert 'value="a workshop"' in lost.text
    assert again.status_code == 303
    assert site.backends.auth.ada.tokens == 125


def re_sent(text: str, action: str) -> dict[str, str]:
    """The hidden fields of the form as the page showed it again."""
    (form,) = re.findall(rf'<form[^>]*action="{action}"[^>]*>(.*?)</form>', text, re.DOTALL)
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form))


@PLACES
async def test_a_form_sent_again_with_other_content_gives_nothing_and_says_so(
    site: Site, path: str, action: str
) -> None:
    staff(site)
    fields = await filled(site, path, action)
    await post(site, action, fields)

    changed = await post(site, action, {**fields, "amount": "30"})
    then = await post(site, action, {**fields, "amount": "30", **re_sent(changed.text, action)})

    assert changed.status_code == 422
    assert "sent before, with other content" in changed.text
    assert then.status_code == 303
    assert site.backends.auth.ada.tokens == 155


@PLACES
async def test_more_than_there_is_is_not_taken_and_the_page_says_how_many_there_are(
    site: Site, path: str, action: str
) -> None:
    staff(site)

    answer = await post(site, action, await filled(site, path, action, direction="take", amount="101"))

    assert answer.status_code == 422
    assert re.search(r'id="amount-wrong">There are 100 to take; nothing was taken\.<', answer.text)
    assert 'value="101"' in answer.text
    assert re.search(r'value="take" checked', answer.text)
    assert (site.backends.auth.ada.tokens, site.backends.auth.deeds) == (100, [])


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("amount", "", "Enter how many."),
        ("amount", "0", "From 1 to 1,000,000,000."),
        ("amount", "-5", "From 1 to 1,000,000,000."),
        ("amount", "1000000001", "From 1 to 1,000,000,000."),
        ("amount", "a few", "Enter a whole number, like 50."),
        ("amount", "1.5", "Enter a whole number, like 50."),
        ("reason", "", "Say why; the person reads it in their ledger."),
        ("reason", "  ", "Say why; the person reads it in their ledger."),
        ("reason", "x" * 201, "At most 200 characters."),
        ("direction", "borrow", "Not a valid choice."),
    ],
)
async def test_what_is_filled_in_wrong_is_said_under_its_field_and_nothing_changes(
    site: Site, field: str, typed: str, sentence: str
) -> None:
    staff(site)

    answers = [
        await post(site, action, await filled(site, path, action, **{field: typed}))
        for path, action in ((ADA, f"{ADA}/tokens"), (TOKENS, TOKENS))
    ]

    assert [each.status_code for each in answers] == [422, 422]
    for each in answers:
        assert re.search(rf'id="{field}-wrong">{re.escape(sentence)}<', each.text)
    assert (site.backends.auth.ada.tokens, site.backends.auth.deeds) == (100, [])


async def test_a_form_without_its_id_is_refused(site: Site) -> None:
    staff(site)

    answer = await send(site, f"{ADA}/tokens", {"direction": "give", "amount": "5", "reason": "x"}, seen=ADA)

    assert answer.status_code == 422
    assert "This form is not complete." in answer.text
    assert site.backends.auth.ada.tokens == 100


@pytest.mark.parametrize("who", ["user-1", " ADA@example.org "])
async def test_somebody_is_named_by_address_or_id(site: Site, who: str) -> None:
    staff(site)

    answer = await post(site, TOKENS, await filled(site, TOKENS, TOKENS, who=who))

    assert answer.status_code == 303
    assert site.backends.auth.ada.tokens == 125
    assert "ada@example.org: 25 tokens given." in await page(site, TOKENS)


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        ("", "Enter whose tokens these are."),
        ("ada", "Nobody here has this address or id."),
        ("user", "Nobody here has this address or id."),
        ("nobody@example.org", "Nobody here has this address or id."),
    ],
)
async def test_a_part_of_an_address_names_nobody(site: Site, who: str, sentence: str) -> None:
    staff(site)

    answer = await post(site, TOKENS, await filled(site, TOKENS, TOKENS, who=who))

    assert answer.status_code == 422
    assert re.search(rf'id="who-wrong">{re.escape(sentence)}<', answer.text)
    assert site.backends.auth.deeds == []


async def test_what_was_given_and_taken_is_listed_and_nothing_else(site: Site) -> None:
    desk = staff(site)
    for amount in ("5", "7"):
        await post(site, TOKENS, await filled(site, TOKENS, TOKENS, amount=amount))
    await post(site, TOKENS, await filled(site, TOKENS, TOKENS, who=desk.user_id, direction="take", amount="3"))
    await send(site, f"{ADA}/suspend")
    await send(site, f"{ADA}/delete", {"typed": "ada@example.org"})
    # Takes the sentences that were left for the next page.
    await page(site, "/studio")

    text = await page(site, TOKENS)

    assert re.findall(r'dd-(?:gain|spend)">([^<]+)<', text) == ["−3", "+7", "+5"]
    assert text.count('data-label="by">desk@example.org<') == 3
    assert f'href="/admin/users/{desk.user_id}">desk@example.org<' in text
    assert "ada@example.org" not in text
    assert text.count("(deleted)") == 2


async def test_more_grants_than_a_page_holds_are_all_found_by_its_links(site: Site) -> None:
    staff(site)
    for number in range(45):
        site.backends.auth.note(
            audit_pb2.DEED_KIND_TOKENS_GRANTED, "user-5", f"+{number + 1} tokens: no. {number}", user_id="user-1"
        )
    seen, path = [], TOKENS

    while path:
        text = await page(site, path)
        seen += re.findall(r"no\. (\d+)<", text)
        more = re.search(r'href="([^"]+)" data-more=', text)
        path = more[1].replace("&amp;", "&") if more else ""

    assert seen == [str(number) for number in reversed(range(45))]
