"""Signing up, in and out."""

import re

import httpx
import pytest
from daydream.auth.v1 import auth_pb2

from services.foundation import errors, paths
from services.web.visitors import SESSION_COOKIE
from tests.support.gateway import PAGE, Site
from tests.support.gateway_accounts import PASSWORD


async def sign_in(site: Site, email: str = "ada@example.org", password: str = PASSWORD, **more: str) -> httpx.Response:
    """Fill in the form and send it."""
    token = await site.form_token()
    data = {"csrf_token": token, "email": email, "password": password, **more}
    return await site.http.post("/sign-in", data=data, headers=PAGE)


async def test_signing_in_opens_the_studio(site: Site) -> None:
    answer = await sign_in(site)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/studio"
    assert (await site.http.get("/studio", headers=PAGE)).status_code == 200


async def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(site: Site) -> None:
    answer = await sign_in(site)

    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith(SESSION_COOKIE))
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Expires" not in cookie


async def test_staying_signed_in_outlives_the_browser(site: Site) -> None:
    answer = await sign_in(site, stay="y")

    cookie = next(each for each in answer.headers.get_list("set-cookie") if each.startswith(SESSION_COOKIE))
    assert "Expires=" in cookie


async def test_a_session_that_was_planted_is_replaced(site: Site) -> None:
    site.http.cookies.set(SESSION_COOKIE, "planted-by-somebody-else")

    await sign_in(site)

    assert site.http.cookies.get(SESSION_COOKIE, domain="localhost.local") != "planted-by-somebody-else"


async def test_a_new_account_is_welcomed_with_its_tokens(site: Site) -> None:
    token = await site.form_token("/sign-up")
    data = {"csrf_token": token, "email": "eve@example.org", "password": "eight or more"}

    answer = await site.http.post("/sign-up", data=data, headers=PAGE)

    assert answer.headers["location"] == "/studio"
    assert "You start with 100 tokens." in (await site.http.get("/studio", headers=PAGE)).text


async def test_where_sign_up_is_closed_no_page_offers_it(site: Site) -> None:
    site.backends.auth.sign_up_mode = auth_pb2.SIGN_UP_MODE_CLOSED

    landing, sign_in_page, sign_up_page = [
        (await site.http.get(path, headers=PAGE)).text for path in ("/", "/sign-in", "/sign-up")
    ]

    assert "/sign-up" not in landing
    assert "/sign-up" not in sign_in_page
    assert "<form" not in sign_up_page.partition("<main")[2]
    assert "Nobody can create an account by themselves here" in sign_up_page


async def test_where_sign_up_is_by_code_the_form_asks_for_one(site: Site) -> None:
    site.backends.auth.sign_up_mode = auth_pb2.SIGN_UP_MODE_CODE
    site.backends.auth.invitations = {"ABCDE-FGHJK"}
    token = await site.form_token("/sign-up")
    data = {"csrf_token": token, "email": "eve@example.org", "password": "eight or more"}

    wrong = await site.http.post("/sign-up", data={**data, "code": "QQQQQ"}, headers=PAGE)
    right = await site.http.post("/sign-up", data={**data, "code": " ABCDE-FGHJK "}, headers=PAGE)

    assert wrong.status_code == 404
    assert 'id="code-wrong">This code is not valid.' in wrong.text
    assert right.headers["location"] == "/studio"


async def test_an_open_sign_up_asks_for_no_code(site: Site) -> None:
    page = (await site.http.get("/sign-up", headers=PAGE)).text

    assert 'name="code"' not in page


async def test_a_reset_link_sets_a_new_password_once(site: Site) -> None:
    site.backends.auth.reset_links = {"link-secret": "ada@example.org"}
    token = await site.form_token("/reset-password?token=link-secret")
    data = {"csrf_token": token, "token": "link-secret", "password": "a new one, and long"}

    first = await site.http.post("/reset-password", data=data, headers=PAGE)
    again = await site.http.post("/reset-password", data=data, headers=PAGE)

    assert first.headers["location"] == "/sign-in"
    assert again.status_code == 404
    assert "This link is not valid." in again.text
    assert (await sign_in(site, password="a new one, and long")).status_code == 303


