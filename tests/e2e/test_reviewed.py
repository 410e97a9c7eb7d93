"""What reviews found in the studio's scripts, so that it stays found."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage
from tests.e2e.test_pages import ask_for, sign_in
from tests.support.threaded_gateway import Running

pytestmark = pytest.mark.browser

REFUSE_TO_KEEP = """() => {
  for (const store of ["localStorage", "sessionStorage"]) {
    Object.defineProperty(window, store, { get() { throw new DOMException("refused", "SecurityError"); } });
  }
}"""


def two_pictures(page: Page, url: str) -> None:
    """A timeline of two pictures."""
    sign_in(page, url)
    page.locator('input[type=number][name="samples"]').fill("2")
    ask_for(page, "a red house")
    expect(page.locator(".dd-tile-open")).to_have_count(2)


def test_a_key_that_is_held_down_asks_once(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.get_by_role("button", name="Keep the panel open").click()
    page.locator("#prompt").fill("a red house")

    page.keyboard.down("Control")
    page.keyboard.down("Enter")
    expect(page.locator(".dd-tile-open")).to_have_count(1)
    page.keyboard.down("Enter")
    page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    page.keyboard.up("Control")

    expect(page.locator("#panel [data-generate]")).to_have_attribute("aria-busy", "false")
    assert len(pretend.backends.tasks.tasks) == 1


def test_the_viewers_keys_work_on_after_its_last_picture_was_reached_by_a_press(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    two_pictures(page, pretend.url)
    page.locator(".dd-tile-open").first.click()
    page.get_by_role("button", name="Next picture").click()
    expect(page.locator("#viewer-count")).to_have_text("2 of 2")

    page.keyboard.press("ArrowLeft")

    expect(page.locator("#viewer-count")).to_have_text("1 of 2")


def test_what_the_viewer_is_refused_is_told_above_it(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    two_pictures(page, pretend.url)
    page.locator(".dd-tile-open").first.click()
    page.route("**/published", lambda route: route.fulfill(status=503, json={"detail": "The gallery is away."}))

    page.get_by_role("button", name="Publish in the gallery").click()

    expect(page.locator("#viewer #notice-words")).to_have_text("The gallery is away.")
    page.keyboard.press("Escape")
    expect(page.locator("body > .dd-toast #notice-words")).to_be_visible()


def test_a_browser_that_keeps_nothing_still_draws(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    page.add_init_script(f"({REFUSE_TO_KEEP})()")
    sign_in(page, pretend.url)

    ask_for(page, "a red house")

    expect(page.locator(".dd-tile-open")).to_have_count(1)
    expect(page).to_have_url(re.compile("/studio$"))
