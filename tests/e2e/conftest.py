"""A browser, and pages that report every error they log."""

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.support import chromium, threaded_gateway
from tests.support.threaded_gateway import Running

NewPage = Callable[..., Page]

PATIENCE_MS: Final = 60_000
"""How long a page may take to come to what a test waits for. It says nothing of the page: machines may be busy."""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, without a window and without calls home.

    Playwright keeps an event loop running in this thread while it is open; asynchronous tests that came after it in the
    same session could not run theirs.
    """
    path = chromium.find()
    assert path is not None, "no Chromium: run `python tests/support/chromium.py`"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-background-networking"], timeout=120_000
        )
        yield started
        started.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Opens a browser of its own with one page; at the end none may have logged an error."""
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        # A refusal is logged by the browser itself; that the page then says the right thing is what tests look at.
        if message.type in {"error", "warning"} and "Failed to load resource" not in message.text:
            wrong.append(message.text)

    def open_page(
        width: int = 1440, height: int = 1000, look: str = "light", context: BrowserContext | None = None
    ) -> Page:
        if context is None:
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if look == "dark" else "light",
                has_touch=width < 768,
            )
            contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.set_default_navigation_timeout(2 * PATIENCE_MS)
        page.on("console", heard)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.fixture
def pretend() -> Iterator[Running]:
    """A gateway before made-up backends, whose worker takes a moment for each step."""
    with threaded_gateway.running(step_seconds=0.02) as running:
        yield running
