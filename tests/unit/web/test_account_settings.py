"""Profile, password, and leaving for good, each by a form of its own."""

from typing import Any

import pytest

from services.auth.errors import TooManySignIns
from services.foundation import errors
from services.web.visitors import SESSION_COOKIE
from tests.support.gateway import PAGE, Site
from tests.support.gateway_accounts import PASSWORD

PROFILE = {"email": "ada@example.org", "username": "", "first_name": "", "last_name": "", "mobile": ""}
NEW = "a colder sea at dusk"


async def sent(site: Site, form: str, fields: dict[str, str]) -> Any:
    """The answer to a form of the settings."""
    token = await site.form_token("/account/settings")
    return await site.http.post(f"/account/settings/{form}", data={"csrf_token": token, **fields}, headers=PAGE)


async def said(site: Site, path: str = "/account/settings") -> str:
    """The page after a form, with the sentence that was left for it."""
    return (await site.http.get(path, headers=PAGE)).text


async def test_the_settings_hold_what_the_profile_is(site: Site) -> None:
    site.backends.auth.ada.first_name = "<Ada> & co"
    site.sign_in_as()

    page = await said(site)

    assert 'value="ada@example.org"' in page
    assert 'value="&lt;Ada&gt; &amp; co"' in page
    assert "This is what you sign in with." in page


async def test_a_profile_is_changed_by_the_fields_that_differ(site: Site) -> None:
    site.sign_in_as()

    answer = await sent(site, "profile", {**PROFILE, "username": " ada ", "mobile": "+44 20"})

    ada = site.backends.auth.ada
    assert (answer.status_code, answer.headers["location"]) == (303, "/account/settings")
    assert (ada.username, ada.mobile, ada.email, ada.first_name) == ("ada", "+44 20", "ada@example.org", "")
    page = await said(site)
    assert "Saved." in page
    assert "from now on" not in page


async def test_a_field_is_emptied_by_sending_nothing_in_it(site: Site) -> None:
    site.backends.auth.ada.last_name = "Lovelace"
    site.sign_in_as()

    await sent(site, "profile", PROFILE)

    assert site.backends.auth.ada.last_name == ""


async def test_nothing_new_changes_nothing_and_says_so(site: Site) -> None:
    site.sign_in_as()

    await sent(site, "profile", PROFILE)

    assert "Everything is as it was." in await said(site)


async def test_a_new_address_is_what_one_signs_in_with_and_the_session_goes_on(site: Site) -> None:
    site.sign_in_as()

    await sent(site, "profile", {**PROFILE, "email": "lady@example.org"})

    assert "Sign in as lady@example.org from now on." in await said(site)
    assert set(site.backends.auth.people) == {"lady@example.org", "bob@example.org"}


@pytest.mark.parametrize(
    ("fields", "status", "field", "sentence"),
    [
        ({"email": "bob@example.org"}, 409, "email", "There is an account with this email already."),
        ({"email": "no address"}, 422, "email", "This is no email address."),
        ({"email": ""}, 422, "email", "Enter your email address."),
        ({"username": "x" * 33}, 422, "username", "At most 32 characters."),
        ({"mobile": "1" * 13}, 422, "mobile", "At most 12 characters."),
    ],
)
async def test_what_a_profile_cannot_be_stands_under_its_field_and_changes_nothing(
    site: Site, fields: dict[str, str], status: int, field: str, sentence: str
) -> None:
    site.sign_in_as()

    answer = await sent(site, "profile", {**PROFILE, "last_name": "Byron", **fields})

    assert answer.status_code == status
    assert f'id="{field}-wrong">{sentence}' in answer.text
    # What was typed is still there, and the tab is still the open one.
    assert 'value="Byron"' in answer.text
    assert 'aria-current="true">Settings' in answer.text
    assert site.backends.auth.ada.last_name == ""


async def test_a_new_password_ends_the_other_sessions_and_says_how_many(site: Site) -> None:
    for email in ("ada@example.org", "ada@example.org", "bob@example.org"):
        site.backends.auth.open(email)
    site.sign_in_as()

    answer = await sent(site, "password", {"current_password": PASSWORD, "new_password": NEW})

    assert answer.status_code == 303
    assert "Your password is changed; 2 other sessions are over." in await said(site)
    assert site.backends.auth.ada.password == NEW
    assert sorted(email for email, _ in site.backends.auth.sessions.values()) == ["ada@example.org", "bob@example.org"]