async def test_a_reset_link_without_its_secret_says_so(site: Site) -> None:
    token = await site.form_token("/reset-password")

    answer = await site.http.post(
        "/reset-password", data={"csrf_token": token, "token": "", "password": "a new one, and long"}, headers=PAGE
    )

    assert answer.status_code == 422
    assert "This link is not complete." in answer.text


async def test_a_wrong_password_and_an_unknown_address_look_the_same(site: Site) -> None:
    wrong = await sign_in(site, password="not the one")
    unknown = await sign_in(site, email="who@example.org", password="not the one")

    def shown(page: str, email: str) -> str:
        page = re.sub(r'name="csrf_token"[^>]*>', "", page)
        return page.replace(email, "")

    assert (wrong.status_code, unknown.status_code) == (401, 401)
    assert "The email or the password is wrong." in wrong.text
    assert shown(wrong.text, "ada@example.org") == shown(unknown.text, "who@example.org")
    assert SESSION_COOKIE not in site.http.cookies


@pytest.mark.parametrize(
    "email", ["", "ada", "a@b@c", "ada@example.org\r\nBcc: all@example.org", "a da@example.org", "x" * 129]
)
async def test_what_is_no_address_never_reaches_auth(site: Site, email: str) -> None:
    answer = await sign_in(site, email=email)

    assert answer.status_code == 422
    assert 'id="email-wrong"' in answer.text
    assert "SignIn" not in site.backends.auth.calls


async def test_a_megabyte_of_password_never_reaches_auth(site: Site) -> None:
    answer = await sign_in(site, password="x" * 1_000_000)

    assert answer.status_code == 422
    assert "At most 256 characters." in answer.text
    assert "SignIn" not in site.backends.auth.calls


async def test_a_short_password_is_named_under_its_field(site: Site) -> None:
    token = await site.form_token("/sign-up")

    answer = await site.http.post(
        "/sign-up", data={"csrf_token": token, "email": "eve@example.org", "password": "short"}, headers=PAGE
    )

    assert answer.status_code == 422
    assert "Use 8 to 256 characters." in answer.text
    assert "eve@example.org" not in site.backends.auth.people


@pytest.mark.parametrize(
    ("email", "status", "sentence"),
    [
        ("ADA@example.org", 409, "There is an account with this address already."),
        ("bad@example.org", 422, "This address is refused."),
    ],
)
async def test_what_auth_says_stands_under_the_address(site: Site, email: str, status: int, sentence: str) -> None:
    token = await site.form_token("/sign-up")

    answer = await site.http.post(
        "/sign-up", data={"csrf_token": token, "email": email, "password": "eight or more"}, headers=PAGE
    )

    assert answer.status_code == status
    assert f'id="email-wrong">{sentence}' in answer.text


async def test_signing_out_ends_the_session_everywhere(site: Site) -> None:
    await sign_in(site)
    kept = site.http.cookies.get(SESSION_COOKIE, domain="localhost.local")
    token = await site.form_token("/studio")

    answer = await site.http.post("/sign-out", data={"csrf_token": token}, headers=PAGE)

    assert answer.headers["location"] == "/"
    assert SESSION_COOKIE not in site.http.cookies
    again = await site.http.get("/studio/state", headers={"Cookie": f"{SESSION_COOKIE}={kept}"})
    assert again.status_code == 401


async def test_two_cookies_of_our_name_are_believed_neither(site: Site) -> None:
    secret, _ = site.backends.auth.open("ada@example.org")
    planted, _ = site.backends.auth.open("bob@example.org")

    answer = await site.http.get(
        "/studio/state", headers={"Cookie": f"{SESSION_COOKIE}={secret}; {SESSION_COOKIE}={planted}"}
    )

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/sign-out", "/studio/tasks", "/studio/tasks/x/cancel"])
async def test_nothing_changes_without_a_form_token(site: Site, path: str) -> None:
    site.sign_in_as()

    answer = await site.http.post(path, json={"prompt": "a"})

    assert answer.status_code == 400
    assert answer.json()["reason"] == "FORM_OUT_OF_DATE"
    assert not site.backends.tasks.tasks


