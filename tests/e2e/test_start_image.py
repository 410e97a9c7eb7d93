"""Beginning from a picture: chosen, dropped, pasted or from the timeline; made small here, checked, taken out again."""

import random

import PIL.Image
import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import NewPage
from tests.e2e.test_pages import ask_for, sign_in
from tests.support import picture_files
from tests.support.panel import asked, choose_start, drop, number, paste, picture, type_number
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]


def noisy(width: int, height: int) -> PIL.Image.Image:
    """A picture that packs badly, as photographs do."""
    return PIL.Image.frombytes("RGB", (width, height), random.Random(1).randbytes(width * height * 3))


def studio(pretend: Running, new_page: NewPage, width: int = 1440) -> Page:
    """Signed in, the panel open."""
    page = new_page(width, 900)
    sign_in(page, pretend.url)
    if width < 768:
        page.get_by_role("button", name="Open the controls").click()
    return page


def sent(pretend: Running) -> list[bytes]:
    """What has come to the server."""
    return [data for _, _, data in pretend.backends.tasks.uploads.values()]


@pytest.mark.parametrize("width", [1440, 390])
def test_a_chosen_photograph_is_made_small_before_it_is_sent_and_drawn_from(
    pretend: Running, new_page: NewPage, width: int
) -> None:
    page = studio(pretend, new_page, width)
    page.locator("#prompt").fill("a red house")
    expect(page.locator("#strength-part")).to_be_hidden()

    choose_start(page, picture_files.encoded(noisy(1500, 1000)))
    page.get_by_role("button", name="Take its shape").click()
    type_number(page, "strength", 0.35)
    page.keyboard.press("Control+Enter")

    expect(page.locator("#start-words")).to_contain_text("512 × 341")
    expect(page.locator("#start-words")).to_contain_text("saved")
    expect(page.locator(".dd-tile-open")).to_have_count(1)
    (file,) = sent(pretend)
    assert (picture(file).format, picture(file).size) == ("WEBP", (512, 341))
    told = asked(pretend)
    assert (told.start_image.upload_id, round(told.strength, 4)) == ("upload-1", 0.35)
    assert (told.width, told.height) == (384, 256)


def test_a_telephones_photograph_stands_upright_and_loses_the_place_it_was_taken_at(
    pretend: Running, new_page: NewPage
) -> None:
    page = studio(pretend, new_page)

    choose_start(page, picture_files.photograph(), "sea.jpg")

    (file,) = sent(pretend)
    kept = picture(file)
    # It lay on its side, the left half red: upright, the upper half is.
    assert kept.size == (20, 40)
    red, _, _ = kept.convert("RGB").getpixel((10, 5))  # type: ignore[misc]
    assert red > 200
    assert not kept.getexif()
    assert b"at home" not in file


def test_a_small_one_is_not_made_larger_and_what_is_transparent_stays_so(pretend: Running, new_page: NewPage) -> None:
    page = studio(pretend, new_page)

    drop(page, "#start-box", "half.png", "image/png", picture_files.encoded(picture_files.picture("RGBA", (64, 48))))
    expect(page.locator("#start-words")).to_have_text("64 × 48, 1 kB")

    (file,) = sent(pretend)
    assert (picture(file).format, picture(file).mode, picture(file).size) == ("PNG", "RGBA", (64, 48))


def test_a_picture_from_the_clipboard_is_begun_from_and_words_stay_words(pretend: Running, new_page: NewPage) -> None:
    page = studio(pretend, new_page)

    paste(page, "#prompt", picture_files.PNG)
    expect(page.locator("#start-words")).to_contain_text("40 × 20")
    expect(page.locator("#start-view")).to_be_visible()
    page.get_by_role("button", name="Remove the start image").click()

    expect(page.locator("#start-words")).to_have_text("Choose, drop or paste a picture")
    expect(page.locator("#start-choose")).to_be_focused()
    expect(page.locator("#strength-part")).to_be_hidden()


REFUSED = {
    "words.png": (b"these are words", "Only PNG, JPEG and WebP pictures can be used."),
    "moving.gif": (picture_files.animation("GIF"), "Only PNG, JPEG and WebP pictures can be used."),
    "cut.png": (picture_files.PNG[:50], "its file is damaged or too large"),
    "line.png": (picture_files.encoded(picture_files.picture(size=(900, 4))), "too narrow"),
    "nothing.png": (b"", "The file is empty."),
}
# Larger than the driver hands over in one piece.
HUGE = """(field) => {
  const carried = new DataTransfer();
  carried.items.add(new File([new Uint8Array(20 * 2 ** 20 + 1)], "huge.png"));
  field.files = carried.files;
  field.dispatchEvent(new Event("change"));
}"""


def test_what_cannot_be_used_is_told_before_anything_is_sent(pretend: Running, new_page: NewPage) -> None:
    page = studio(pretend, new_page)
    choose_start(page, picture_files.PNG)
    heard = pretend.backends.tasks.heard

    for name, (data, words) in REFUSED.items():
        page.locator("#start-file").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})
        expect(page.locator("#start-wrong")).to_contain_text(words)
    page.locator("#start-file").evaluate(HUGE)

    expect(page.locator("#start-wrong")).to_contain_text("20 MB are allowed")
    assert pretend.backends.tasks.heard == heard
    # The one that stood there stands.
    expect(page.locator("#start-words")).to_contain_text("40 × 20")


