"""A house that is lived in: people with pictures, codes, keys and a history, made by hand as they would make them."""

import re
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.stack import Stack
from tests.support.visits import Who, open_panel

PASSWORD: Final = "a calm sea at dawn"
PROMPTS: Final = (
    ("three yellow stars on a black background", 3),
    ("a red boat on a calm sea at sunset, mountains behind", 4),
    ("a red house under a yellow sun", 4),
)
OTHERS: Final = ("desk", "reader", "harbour", "loud")
DRAWN_WITHIN_MS: Final = 240_000
HANGS_AFTER_MS: Final = 60_000


def furnish(browser: Browser, stack: Stack, folder: Path, *, tag: str = "") -> dict[Who, Path | None]:
    """Fill the house; what each kind of visitor's browser remembers then. `tag` tells several houses' people apart."""
    staff = _page(browser)
    _sign_in(staff, stack)
    code = _issue_code(staff, stack.url)
    for name in OTHERS:
        stranger = _page(browser)
        _sign_up(stranger, stack.url, f"{name}{tag}@example.org")
        stranger.context.close()
    painter = _page(browser)
    email = f"painter{tag}@example.org"
    _sign_up(painter, stack.url, email)
    for prompt, samples in PROMPTS:
        _draw(painter, prompt, samples)
    _publish(painter, 3)
    _redeem(painter, stack.url, code)
    _make_key(painter, stack.url)
    _give(staff, stack.url, email)
    _suspend(staff, stack.url, f"loud{tag}@example.org")
    _hide(staff, stack.url)
    return {
        "nobody": None,
        "painter": _remember(painter.context, folder / "painter.json"),
        "staff": _remember(staff.context, folder / "staff.json"),
    }


def _page(browser: Browser) -> Page:
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.set_default_timeout(HANGS_AFTER_MS)
    return page


def _sign_in(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/sign-in")
    page.get_by_label("Email").fill(stack.email)
    page.get_by_label("Password", exact=True).fill(stack.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/studio")


def _sign_up(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/sign-up")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create the account").click()
    page.wait_for_url("**/studio")
    # Just after a start the worker may not have been seen yet; the page asks again by itself.
    expect(page.locator("#model option")).not_to_have_count(0, timeout=60_000)


def _draw(page: Page, prompt: str, samples: int) -> None:
    open_panel(page)
    page.locator("#prompt").fill(prompt)
    page.locator('#panel input[type=number][name="samples"]').fill(str(samples))
    expect(page.locator("#panel [data-generate]")).to_be_enabled()
    page.keyboard.press("Control+Enter")
    card = page.locator(".dd-task", has_text=prompt)
    expect(card.locator(".dd-tile-open")).to_have_count(samples, timeout=DRAWN_WITHIN_MS)


def _publish(page: Page, count: int) -> None:
    for card in page.locator(".dd-task").all()[:count]:
        card.locator(".dd-tile-open").first.click()
        page.get_by_role("button", name="Publish in the gallery").click()
        expect(page.get_by_role("button", name="Unpublish")).to_be_visible()
        page.keyboard.press("Escape")


def _issue_code(page: Page, url: str) -> str:
    page.goto(f"{url}/admin/codes")
    page.get_by_label("Tokens each").fill("250")
    page.get_by_label("How many may use it").fill("10")
    page.get_by_label("Reason").fill("for the spring workshop")
    page.get_by_role("button", name="Issue the code").click()
    return page.locator("#code-text").input_value()


def _redeem(page: Page, url: str, code: str) -> None:
    page.goto(f"{url}/account/tokens")
    page.get_by_label("Code from staff").fill(code)
    page.get_by_role("button", name="Add tokens").click()
    expect(page.get_by_text(re.compile(r"\+250")).first).to_be_visible()


def _make_key(page: Page, url: str) -> None:
    page.goto(f"{url}/account/keys")
    page.get_by_label("Name", exact=True).fill("nightly script")
    page.get_by_role("button", name="Make the key").click()
    expect(page.get_by_role("button", name=re.compile("^Revoke")).first).to_be_visible()


def _give(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/admin/tokens")
    page.get_by_label("Email or id").fill(email)
    page.get_by_label("Tokens", exact=True).fill("50")
    page.get_by_label("Reason").fill("thank you for the poster")
    page.get_by_role("button", name="Change the balance").click()
    expect(page.locator("table").get_by_text("+50").first).to_be_visible()


def _suspend(page: Page, url: str, email: str) -> None:
    page.goto(f"{url}/admin/users?q={email}")
    page.get_by_role("button", name=f"Actions for {email}").click()
    page.locator(".dropdown-menu.show").get_by_role("button", name="Suspend").click()
    page.locator("#confirm-yes").click()
    expect(page.get_by_text("suspended").first).to_be_visible()


def _hide(page: Page, url: str) -> None:
    page.goto(f"{url}/admin/gallery")
    page.locator("summary", has_text="Hide").first.click()
    page.get_by_label("Reason").first.fill("somebody's own picture was in it")
    page.get_by_role("button", name="Hide it").first.click()
    expect(page.get_by_text("hidden", exact=True).first).to_be_visible()


def _remember(context: BrowserContext, path: Path) -> Path:
    context.storage_state(path=path)
    context.close()
    return path
