"""What can be done to pictures in a real browser: one by one, in the viewer, and many at once."""

import io
import re
import zipfile
from pathlib import Path

import pytest
from daydream.tasks.v1 import tasks_pb2
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.conftest import NewPage
from tests.support.studio_page import enter, first_of, hang, no_timer_rings
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]

TILES = "#cards .dd-tile"


def wall(pretend: Running, page: Page, *samples: int) -> list[tasks_pb2.Task]:
    """The page with tasks of so many pictures, newest first; the tasks."""
    session = pretend.backends.auth.open("ada@example.org")
    ledger, ada = pretend.backends.tasks, pretend.backends.auth.ada.user_id
    for count in reversed(samples):
        pretend.do(hang(ledger, ada, session[1], tasks=1, samples=count))
    enter(page, pretend, session=session)
    expect(page.locator(TILES)).to_have_count(sum(samples))
    return list(ledger.tasks.values())[::-1]


def choose(page: Page, tile: Locator, words: str) -> None:
    """An entry of the menu of a picture."""
    tile.get_by_role("button", name=re.compile("^More for seed")).click()
    tile.get_by_role("menuitem", name=words, exact=True).click()
    del page


def answer(page: Page, words: str) -> None:
    """Say so to the question that is asked."""
    expect(page.locator("#confirm")).to_be_visible()
    page.locator("#confirm").get_by_role("button", name=words).click()
    expect(page.locator("#confirm")).to_be_hidden()


def zipped(path: Path) -> list[str]:
    """What a ZIP file holds."""
    return zipfile.ZipFile(io.BytesIO(path.read_bytes())).namelist()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_picture_is_published_and_taken_back_and_every_tab_shows_it(
    pretend: Running, new_page: NewPage, width: int
) -> None:
    page = new_page(width, 900)
    wall(pretend, page, 2)
    other = new_page(context=page.context)
    other.goto(f"{pretend.url}/studio")
    tile = page.locator(TILES).nth(1)
    no_timer_rings(page)

    choose(page, tile, "Publish in the gallery")
    expect(tile.get_by_title("Published")).to_be_visible()
    expect(other.locator(TILES).nth(1).get_by_title("Published")).to_be_visible()
    expect(page.locator("#notice")).to_contain_text("It hangs in the gallery now")
    choose(page, tile, "Unpublish")

    expect(tile.locator('[data-part="mark"]')).to_be_hidden()
    expect(other.locator(TILES).nth(1).locator('[data-part="mark"]')).to_be_hidden()