@pytest.mark.parametrize("origin", ["null", "https://evil.example", "http://localhost.evil.example"])
async def test_another_site_changes_nothing_even_with_a_token(site: Site, origin: str) -> None:
    site.sign_in_as()
    headers = await site.script_headers()

    answer = await site.http.post("/studio/tasks", json={"prompt": "a"}, headers={**headers, "Origin": origin})

    assert answer.status_code == 403
    assert not site.backends.tasks.tasks


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\t/evil",
        "javascript:0",
        "",
        "studio",
        "/" + "x" * 600,
    ],
)
async def test_a_sign_in_leads_only_on_to_paths_of_this_site(site: Site, wanted: str) -> None:
    answer = await sign_in(site, next=wanted)

    assert answer.headers["location"] == "/studio"


@pytest.mark.parametrize("wanted", ["/", "/studio", "/account?cursor=abc", "/studio?scope=all#timeline"])
def test_paths_of_this_site_are_led_on_to(wanted: str) -> None:
    assert paths.local(wanted, default="/other") == wanted


async def test_who_is_signed_in_passes_the_door_by(site: Site) -> None:
    site.sign_in_as()

    answer = await site.http.get("/sign-in?next=/account", headers=PAGE)

    assert (answer.status_code, answer.headers["location"]) == (303, "/account")


async def test_too_many_tries_are_told_to_wait(site: Site) -> None:
    token = await site.form_token()
    data = {"csrf_token": token, "email": "ada@example.org", "password": "not the one"}

    answers = [await site.http.post("/sign-in", data=data, headers=PAGE) for _ in range(21)]
    another = await site.http.post("/sign-in", data={**data, "email": "bob@example.org"}, headers=PAGE)

    assert another.status_code == 401
    assert [each.status_code for each in answers] == [401] * 20 + [429]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert site.backends.auth.calls.count("SignIn") == 21


async def test_an_account_cannot_be_guessed_at_under_other_spellings(site: Site) -> None:
    token = await site.form_token()
    spellings = ["ada@example.org", "ADA@example.org", " ada@example.org "] * 7

    answers = [
        await site.http.post(
            "/sign-in", data={"csrf_token": token, "email": email, "password": "not the one"}, headers=PAGE
        )
        for email in spellings
    ]

    assert answers[-1].status_code == 429


async def test_one_address_cannot_try_every_account(site: Site) -> None:
    token = await site.form_token()

    answers = [
        await site.http.post(
            "/sign-in", data={"csrf_token": token, "email": f"{n}@example.org", "password": "not the one"}, headers=PAGE
        )
        for n in range(121)
    ]

    assert {each.status_code for each in answers[:120]} == {401}
    assert answers[-1].status_code == 429


async def test_auth_that_is_away_takes_only_what_needs_it(site: Site) -> None:
    site.sign_in_as()
    await site.backends.auth_server.drain(0)

    landing = await site.http.get("/", headers=PAGE)
    studio = await site.http.get("/studio", headers=PAGE)

    assert landing.status_code == 200
    assert studio.status_code == 503
    assert "Nothing you have is lost" in studio.text


async def test_a_token_of_ours_that_auth_no_longer_believes_is_fetched_anew(site: Site) -> None:
    site.sign_in_as()
    await site.http.get("/studio", headers=PAGE)
    site.backends.auth.disbelieve = 1

    answer = await site.http.get("/studio", headers=PAGE)

    assert answer.status_code == 200
    assert site.backends.auth.calls.count("IssueServiceToken") == 2


async def test_a_token_of_ours_that_is_never_believed_is_asked_for_once_more_only(site: Site) -> None:
    site.sign_in_as()
    site.backends.auth.disbelieve = 1000

    answer = await site.http.get("/studio", headers=PAGE)

    assert answer.status_code == 503
    assert site.backends.auth.calls.count("IssueServiceToken") == 2


async def test_a_secret_that_auth_does_not_know_is_not_a_wrong_password(site: Site) -> None:
    site.backends.auth.refuse_services = True

    answer = await sign_in(site)

    assert answer.status_code == 503
    assert "wrong" not in answer.text.lower()


async def test_a_refused_sign_in_with_a_wait_says_how_long(site: Site) -> None:
    site.backends.auth.sign_in_refusal = errors.TooMuch("Too many tries.", reason="TOO_MANY_SIGN_INS", retry_after=9)

    answer = await sign_in(site)

    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "9"
    assert "Too many tries." in answer.text
