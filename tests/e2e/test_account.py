"""The account in a real browser: every tab's flow, wide and narrow."""

import csv
import re
import zipfile
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from services.web.visitors import SESSION_COOKIE
from tests.e2e.conftest import NewPage
from tests.support.gateway import ADA_KEY
from tests.support.gateway_accounts import PASSWORD
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]

TABS = ("", "/settings", "/tokens", "/keys", "/sessions", "/archive")
Enter = Callable[..., Page]


@pytest.fixture
def enter(pretend: Running, new_page: NewPage) -> Enter:
    """Opens a tab of Ada's account in a browser that is signed in already."""

    def open_tab(tab: str = "", width: int = 1440, height: int = 1000) -> Page:
        secret, _ = pretend.backends.auth.open("ada@example.org")
        page = new_page(width, height)
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": secret, "url": pretend.url}])
        page.goto(f"{pretend.url}/account{tab}")
        return page

    return open_tab


def draw(pretend: Running, samples: int) -> None:
    """Pictures of Ada's, asked for by her key."""
    with httpx.Client(base_url=pretend.url, headers=ADA_KEY, timeout=60) as http:
        asked = {"prompt": "A red boat on a calm sea", "samples": samples, "steps": 2}
        task = http.post("/api/v1/tasks", json=asked).json()
        with http.stream("GET", f"/api/v1/tasks/{task['id']}/events") as events:
            # The stream ends with the task.
            for _ in events.iter_lines():
                pass


