"""The whole path against the whole stack: sign up, prompt, watch the bar move, keep the picture, sign out."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage
from tests.support.stack import Stack

pytestmark = pytest.mark.browser
DRAWN_WITHIN_MS = 240_000
WATCH_THE_BAR = """() => {
  const bar = document.getElementById("now-bar");
  window.barValues = [];
  new MutationObserver(() => window.barValues.push(bar.value)).observe(bar, { attributes: true });
}"""


def sign_up(page: Page, url: str) -> None:
    """Make an account of its own."""
    page.goto(f"{url}/")
    page.get_by_role("link", name="Open the studio").click()
    page.get_by_label("Email").fill(f"painter-{time.time_ns()}@example.org")
    page.get_by_label("Password", exact=True).fill("a calm sea at dawn")
    page.get_by_role("button", name="Create the account").click()
    expect(page).to_have_url(re.compile("/studio$"))
    # Just after a start the worker may not have been seen yet; the page asks again by itself.
    expect(page.locator("#model option")).not_to_have_count(0, timeout=60_000)


def open_panel(page: Page) -> None:
    """The panel is a sheet on narrow windows, and closed after a submit."""
    if page.locator("#panel").is_hidden():
        page.get_by_role("button", name="Open the controls").click()


def set_dial(page: Page, name: str, value: int) -> None:
    """Type a number beside a slider."""
    page.locator(f'#panel input[type=number][name="{name}"]').fill(str(value))


@pytest.mark.parametrize(("width", "height", "look"), [(1440, 1000, "light"), (390, 844, "dark")])
def test_from_sign_up_to_a_picture_that_stays(
    stack: Stack, new_page: NewPage, width: int, height: int, look: str
) -> None:
    page = new_page(width, height, look)
    sign_up(page, stack.url)
    expect(page.get_by_text("What would you like to see?")).to_be_visible()
    tokens = int(page.locator("#purse").inner_text())

    open_panel(page)
    page.locator("#prompt").fill("a red house under a yellow sun")
    set_dial(page, "samples", 2)
    # Enough of them to be seen moving, however quick the model is.
    set_dial(page, "steps", 30)
    page.evaluate(WATCH_THE_BAR)
    generate = page.locator("#panel [data-generate]")
    expect(generate).to_contain_text("tokens")
    price = int(re.search(r"(\d+) tokens?", generate.inner_text())[1])  # type: ignore[index]
    page.keyboard.press("Control+Enter")

    progress = page.locator("#now")
    expect(progress).to_be_visible()
    expect(page.locator(".dd-tile")).to_have_count(2)
    pictures = page.locator(".dd-tile-open img")
    expect(pictures).to_have_count(2, timeout=DRAWN_WITHIN_MS)
    expect(progress).to_be_hidden()
    values = page.evaluate("window.barValues")
    assert len(set(values)) >= 3, values
    assert values == sorted(values)
    seeds = page.locator('.dd-tile [data-part="seed"]').all_inner_texts()
    assert all(seed.isdigit() for seed in seeds)
    assert int(seeds[1]) == int(seeds[0]) + 1
    expect(page.locator("#purse")).to_have_text(str(tokens - price))

    page.reload()
    expect(pictures).to_have_count(2)
    assert page.locator('.dd-tile [data-part="seed"]').all_inner_texts() == seeds
    expect(pictures.first).not_to_have_js_property("naturalWidth", 0)
    expect(page.locator("#prompt")).to_have_value("a red house under a yellow sun")

    with page.expect_download() as saved:
        page.locator(".dd-tile-open").first.click()
        page.keyboard.press("s")
    assert saved.value.suggested_filename == f"daydream-{seeds[0]}.png"
    page.keyboard.press("Escape")

    if width < 900:
        page.get_by_role("button", name="Menu", exact=True).click()
    page.get_by_role("button", name="Sign out").locator("visible=true").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.goto(f"{stack.url}/studio")
    expect(page).to_have_url(re.compile("/sign-in"))


def test_the_first_staff_account_signs_in_and_may_cancel(stack: Stack, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{stack.url}/sign-in")
    page.get_by_label("Email").fill(stack.email)
    page.get_by_label("Password", exact=True).fill(stack.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/studio$"))
    expect(page.locator("#model option")).not_to_have_count(0, timeout=60_000)
    tokens = page.locator("#purse").inner_text()

    page.locator("#prompt").fill("a blue circle")
    set_dial(page, "samples", 10)
    set_dial(page, "steps", 50)
    # As large as may be, so that it is not over before somebody has pressed twice.
    for side in ("width", "height"):
        set_dial(page, side, 256)
    page.locator("#panel [data-generate]").click()
    page.locator("#now-cancel").click()

    expect(page.locator('[data-state="CANCELLED"]')).to_be_visible(timeout=DRAWN_WITHIN_MS)
    expect(page.locator("#now")).to_be_hidden()
    delivered = page.locator(".dd-tile-open").count()
    expect(page.locator("#purse")).to_have_text(str(int(tokens) - delivered))