def test_a_picture_that_staff_have_hidden_says_so(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    (task,) = wall(pretend, page, 1)

    task.images[0].published = task.images[0].hidden = True
    pretend.do(pretend.backends.tasks.stored(task))

    tile = page.locator(TILES)
    expect(tile).to_contain_text("published, hidden by staff")
    tile.get_by_role("button", name="More for seed 10").click()
    expect(tile.get_by_text("Staff have hidden it in the gallery.")).to_be_visible()
    page.keyboard.press("Escape")
    tile.locator(".dd-tile-open").click()
    expect(page.locator("#viewer-facts")).to_contain_text("published, hidden by staff")


def test_a_deleted_picture_is_asked_about_goes_everywhere_and_leaves_no_empty_place(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    (task,) = wall(pretend, page, 2)
    other = new_page(context=page.context)
    other.goto(f"{pretend.url}/studio")

    choose(page, page.locator(TILES).first, "Delete")
    page.keyboard.press("Escape")
    expect(page.locator("#confirm")).to_be_hidden()
    assert len(task.images) == 2
    choose(page, page.locator(TILES).first, "Delete")
    answer(page, "Delete")

    expect(page.locator(TILES)).to_have_count(1)
    expect(other.locator(TILES)).to_have_count(1)
    page.reload()
    expect(page.locator(TILES)).to_have_count(1)
    assert [image.index for image in task.images] == [1]
    page.locator("#cards").get_by_role("button", name=re.compile("^More for: a house")).click()
    page.get_by_role("menuitem", name="Delete all its pictures").click()
    answer(page, "Delete")
    expect(page.locator(TILES)).to_have_count(0)
    expect(page.locator("#cards")).to_contain_text("Pictures deleted")


def test_a_refusal_is_told_and_nothing_is_changed(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    wall(pretend, page, 1)
    gone = {"detail": "There is no such image.", "reason": "IMAGE_NOT_FOUND"}
    page.route("**/published", lambda route: route.fulfill(status=404, json=gone))

    choose(page, page.locator(TILES), "Publish in the gallery")

    expect(page.locator("#notice")).to_contain_text("There is no such image.")
    expect(page.locator(TILES).locator('[data-part="mark"]')).to_be_hidden()
    page.get_by_role("button", name="Close the message").click()
    expect(page.locator("#notice")).to_be_hidden()


def test_the_viewer_is_used_with_the_keyboard_alone_and_gives_it_back(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    wall(pretend, page, 2, 1)
    tiles = page.locator(f"{TILES}-open")
    tiles.first.focus()

    page.keyboard.press("Enter")
    expect(page.locator("#viewer-count")).to_have_text("1 of 2")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-count")).to_have_text("1 of 1")
    expect(page.locator("#viewer-on")).to_be_disabled()
    with page.expect_download() as saved:
        page.keyboard.press("s")
    assert saved.value.suggested_filename == "daydream-10.png"
    page.keyboard.press("Escape")

    expect(page.locator("#viewer")).to_be_hidden()
    expect(tiles.nth(2)).to_be_focused()


def test_a_picture_is_shown_at_once_and_sharper_in_its_place_and_never_too_large(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    wall(pretend, page, 2)
    whole = re.compile(r"/images/old-1-0$")
    waiting: list[Route] = []
    page.route(whole, lambda route: waiting.append(route) if not waiting else route.continue_())

    with page.expect_request(whole):
        page.locator(f"{TILES}-open").first.click()
    picture = page.locator("#viewer-image")
    expect(picture).to_have_js_property("complete", True)
    before = picture.bounding_box()
    assert picture.evaluate("image => image.src").endswith("?size=medium")
    first_of(page, waiting).continue_()
    expect(picture).to_have_attribute("src", whole)

    assert picture.bounding_box() == before
    assert before is not None
    assert before["width"] == 64 * 3


def test_deleting_in_the_viewer_goes_on_to_the_next_and_ends_with_the_last(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    wall(pretend, page, 2)
    page.locator(f"{TILES}-open").first.click()

    page.keyboard.press("Delete")
    answer(page, "Delete")
    expect(page.locator("#viewer-count")).to_have_text("1 of 1")
    expect(page.locator("#viewer-facts")).to_contain_text("11")
    page.keyboard.press("Delete")
    answer(page, "Delete")

    expect(page.locator("#viewer")).to_be_hidden()
    expect(page.locator(TILES)).to_have_count(0)
    expect(page.locator("#timeline")).to_be_focused()


def test_the_viewer_publishes_and_hands_a_picture_to_the_panel(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    wall(pretend, page, 1)
    page.locator(f"{TILES}-open").click()

    page.get_by_role("button", name="Publish in the gallery").press("Enter")
    expect(page.get_by_role("button", name="Unpublish")).to_be_focused()
    expect(page.locator("#viewer-facts")).to_contain_text("published")
    page.locator("#viewer").get_by_role("button", name="Use as start image").click()

    expect(page.locator("#viewer")).to_be_hidden()
    expect(page.locator("#panel")).to_be_visible()
    expect(page.locator("#panel")).to_contain_text("from the timeline")


def test_pictures_are_picked_with_the_keyboard_saved_and_deleted_together(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    wall(pretend, page, 2, 3)
    page.get_by_role("button", name="Select", exact=True).press("Enter")
    count = page.locator("#picked-count")
    expect(count).to_have_text("0 of 5 picked")
    expect(page.locator("#picked-pack")).to_be_disabled()

    page.get_by_role("checkbox", name="Select seed 20").press("Space")
    page.get_by_role("checkbox", name="Select seed 11").click(modifiers=["Shift"])
    expect(count).to_have_text("4 of 5 picked")
    with page.expect_download() as saved:
        page.locator("#picked-pack").press("Enter")
    assert sorted(zipped(saved.value.path())) == ["old-1-0.png", "old-1-1.png", "old-2-0.png", "old-2-1.png"]
    page.get_by_role("checkbox", name="Select seed 11").press("Space")
    page.get_by_role("button", name="Delete", exact=True).press("Enter")
    answer(page, "Delete")

    expect(page.locator(TILES)).to_have_count(2)
    expect(page.locator("#picked")).to_be_hidden()
    page.get_by_role("button", name="Select", exact=True).click()
    page.locator("#picked-all").click()
    expect(count).to_have_text("2 of 2 picked")
    page.keyboard.press("Escape")
    expect(page.locator("#picked")).to_be_hidden()
    expect(page.locator("#select")).to_be_focused()


def test_a_task_is_saved_as_one_file(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    wall(pretend, page, 2, 1)

    with page.expect_download() as saved:
        page.locator("#cards").get_by_role("button", name="ZIP").first.click()

    assert zipped(saved.value.path()) == ["old-2-0.png", "old-2-1.png"]


def test_fingers_open_the_viewer_pick_pictures_and_find_every_act(pretend: Running, new_page: NewPage) -> None:
    page = new_page(390, 844)
    wall(pretend, page, 2)
    tile = page.locator(TILES).first

    tile.locator(".dd-tile-open").tap()
    expect(page.locator("#viewer-count")).to_have_text("1 of 2")
    page.locator("#viewer-close").tap()
    expect(tile.locator(".dd-tile-quick")).to_be_hidden()
    tile.get_by_role("button", name="More for seed 10").tap()
    expect(tile.get_by_role("menuitem", name="Delete")).to_be_visible()
    acts = tile.get_by_role("menuitem").locator("visible=true").all_inner_texts()
    tile.get_by_role("menuitem", name="Select").tap()
    page.locator(TILES).nth(1).tap(position={"x": 60, "y": 60})

    assert acts == [
        "Open", "Download", "Use as start image", "Variant", "Reuse all settings", "Select", "Publish in the gallery",
        "Delete",
    ]  # fmt: skip
    expect(page.locator("#picked-count")).to_have_text("2 of 2 picked")
    bar = page.locator("#picked").bounding_box()
    dock = page.locator(".dd-dock").bounding_box()
    assert bar is not None
    assert dock is not None
    assert bar["y"] + bar["height"] <= dock["y"]