def test_what_the_server_refuses_is_told_in_its_words_and_sending_can_be_given_up(
    pretend: Running, new_page: NewPage
) -> None:
    page = studio(pretend, new_page)
    page.locator("#prompt").fill("a red house")
    page.route(
        "**/studio/uploads",
        lambda route: route.fulfill(status=422, json={"reason": "PICTURE_REFUSED", "detail": "Not this one."}),
    )
    page.locator("#start-file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture_files.PNG})
    expect(page.locator("#start-wrong")).to_have_text("Not this one.")
    expect(page.locator("#start-words")).to_have_text("Choose, drop or paste a picture")
    page.unroute("**/studio/uploads")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/studio/uploads", hold)

    page.locator("#start-file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": picture_files.PNG})
    expect(page.locator("#start-bar")).to_be_visible()
    expect(page.locator("#panel [data-cost]")).to_have_text("the picture is on its way")
    page.get_by_role("button", name="Cancel sending").click()

    expect(page.locator("#start-bar")).to_be_hidden()
    expect(page.locator("#start-words")).to_have_text("Choose, drop or paste a picture")
    expect(page.locator("#panel [data-generate]")).to_be_enabled()
    expect(page.locator("#start-wrong")).to_be_empty()


def test_strength_lowers_price_and_time_and_what_it_leaves_nothing_of_is_told(
    pretend: Running, new_page: NewPage
) -> None:
    page = studio(pretend, new_page)
    page.locator("#prompt").fill("wait for it")
    choose_start(page, picture_files.PNG)
    for name, value in (("steps", 50), ("width", 512), ("height", 512), ("samples", 3), ("strength", 0.41)):
        type_number(page, name, value)
    cost = page.locator("#panel [data-cost]")

    # 20 of 50 steps are gone: one token each, and 3 × (20 × 0.24 s + 0.9 s).
    expect(cost).to_contain_text("3 tokens")
    expect(cost).to_contain_text("about 17 s")
    with page.expect_response("**/studio/tasks"):
        page.keyboard.press("Control+Enter")
    (task,) = pretend.backends.tasks.tasks.values()
    assert task.price == 3
    page.get_by_role("button", name="Open the controls").click()
    type_number(page, "strength", 0.01)
    expect(cost).to_have_text("Strength × steps: at least 1")
    type_number(page, "strength", 1.5)
    expect(cost).to_have_text("Strength: 0.01 to 1")


def test_it_survives_a_reload_and_is_dropped_with_a_sentence_when_the_server_forgot_it(
    pretend: Running, new_page: NewPage
) -> None:
    page = studio(pretend, new_page)
    page.locator("#prompt").fill("a red house")
    choose_start(page, picture_files.PNG)
    type_number(page, "strength", 0.6)

    page.reload()
    expect(page.locator("#start-view")).to_be_visible()
    expect(page.locator("#start-words")).to_contain_text("40 × 20")
    assert number(page, "strength") == "0.6"
    pretend.backends.tasks.uploads.clear()
    # The browser may keep the file for a day; whether the server still has it is asked for all the same.
    page.reload()

    expect(page.locator("#panel-note")).to_contain_text("The start image is gone")
    expect(page.locator("#start-words")).to_have_text("Choose, drop or paste a picture")
    expect(page.locator("#prompt")).to_have_value("a red house")
    page.locator("#prompt").fill("a red boat")
    expect(page.locator("#panel-note")).to_be_empty()


def test_reuse_brings_the_start_image_along_and_leaves_none_where_there_was_none(
    pretend: Running, new_page: NewPage
) -> None:
    page = studio(pretend, new_page)
    page.get_by_role("button", name="Keep the panel open").click()
    ask_for(page, "a first one")
    expect(page.locator(".dd-tile-open")).to_have_count(1)
    choose_start(page, picture_files.PNG)
    type_number(page, "strength", 0.45)
    ask_for(page, "a second one")
    expect(page.locator(".dd-tile-open")).to_have_count(2)
    cards = page.locator("#cards > li")

    cards.nth(1).get_by_role("button", name="Reuse all", exact=True).click()
    expect(page.locator("#start-words")).to_have_text("Choose, drop or paste a picture")
    cards.nth(0).get_by_role("button", name="Reuse all", exact=True).click()

    expect(page.locator("#start-view")).to_be_visible()
    assert number(page, "strength") == "0.45"
    page.keyboard.press("Control+Enter")
    # The card hangs with the press; the picture says that the server has heard it.
    expect(page.locator(".dd-tile-open")).to_have_count(3)
    assert asked(pretend).start_image.upload_id == "upload-1"


@pytest.mark.parametrize("width", [1440, 390])
def test_an_image_of_the_timeline_is_begun_from_and_nothing_runs_by_itself(
    pretend: Running, new_page: NewPage, width: int
) -> None:
    page = studio(pretend, new_page, width)
    ask_for(page, "a red house")
    expect(page.locator(".dd-tile-open")).to_have_count(1)

    page.locator(".dd-tile").first.locator('[data-part="more"]').click()
    page.get_by_role("menuitem", name="Use as start image").click()

    expect(page.locator("#panel")).to_be_visible()
    expect(page.locator("#start-words")).to_have_text("from the timeline, 256 × 256")
    expect(page.locator("#start-view")).to_be_visible()
    assert len(pretend.backends.tasks.tasks) == 1
    page.keyboard.press("Control+Enter")
    expect(page.locator(".dd-tile-open")).to_have_count(2)
    assert asked(pretend).start_image.image_id == "task-1-image-0"
    assert sent(pretend) == []
