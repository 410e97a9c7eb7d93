"""`make screenshots`: the main pages of a running stack, in both themes and two widths, into docs/screenshots/."""

import io
import sys
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.support import chromium, furnishing, visits
from tests.support.stack import Stack, temporary_data
from tests.support.visits import Visit

TARGET: Final = Path(__file__).with_name("screenshots")
SIZES: Final = ((1440, 1000), (390, 844))


def _shoot(browser: Browser, url: str, visit: Visit, state: Path | None) -> None:
    for width, height in SIZES:
        if visit.narrow_only and width >= visits.WIDE:
            continue
        for look in ("light", "dark"):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if look == "dark" else "light",
                storage_state=state,
            )
            page = context.new_page()
            visits.go(page, url, visit)
            _keep(page.screenshot(animations="disabled"), f"{visit.name}-{width}-{look}")
            context.close()


def _keep(screenshot: bytes, name: str) -> None:
    # A fifth of the PNG's size, and nobody sees the difference.
    Image.open(io.BytesIO(screenshot)).save(TARGET / f"{name}.webp", quality=85, method=6)


def main() -> int:
    """Start a stack, fill it as people would, and photograph what they see."""
    TARGET.mkdir(exist_ok=True)
    for old in TARGET.glob("*.webp"):
        old.unlink()
    with temporary_data() as data, sync_playwright() as playwright:
        stack = Stack(Path(data), plugins=True).wait()
        browser = playwright.chromium.launch(
            executable_path=chromium.find(), args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            remembered = furnishing.furnish(browser, stack, Path(data))
            for visit in (*visits.EVERY, *visits.PLUGINS, *visits.PLUGINS_AT_WORK):
                if visit.shown:
                    _shoot(browser, stack.url, visit, remembered[visit.who])
        finally:
            browser.close()
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
