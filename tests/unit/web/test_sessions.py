"""Where one is signed in, ending it there, and what becomes of tasks when one leaves."""

import re
from typing import Any

import pytest

from services.web import browsers
from services.web.visitors import SESSION_COOKIE
from tests.support.gateway import PAGE, Site


def listed(page: str) -> list[str]:
    """The public ids in the list of sessions, as its buttons have them."""
    return re.findall(r'action="/account/sessions/([^"/]+)/end"', page)


async def ended(site: Site, path: str) -> Any:
    """The answer to a form of the account page's."""
    return await site.http.post(path, data={"csrf_token": await site.form_token("/account/sessions")}, headers=PAGE)


async def test_the_account_lists_every_session_and_marks_this_one(site: Site) -> None:
    _, elsewhere = site.backends.auth.open("ada@example.org")
    _, bobs = site.backends.auth.open("bob@example.org")
    here = site.sign_in_as()

    page = (await site.http.get("/account/sessions", headers=PAGE)).text

    assert listed(page) == [here, elsewhere]
    assert bobs not in page
    assert page.count("Firefox on Linux") >= 2
    assert page.count("this one") == 1
    assert page.index("this one") < page.index(f"/account/sessions/{here}/end") < page.index(elsewhere)


async def test_more_sessions_than_a_page_of_auth_holds_are_all_listed(site: Site) -> None:
    for _ in range(205):
        site.backends.auth.open("ada@example.org")
    site.sign_in_as()

    page = (await site.http.get("/account/sessions", headers=PAGE)).text

    assert len(set(listed(page))) == 206


async def test_a_session_ended_from_the_list_is_over_and_this_one_goes_on(site: Site) -> None:
    _, elsewhere = site.backends.auth.open("ada@example.org")
    here = site.sign_in_as()

    answer = await ended(site, f"/account/sessions/{elsewhere}/end")

    page = (await site.http.get("/account/sessions", headers=PAGE)).text
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/sessions")
    assert listed(page) == [here]
    assert "That session is over." in page
    assert "End all others" not in page


async def test_ending_this_session_leads_to_the_door(site: Site) -> None:
    here = site.sign_in_as()

    answer = await ended(site, f"/account/sessions/{here}/end")
    after = await site.http.get(answer.headers["location"], headers=PAGE)

    assert (after.status_code, after.headers["location"]) == (303, "/sign-in?next=/account/sessions")


async def test_all_others_end_at_once_and_nobody_elses(site: Site) -> None:
    for email in ("ada@example.org", "ada@example.org", "bob@example.org"):
        site.backends.auth.open(email)
    here = site.sign_in_as()

    await ended(site, "/account/sessions/end-others")

    page = (await site.http.get("/account/sessions", headers=PAGE)).text
    assert listed(page) == [here]
    assert "2 other sessions are over." in page
    assert [email for email, _ in site.backends.auth.sessions.values()].count("bob@example.org") == 1


async def test_anothers_session_is_as_one_that_is_over_already(site: Site) -> None:
    _, bobs = site.backends.auth.open("bob@example.org")
    site.sign_in_as()

    answers = [await ended(site, f"/account/sessions/{each}/end") for each in (bobs, "never-was")]

    assert {each.status_code for each in answers} == {303}
    assert any(session_id == bobs for _, session_id in site.backends.auth.sessions.values())
    assert "is over" not in (await site.http.get("/account/sessions", headers=PAGE)).text


@pytest.mark.parametrize("path", ["/account/sessions/session-1/end", "/account/sessions/end-others"])
async def test_no_session_ends_without_the_forms_token(site: Site, path: str) -> None:
    site.backends.auth.open("ada@example.org")
    site.sign_in_as()

    answer = await site.http.post(path, headers=PAGE)

    assert answer.status_code == 400
    assert len(site.backends.auth.sessions) == 2


async def test_what_becomes_of_tasks_when_one_leaves_is_a_choice_that_is_kept(site: Site) -> None:
    site.sign_in_as()
    headers = await site.script_headers()
    before = (await site.http.get("/studio/leaving")).json()

    chosen = await site.http.put("/studio/leaving", json={"leaving": "cancel"}, headers=headers)
    unknown = await site.http.put("/studio/leaving", json={"leaving": "perhaps"}, headers=headers)
    without_token = await site.http.put("/studio/leaving", json={"leaving": "keep"})

    assert before == {"leaving": "keep"}
    assert (chosen.status_code, chosen.json()) == (200, {"leaving": "cancel"})
    assert (unknown.status_code, without_token.status_code) == (422, 400)
    assert (await site.http.get("/studio/leaving")).json() == {"leaving": "cancel"}
    site.http.cookies.delete(SESSION_COOKIE)
    site.sign_in_as("bob@example.org")
    assert (await site.http.get("/studio/leaving")).json() == {"leaving": "keep"}


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
            "Safari/537.36 Edg/140.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on iPhone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile "
            "Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.9.1", "curl/8.9.1"),
        ("x" * 256, "x" * 60 + "…"),
        ("", "A browser that gives no name"),
    ],
)
def test_a_browser_is_named_as_people_name_it(user_agent: str, words: str) -> None:
    assert browsers.words(user_agent) == words
