"""Inpainting: a mask painted over the start image, with the mouse, with the keyboard, and what becomes of it."""

import numpy as np
import pytest
from daydream.gpu.v1 import inference_pb2
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import NewPage
from tests.e2e.test_pages import sign_in
from tests.support import picture_files
from tests.support.gateway_backends import MODEL
from tests.support.panel import asked, choose_start, number, picture
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]
WIDE = picture_files.encoded(picture_files.picture(size=(96, 64), colour=(80, 140, 200)))


def begun(pretend: Running, new_page: NewPage, width: int = 1440) -> Page:
    """A studio with a start image, the brush in hand."""
    page = new_page(width, 900)
    sign_in(page, pretend.url)
    if width < 768:
        page.get_by_role("button", name="Open the controls").click()
    page.locator("#prompt").fill("a blue boat")
    choose_start(page, WIDE)
    take_brush(page)
    return page


def take_brush(page: Page) -> None:
    """Open the dialog; its script is fetched when it is first wanted."""
    page.locator("#mask-paint").click()
    expect(page.locator("#brush-layer")).to_be_focused()


def mask(pretend: Running) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """The last upload, as grey."""
    _, _, data = list(pretend.backends.tasks.uploads.values())[-1]
    assert picture(data).format == "PNG"
    return np.asarray(picture(data).convert("L"))


def use(page: Page) -> None:
    """Take what is painted."""
    page.get_by_role("button", name="Use this mask").click()
    expect(page.locator("#brush")).to_be_hidden()


