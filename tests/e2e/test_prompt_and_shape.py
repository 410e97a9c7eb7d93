"""The prompt's suggestions, and width and height together: lock, swap, the shape of a picture."""

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import NewPage
from tests.e2e.test_pages import sign_in
from tests.support import picture_files
from tests.support.gateway_backends import MODEL
from tests.support.panel import choose_start, number, type_number
from tests.support.threaded_gateway import Running

pytestmark = pytest.mark.browser
TURN_MS = 8000


def test_suggestions_take_turns_until_something_is_written_and_rest_where_motion_is_unwanted(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    # Its time stands still but where the test moves it on.
    page.clock.install(time=0)
    page.clock.pause_at(3600)
    page.reload()
    prompt = page.locator("#prompt")
    first, second, *_ = MODEL.example_prompts
    expect(prompt).to_have_attribute("placeholder", first)

    page.clock.run_for(TURN_MS)
    expect(prompt).to_have_attribute("placeholder", second)
    prompt.fill("a thought")
    page.clock.run_for(TURN_MS)
    expect(prompt).to_have_attribute("placeholder", second)
    prompt.fill("")
    prompt.blur()
    page.emulate_media(reduced_motion="reduce")
    page.clock.run_for(TURN_MS)

    expect(prompt).to_have_attribute("placeholder", second)


def test_the_lock_keeps_the_shape_swap_turns_it_and_both_stay_within_the_model(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    sign_in(page, pretend.url)

    def sides() -> tuple[str, str]:
        return number(page, "width"), number(page, "height")

    type_number(page, "width", 384)
    assert sides() == ("384", "256")
    page.get_by_role("button", name="Swap width and height").click()
    assert sides() == ("256", "384")
    lock = page.get_by_role("button", name="Keep the shape")
    lock.click()
    expect(lock).to_have_attribute("aria-pressed", "true")
    type_number(page, "width", 128)
    assert sides() == ("128", "192")
    page.locator("#height-dial").fill("384")
    assert sides() == ("256", "384")
    page.reload()
    expect(lock).to_have_attribute("aria-pressed", "true")

    assert sides() == ("256", "384")


def test_the_shape_of_a_start_image_is_taken_as_it_is_where_the_model_holds_it(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    expected = {(192, 448): ("192", "448"), (100, 100): ("256", "256"), (90, 600): ("64", "448")}

    for size, sides in expected.items():
        choose_start(page, picture_files.encoded(picture_files.picture(size=size)))
        width, height = (min(side, round(side * 512 / max(size))) if max(size) > 512 else side for side in size)
        expect(page.locator("#start-words")).to_contain_text(f"{width} × {height}")
        page.get_by_role("button", name="Take its shape").click()
        assert (number(page, "width"), number(page, "height")) == sides
