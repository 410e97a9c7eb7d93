"""The account at a glance, the frame of its tabs, and the page about the archive."""

import re

import pytest

from services.web.pages.account.archive import size
from tests.support.gateway import PAGE, Site
from tests.unit.web.test_archives import draw

TABS = {
    "/account": "Overview",
    "/account/settings": "Settings",
    "/account/tokens": "Tokens",
    "/account/keys": "API keys",
    "/account/sessions": "Sessions",
    "/account/archive": "Archive",
}


@pytest.mark.parametrize("path", TABS)
async def test_every_tab_is_an_address_and_says_which_is_open(site: Site, path: str) -> None:
    site.sign_in_as()

    page = (await site.http.get(path, headers=PAGE)).text

    tabs = re.search(r'<nav aria-label="Account">.*?</nav>', page, re.DOTALL)
    assert tabs is not None
    assert re.findall(r'href="([^"]+)"', tabs[0]) == list(TABS)
    assert re.findall(r'aria-current="page">([^<]+)</a>', tabs[0]) == [TABS[path]]
    # The way to the account in the head of the page is the current one on every tab.
    assert re.search(r'href="/account" aria-label="Account"[^>]* aria-current="page"', page)


@pytest.mark.parametrize("path", TABS)
async def test_a_stranger_is_led_to_the_door_and_back_to_the_tab(site: Site, path: str) -> None:
    answer = await site.http.get(path, headers=PAGE)

    assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={path}")


async def test_the_overview_says_who_one_is_and_what_one_has(site: Site) -> None:
    ada = site.backends.auth.ada
    ada.username, ada.first_name, ada.last_name, ada.mobile = "lovelace", "Ada", "King", "+44 20"
    session_id = site.sign_in_as()

    page = (await site.http.get("/account", headers=PAGE)).text

    for text in ("ada@example.org", "lovelace", "Ada King", "+44 20", "user-1", session_id, "<dd>user</dd>"):
        assert text in page, text
    assert "the session's is new at every sign-in" in page
    assert f'<time datetime="{ada.created_time.ToDatetime():%Y-%m-%d}' in page


async def test_the_session_id_is_another_one_after_signing_in_anew(site: Site) -> None:
    first = site.sign_in_as()
    second = site.sign_in_as()

    page = (await site.http.get("/account", headers=PAGE)).text

    assert f'<dd class="dd-code">{second}</dd>' in page
    assert first not in page


async def test_the_latest_pictures_are_shown_small_and_lead_to_the_studio(site: Site) -> None:
    await draw(site, "bob@example.org")
    older, newer = await draw(site, samples=3), await draw(site, samples=6)

    page = (await site.http.get("/account", headers=PAGE)).text

    shown = re.findall(r'<li><a href="([^"]+)"><img src="/images/([^"?]+)\?size=small"', page)
    assert [image for _, image in shown] == [*newer, *older[:2]]
    assert {link for link, _ in shown} == {"/studio?scope=all"}
    assert "9 pictures made" in page


async def test_without_pictures_the_overview_invites_to_make_one(site: Site) -> None:
    site.sign_in_as()

    page = (await site.http.get("/account", headers=PAGE)).text

    assert "You have not made a picture yet." in page
    assert "0 pictures made" in page


async def test_while_tasks_is_away_the_account_itself_is_still_shown(site: Site) -> None:
    site.sign_in_as()
    await site.backends.tasks_server.drain(0)

    answer = await site.http.get("/account", headers=PAGE)

    assert answer.status_code == 200
    assert "Signed up" in answer.text
    assert "does not answer at the moment" in answer.text


async def test_the_archive_page_says_how_much_there_is_and_offers_this_session_apart(site: Site) -> None:
    await draw(site)
    await draw(site, samples=1)
    session = next(reversed(site.backends.tasks.tasks.values())).session_id

    page = (await site.http.get("/account/archive", headers=PAGE)).text

    assert re.search(r'dd-sum">3 <span[^>]*>pictures, 6\.2 kB</span>', page)
    assert 'href="/account/archive.zip"' in page
    assert f'href="/account/archive.zip?session={session}"' in page
    assert "This session only (1)" in page


async def test_with_nothing_to_pack_the_archive_page_offers_no_download(site: Site) -> None:
    site.sign_in_as()

    page = (await site.http.get("/account/archive", headers=PAGE)).text

    assert "There is nothing to pack yet" in page
    assert "archive.zip" not in page


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (9_960, "10 kB"),
        (999_400, "999 kB"),
        (999_600, "1.0 MB"),
        (123_456_789, "123 MB"),
        (4_560_000_000, "4.6 GB"),
        (4_560_000_000_000, "4,560 GB"),
    ],
)
def test_sizes_are_told_as_people_read_them(count: int, words: str) -> None:
    assert size(count) == words