@pytest.mark.parametrize("width", [1440, 390])
def test_what_is_painted_is_white_in_the_mask_and_sent_with_the_task(
    pretend: Running, new_page: NewPage, width: int
) -> None:
    page = begun(pretend, new_page, width)
    box = page.locator("#brush-layer").bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(1.5, rel=0.02)
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] + box["height"] <= 900

    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.5 * box["height"], steps=5)
    page.mouse.up()
    expect(page.locator("#brush-share")).to_contain_text("is drawn anew")
    use(page)
    expect(page.locator("#mask-words")).to_have_text("Only what is hatched is drawn anew.")
    page.keyboard.press("Control+Enter")

    expect(page.locator(".dd-tile-open")).to_have_count(1)
    told = asked(pretend)
    assert (told.start_image.upload_id, told.mask_upload_id, told.strength) == ("upload-1", "upload-2", 1.0)
    grey = mask(pretend)
    high, wide = grey.shape
    assert wide / high == 1.5
    assert grey[high // 2, wide // 2] == 255
    assert grey[high // 10, wide // 2] == grey[high // 2, 1] == 0


def test_a_finger_paints_a_dot(pretend: Running, new_page: NewPage) -> None:
    page = begun(pretend, new_page, 390)
    box = page.locator("#brush-layer").bounding_box()
    assert box is not None

    page.touchscreen.tap(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
    expect(page.locator("#brush-share")).not_to_have_text("0% is drawn anew")
    use(page)

    grey = mask(pretend)
    high, wide = grey.shape
    assert (grey[high // 2, wide // 4], grey[high // 2, 3 * wide // 4]) == (255, 0)


def test_the_keyboard_alone_paints_erases_inverts_clears_and_undoes(pretend: Running, new_page: NewPage) -> None:
    page = begun(pretend, new_page)
    share = page.locator("#brush-share")
    expect(share).to_have_text("0% is drawn anew")

    page.keyboard.press("Space")
    expect(share).not_to_have_text("0% is drawn anew")
    dot = share.inner_text()
    page.keyboard.down("Space")
    for _ in range(6):
        page.keyboard.press("ArrowLeft")
    page.keyboard.up("Space")
    expect(share).not_to_have_text(dot)
    line = share.inner_text()
    page.keyboard.press("e")
    expect(page.get_by_label("Erase")).to_be_checked()
    page.keyboard.press("]")
    page.keyboard.press("Space")
    expect(share).not_to_have_text(line)
    page.keyboard.press("Control+z")
    expect(share).to_have_text(line)
    page.keyboard.press("Control+z")
    expect(share).to_have_text(dot)
    page.keyboard.press("Control+Shift+z")
    expect(share).to_have_text(line)
    page.get_by_role("button", name="Invert").press("Enter")
    expect(share).to_have_text(f"{100 - int(line.split('%')[0])}% is drawn anew")
    page.get_by_role("button", name="Clear").press("Enter")
    expect(share).to_have_text("0% is drawn anew")
    page.get_by_role("button", name="Undo").press("Enter")
    page.keyboard.press("Tab")
    use(page)

    grey = mask(pretend)
    assert (grey[0, 0], grey[grey.shape[0] // 2, grey.shape[1] // 2]) == (255, 0)
    assert number(page, "strength") == "1"


def test_leaving_the_brush_asks_where_something_would_be_lost(pretend: Running, new_page: NewPage) -> None:
    page = begun(pretend, new_page)
    page.keyboard.press("Escape")
    expect(page.locator("#brush")).to_be_hidden()
    take_brush(page)
    page.keyboard.press("Space")

    page.keyboard.press("Escape")
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#brush")).to_be_visible()
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Leave it").click()

    expect(page.locator("#brush")).to_be_hidden()
    expect(page.locator("#mask-words")).to_be_empty()
    assert len(pretend.backends.tasks.uploads) == 1


def test_a_mask_is_changed_survives_a_reload_and_goes_with_its_picture(pretend: Running, new_page: NewPage) -> None:
    page = begun(pretend, new_page)
    page.keyboard.press("Space")
    use(page)
    page.reload()
    expect(page.locator("#mask-words")).to_have_text("Only what is hatched is drawn anew.")
    assert number(page, "strength") == "1"

    expect(page.get_by_role("button", name="Change the mask")).to_be_enabled()
    take_brush(page)
    expect(page.locator("#brush-share")).not_to_have_text("0% is drawn anew")
    page.get_by_role("button", name="Clear").click()
    use(page)
    expect(page.locator("#mask-words")).to_be_empty()
    assert number(page, "strength") == "0.8"
    take_brush(page)
    page.keyboard.press("Space")
    use(page)
    expect(page.get_by_role("button", name="Remove the mask")).to_be_visible()
    choose_start(page, picture_files.PNG)

    expect(page.locator("#mask-words")).to_be_empty()


def test_a_mask_that_is_on_its_way_is_not_begun_anew(pretend: Running, new_page: NewPage) -> None:
    page = begun(pretend, new_page)
    page.keyboard.press("Space")
    use(page)
    held: list[Route] = []
    page.route("**/studio/uploads/upload-2", held.append)
    with page.expect_request("**/studio/uploads/upload-2"):
        page.reload()
    # The picture under it is here.
    expect(page.locator("#start-shape")).to_be_enabled()

    expect(page.get_by_role("button", name="Change the mask")).to_be_disabled()
    held[0].continue_()

    take_brush(page)
    expect(page.locator("#brush-share")).not_to_have_text("0% is drawn anew")


def test_a_refused_mask_stays_in_hand(pretend: Running, new_page: NewPage) -> None:
    page = begun(pretend, new_page)
    page.keyboard.press("Space")
    page.route(
        "**/studio/uploads",
        lambda route: route.fulfill(status=503, json={"reason": "UNAVAILABLE", "detail": "Not just now."}),
    )

    page.get_by_role("button", name="Use this mask").click()

    expect(page.locator("#brush-wrong")).to_have_text("Not just now.")
    expect(page.get_by_role("button", name="Use this mask")).to_be_enabled()
    page.unroute("**/studio/uploads")
    use(page)


def test_a_model_that_fills_holes_asks_for_both(pretend: Running, new_page: NewPage) -> None:
    model = inference_pb2.Model()
    model.CopyFrom(MODEL)
    model.inpainting_only = True
    pretend.backends.tasks.model = model
    page = new_page()
    sign_in(page, pretend.url)
    cost = page.locator("#panel [data-cost]")
    page.locator("#prompt").fill("a blue boat")

    expect(cost).to_have_text("choose a start image first")
    expect(page.locator("#start-filler")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#start-choose")).to_be_focused()
    choose_start(page, WIDE)
    expect(cost).to_have_text("paint a mask first")
    take_brush(page)
    page.keyboard.press("Space")
    use(page)

    expect(page.locator("#panel [data-generate]")).to_be_enabled()
