"""Image to image and inpainting as a person does them: the studio in a browser, the real worker, the bundled model."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage
from tests.e2e.test_studio import open_panel, sign_up
from tests.support.panel import type_number
from tests.support.stack import Stack

pytestmark = pytest.mark.browser
DRAWN_WITHIN_MS = 180_000


def drawn(page: Page, url: str, count: int) -> "np.ndarray[Any, Any]":
    """Generate, and the newest picture once there are `count`."""
    expect(page.locator("#panel [data-generate]")).to_be_enabled()
    with page.expect_response("**/studio/tasks", timeout=60_000) as answered:
        page.keyboard.press("Control+Enter")
    assert answered.value.status == 202, answered.value.text()
    pictures = page.locator(".dd-tile-open img")
    expect(pictures).to_have_count(count, timeout=DRAWN_WITHIN_MS)
    source = page.locator(".dd-tile [data-part=download]").first.get_attribute("href")
    assert source is not None
    with Image.open(io.BytesIO(page.request.get(f"{url}{source}").body())) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def test_a_picture_is_begun_from_and_only_what_is_painted_over_changes(stack: Stack, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, stack.url)
    page.get_by_role("button", name="Keep the panel open").click()
    page.locator("#prompt").fill("a red house under a yellow sun")
    type_number(page, "steps", 10)
    first = drawn(page, stack.url, 1)

    page.locator(".dd-tile").first.locator('[data-part="more"]').click()
    page.get_by_role("menuitem", name="Use as start image").click()
    type_number(page, "strength", 0.3)
    near = drawn(page, stack.url, 2)
    open_panel(page)
    page.locator("#prompt").fill("a blue boat on the sea at night")
    page.get_by_role("button", name="Paint a mask").click()
    expect(page.locator("#brush-layer")).to_be_focused()
    box = page.locator("#brush-layer").bounding_box()
    assert box is not None
    page.locator("#brush-size").fill("40")
    for height in (0.7, 0.95):
        page.mouse.move(box["x"] + 1, box["y"] + height * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] - 1, box["y"] + height * box["height"], steps=3)
        page.mouse.up()
    page.get_by_role("button", name="Use this mask").click()
    expect(page.locator("#mask-words")).not_to_be_empty()
    expect(page.locator('#panel input[type=number][name="strength"]')).to_have_value("0.3")
    type_number(page, "strength", 1)
    filled = drawn(page, stack.url, 3)

    side = first.shape[0]
    assert np.abs(near - first).mean() < 40
    changed = np.abs(filled - first)
    assert changed[: side * 2 // 5].mean() < 0.5 * changed[side * 3 // 5 :].mean()