@pytest.mark.parametrize(
    ("fields", "status", "sentence"),
    [
        ({"current_password": "wrong", "new_password": NEW}, 401, "The current password is wrong."),
        ({"current_password": PASSWORD, "new_password": "short"}, 422, "Use 8 to 256 characters."),
        ({"current_password": "", "new_password": NEW}, 422, "Enter the password you have now."),
        ({"current_password": PASSWORD, "new_password": "x" * 257}, 422, "Use 8 to 256 characters."),
    ],
)
async def test_a_password_that_cannot_be_changed_stays_and_is_not_shown_again(
    site: Site, fields: dict[str, str], status: int, sentence: str
) -> None:
    site.backends.auth.open("ada@example.org")
    site.sign_in_as()

    answer = await sent(site, "password", fields)

    assert answer.status_code == status
    assert sentence in answer.text
    assert NEW not in answer.text
    assert PASSWORD not in answer.text
    assert site.backends.auth.ada.password == PASSWORD
    assert len(site.backends.auth.sessions) == 2


async def test_a_busy_auth_is_told_as_such_with_a_time_to_come_back(site: Site) -> None:
    site.backends.auth.password_refusal = TooManySignIns(retry_after=3)
    site.sign_in_as()

    answer = await sent(site, "password", {"current_password": PASSWORD, "new_password": NEW})

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3")
    assert "Too many people are signing in" in answer.text


async def test_a_session_that_ended_meanwhile_is_no_wrong_password(site: Site) -> None:
    site.backends.auth.password_refusal = errors.NotAuthenticated("Sign in again.", reason="SESSION_ENDED")
    site.sign_in_as()

    answer = await sent(site, "password", {"current_password": PASSWORD, "new_password": NEW})

    assert answer.status_code == 401
    assert "current_password-wrong" not in answer.text


async def test_passwords_cannot_be_guessed_at_from_an_open_browser(site: Site) -> None:
    site.sign_in_as()

    answers = [await sent(site, "delete", {"password": f"guess {each}"}) for each in range(11)]

    assert [each.status_code for each in answers] == [401] * 10 + [429]
    assert "ada@example.org" in site.backends.auth.people


async def test_an_account_is_deleted_for_its_password_and_the_browser_is_signed_out(site: Site) -> None:
    site.sign_in_as()

    answer = await sent(site, "delete", {"password": PASSWORD})

    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert f"{SESSION_COOKIE}=;" in answer.headers["set-cookie"].replace('""', "")
    assert set(site.backends.auth.people) == {"bob@example.org"}
    assert "Your account is deleted." in await said(site, "/")
    assert (await site.http.get("/account", headers=PAGE)).status_code == 303


@pytest.mark.parametrize(("password", "status"), [("wrong", 401), ("", 422)])
async def test_no_account_goes_for_another_password(site: Site, password: str, status: int) -> None:
    site.sign_in_as()

    answer = await sent(site, "delete", {"password": password})

    assert answer.status_code == status
    assert 'id="password-wrong"' in answer.text
    assert "ada@example.org" in site.backends.auth.people


async def test_the_last_of_the_staff_stays_and_is_told_why(site: Site) -> None:
    site.backends.auth.ada.staff = True
    site.sign_in_as()

    answer = await sent(site, "delete", {"password": PASSWORD})

    assert answer.status_code == 409
    assert "This is the last staff account; make another one first." in answer.text
    assert "ada@example.org" in site.backends.auth.people


@pytest.mark.parametrize("form", ["profile", "password", "delete"])
async def test_no_form_is_believed_without_its_token_and_its_address_leads_back(site: Site, form: str) -> None:
    site.sign_in_as()
    fields = {**PROFILE, "username": "x", "current_password": PASSWORD, "new_password": NEW, "password": PASSWORD}

    answer = await site.http.post(f"/account/settings/{form}", data=fields, headers=PAGE)
    opened = await site.http.get(f"/account/settings/{form}", headers=PAGE)

    assert answer.status_code == 400
    assert (opened.status_code, opened.headers["location"]) == (303, "/account/settings")
    ada = site.backends.auth.ada
    assert (ada.username, ada.password, "ada@example.org" in site.backends.auth.people) == ("", PASSWORD, True)