def test_no_tab_is_wider_than_its_window_and_the_open_one_is_in_sight(pretend: Running, enter: Enter) -> None:
    draw(pretend, 3)
    page = enter("", 390, 844)

    for tab in TABS:
        page.goto(f"{pretend.url}/account{tab}")
        for width in (320, 390, 768, 1024, 1920):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (tab, width)
        page.set_viewport_size({"width": 390, "height": 844})
        page.reload()
        expect(page.get_by_role("navigation", name="Account").locator("[aria-current]")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width", [1440, 390])
def test_the_tabs_are_walked_and_the_studio_is_a_picture_away(pretend: Running, enter: Enter, width: int) -> None:
    draw(pretend, 2)
    page = enter("", width)

    for name, path in (("Settings", "/account/settings"), ("Archive", "/account/archive"), ("Overview", "/account")):
        page.get_by_role("navigation", name="Account").get_by_role("link", name=name).click()
        expect(page).to_have_url(f"{pretend.url}{path}")
    pictures = page.get_by_role("region", name="Latest pictures").get_by_role("listitem")
    expect(pictures).to_have_count(2)
    pictures.first.get_by_role("link").click()

    expect(page).to_have_url(f"{pretend.url}/studio?scope=all")


@pytest.mark.parametrize("width", [1440, 390])
def test_a_profile_is_edited_and_a_taken_address_is_told_under_its_field(
    pretend: Running, enter: Enter, width: int
) -> None:
    page = enter("/settings", width)

    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Email").fill("bob@example.org")
    page.get_by_role("button", name="Save the profile").click()
    expect(page.get_by_label("Email")).to_have_accessible_description("There is an account with this email already.")
    expect(page.get_by_label("Email")).to_be_focused()
    expect(page.get_by_label("First name")).to_have_value("Ada")
    page.get_by_label("Email").fill("ada@example.org")
    page.get_by_role("button", name="Save the profile").click()

    expect(page.get_by_role("status").filter(has_text="Saved.")).to_be_visible()
    assert pretend.backends.auth.ada.first_name == "Ada"


def test_a_password_is_changed_with_what_a_password_manager_looks_for(pretend: Running, enter: Enter) -> None:
    pretend.backends.auth.open("ada@example.org")
    page = enter("/settings")
    form = page.locator("form", has=page.get_by_role("heading", name="Password", exact=True))
    assert form.locator('input[autocomplete="username"]').input_value() == "ada@example.org"
    new = form.get_by_label("New password")
    expect(new).to_have_attribute("autocomplete", "new-password")

    form.get_by_label("Current password").fill(PASSWORD)
    new.fill("a colder sea at dusk")
    new.locator("xpath=following-sibling::button").click()
    expect(new).to_have_attribute("type", "text")
    form.get_by_role("button", name="Change the password").click()

    expect(page.get_by_role("status").filter(has_text="1 other session is over")).to_be_visible()
    assert pretend.backends.auth.ada.password == "a colder sea at dusk"


def test_the_appearance_is_chosen_once_for_settings_and_menu(enter: Enter) -> None:
    page = enter("/settings")
    settings = page.get_by_role("main").get_by_role("radiogroup", name="Appearance")
    expect(settings.get_by_label("System")).to_be_checked()

    settings.get_by_label("Dark").check()

    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(page.locator("#menu").get_by_label("Dark")).to_be_checked()
    expect(settings.get_by_label("Dark")).to_be_checked()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(settings.get_by_label("Dark")).to_be_checked()


@pytest.mark.parametrize("width", [1440, 390])
def test_an_account_goes_only_after_the_question_and_leaves_nothing_in_the_browser(
    pretend: Running, enter: Enter, width: int
) -> None:
    page = enter("/settings", width)
    page.evaluate("localStorage.setItem('dd-panel-test', 'a prompt')")
    page.get_by_label("Your password").fill(PASSWORD)
    delete, question = page.get_by_role("button", name="Delete my account"), page.get_by_role("dialog")

    delete.click()
    expect(question).to_contain_text("100 tokens are lost")
    question.get_by_role("button", name="Keep it").click()
    kept = page.evaluate("localStorage.getItem('dd-panel-test')")
    delete.click()
    question.get_by_role("button", name="Delete it").click()

    expect(page).to_have_url(f"{pretend.url}/")
    expect(page.get_by_role("status").filter(has_text="Your account is deleted.")).to_be_visible()
    assert kept == "a prompt"
    assert page.evaluate("localStorage.getItem('dd-panel-test')") is None
    assert "ada@example.org" not in pretend.backends.auth.people


@pytest.mark.parametrize("width", [1440, 390])
def test_a_code_is_redeemed_and_the_ledger_shown_in_parts(pretend: Running, enter: Enter, width: int) -> None:
    code = pretend.backends.auth.put_code(250)
    draw(pretend, 2)
    page = enter("/tokens", width)
    rows = page.get_by_role("region", name="Every entry").locator("tbody tr")

    page.get_by_label("Code from staff").fill("no such code")
    page.get_by_role("button", name="Add tokens").click()
    expect(page.get_by_label("Code from staff")).to_have_accessible_description(re.compile("This code is not valid"))
    page.get_by_label("Code from staff").fill(code)
    page.get_by_role("button", name="Add tokens").click()
    expect(page.get_by_role("status").filter(has_text="250 tokens were added")).to_be_visible()
    expect(page.locator("#purse")).to_have_text("348")
    expect(rows).to_have_count(3)
    page.get_by_role("link", name="Spent", exact=True).click()

    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Pictures by API key")
    expect(page.get_by_role("link", name="Spent", exact=True)).to_have_attribute("aria-current", "true")


def test_the_ledger_is_saved_as_a_file(enter: Enter) -> None:
    page = enter("/tokens")

    with page.expect_download() as saved:
        page.get_by_role("link", name="Save as CSV").click()

    with saved.value.path().open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert saved.value.suggested_filename.endswith(".csv")
    assert [row[1] for row in rows] == ["What", "Signed up"]


@pytest.mark.parametrize("width", [1440, 390])
def test_a_key_is_made_copied_and_revoked(pretend: Running, enter: Enter, width: int) -> None:
    page = enter("/keys", width)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.get_by_label("Name").fill("nightly")
    page.get_by_label("generate").uncheck()
    page.get_by_role("button", name="Make the key").click()
    secret = page.get_by_label("The secret").input_value()
    page.wait_for_load_state()
    # What the button says it says for a moment; here that does not pass before the test has looked.
    page.evaluate("() => { window.setTimeout = () => 0; }")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    # The answer is asked for once more, as a reload does.
    page.reload()
    expect(page.get_by_role("status").filter(has_text="That key was made already")).to_be_visible()
    keys = page.get_by_role("region", name="Your keys").get_by_role("listitem")
    expect(keys).to_have_count(1)
    expect(keys).to_contain_text("never used")
    page.get_by_role("button", name="Revoke nightly").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke it").click()

    expect(page.get_by_text("You have none.")).to_be_visible()
    assert secret == copied
    assert page.content().count(secret) == 0
    assert pretend.backends.auth.api_keys == []


def test_a_key_is_made_once_however_often_the_button_is_pressed(pretend: Running, enter: Enter) -> None:
    page = enter("/keys")
    page.get_by_label("Name").fill("nightly")

    page.get_by_role("button", name="Make the key").dblclick()

    expect(page.get_by_label("The secret")).to_be_visible()
    assert len(pretend.backends.auth.api_keys) == 1


def test_other_sessions_end_after_the_question(pretend: Running, enter: Enter) -> None:
    for _ in range(2):
        pretend.backends.auth.open("ada@example.org")
    page = enter("/sessions")
    sessions = page.get_by_role("region", name="Where you are signed in").get_by_role("listitem")
    expect(sessions).to_have_count(3)

    page.get_by_role("button", name="End all others").click()
    page.get_by_role("dialog").get_by_role("button", name="End them").click()

    expect(sessions).to_have_count(1)
    expect(page.get_by_role("status").filter(has_text="2 other sessions are over.")).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_all_pictures_are_saved_as_one_file(pretend: Running, enter: Enter, width: int) -> None:
    draw(pretend, 3)
    page = enter("/archive", width)

    with page.expect_download() as saved:
        page.get_by_role("link", name="Download all").click()

    with zipfile.ZipFile(saved.value.path()) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3
    assert re.fullmatch(r"daydream-[\d-]+\.zip", saved.value.suggested_filename)
    expect(page).to_have_url(f"{pretend.url}/account/archive")


def test_an_archive_that_breaks_off_is_a_failed_download(pretend: Running, enter: Enter) -> None:
    draw(pretend, 3)
    pretend.backends.tasks.archive_breaks_after = 1
    page = enter("/archive")

    with page.expect_download() as saved:
        page.get_by_role("link", name="Download all").click()

    assert saved.value.failure() is not None
