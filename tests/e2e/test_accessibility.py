"""axe-core on every page in both themes: no violation of WCAG 2.2, levels A and AA."""

import json
import time
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support import furnishing, visits
from tests.support.stack import Stack
from tests.support.visits import Visit, Who

pytestmark = [pytest.mark.browser, pytest.mark.rotating]

RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")
"""What the standard asks for, and what axe thinks good beside it."""
SIZES: Final = {"wide": (1440, 1000), "narrow": (390, 844)}


@pytest.fixture(scope="module")
def people(browser: Browser, stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[Who, Path | None]:
    """What browsers of each kind of visitor remember, a house full of pictures behind them."""
    folder = tmp_path_factory.mktemp("people")
    return furnishing.furnish(browser, stack, folder, tag=f"-{time.time_ns()}")


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("visit", visits.EVERY, ids=lambda visit: visit.name)
def test_no_page_breaks_the_rules_of_accessibility(
    browser: Browser, stack: Stack, people: dict[Who, Path | None], visit: Visit, look: str
) -> None:
    width, height = SIZES[visits.size_today(visit, look)]
    context = _context(browser, people[visit.who], width, height, look)
    page = context.new_page()
    page.set_default_timeout(furnishing.HANGS_AFTER_MS)
    visits.go(page, stack.url, visit)

    found = _violations(page)

    context.close()
    assert found == [], json.dumps(found, indent=1)


def _context(browser: Browser, state: Path | None, width: int, height: int, look: str) -> BrowserContext:
    return browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if look == "dark" else "light",
        # What moves is not to be measured half-way.
        reduced_motion="reduce",
        storage_state=state,
    )


def _violations(page: Page) -> list[dict[str, Any]]:
    options = {"runOnly": {"type": "tag", "values": list(RULES)}, "resultTypes": ["violations"]}
    answer = Axe().run(page, options=options).response
    return [
        {"rule": each["id"], "help": each["help"], "nodes": [node["html"][:200] for node in each["nodes"]][:5]}
        for each in answer["violations"]
    ]
