"""`make screenshots`: the main pages of a running stack, in both themes and two widths, into docs/screenshots/."""

import io
import sys
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support import chromium
from tests.support.stack import Stack, temporary_data

TARGET: Final = Path(__file__).with_name("screenshots")
SIZES: Final = ((1440, 1000), (390, 844))
WIDE: Final = 768
"""From here on the panel stands beside the timeline; below it would cover it."""
PROMPTS: Final = (
    ("a red circle on a blue background", 2),
    ("a red boat on a calm sea at sunset, mountains behind", 4),
    ("a red house under a yellow sun", 4),
)
DRAWN_WITHIN_MS: Final = 120_000


def _account(page: Page, url: str) -> None:
    page.goto(f"{url}/sign-up")
    page.get_by_label("Email").fill("ada@example.org")
    page.get_by_label("Password", exact=True).fill("a calm sea at dawn")
    page.get_by_role("button", name="Create the account").click()
    page.wait_for_url("**/studio")


def _draw(page: Page, prompt: str, samples: int) -> None:
    if page.locator("#panel").is_hidden():
        page.get_by_role("button", name="Open the controls").click()
    page.locator("#prompt").fill(prompt)
    page.locator('#panel input[type=number][name="samples"]').fill(str(samples))
    page.keyboard.press("Control+Enter")
    expect(page.locator("#now")).to_be_visible()
    expect(page.locator("#now")).to_be_hidden(timeout=DRAWN_WITHIN_MS)


def _shoot(browser: Browser, url: str, state: str) -> None:
    for width, height in SIZES:
        for look in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if look == "dark" else "light",
                storage_state=state,
            )
            page = context.new_page()
            for name, path in (("landing", "/"), ("studio", "/studio"), ("account", "/account")):
                page.goto(f"{url}{path}", wait_until="networkidle" if name != "studio" else "load")
                if name == "studio":
                    expect(page.locator(".dd-tile-open img").first).to_be_visible()
                    if page.locator("#panel").is_hidden() and width >= WIDE:
                        page.get_by_role("button", name="Open the controls").click()
                    expect(page.locator(".dd-tile-open img").first).to_have_js_property("complete", True)
                _keep(page.screenshot(animations="disabled"), f"{name}-{width}-{look}")
            context.close()


def _keep(screenshot: bytes, name: str) -> None:
    # A fifth of the PNG's size, and nobody sees the difference.
    Image.open(io.BytesIO(screenshot)).save(TARGET / f"{name}.webp", quality=85, method=6)


def main() -> int:
    """Start a stack, draw some pictures as a person would, and photograph what that person sees."""
    TARGET.mkdir(exist_ok=True)
    with temporary_data() as data, sync_playwright() as playwright:
        stack = Stack(Path(data)).wait()
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            context = browser.new_context(viewport={"width": 1440, "height": 1000})
            page = context.new_page()
            _account(page, stack.url)
            for prompt, samples in PROMPTS:
                _draw(page, prompt, samples)
            state = Path(data) / "browser.json"
            context.storage_state(path=state)
            _shoot(browser, stack.url, str(state))
        finally:
            browser.close()
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
