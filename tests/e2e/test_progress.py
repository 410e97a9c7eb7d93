"""Progress in a real browser: from the press to the end, and what happens on leaving."""

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.e2e.conftest import NewPage
from tests.support.studio_page import enter, first_of
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]


def submit(page: Page, prompt: str) -> None:
    """Press the keys, and wait for nothing."""
    page.locator("#prompt").fill(prompt)
    expect(page.locator("#panel [data-generate]")).to_be_enabled()
    page.keyboard.press("Control+Enter")


def hold(page: Page) -> list[Route]:
    """Keep submits on their way until the test lets them go."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route("**/studio/tasks", keep)
    return held


def test_it_turns_from_the_press_on_and_the_answer_moves_nothing(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    enter(page, pretend)
    page.locator('input[type=number][name="samples"]').fill("3")
    held = hold(page)

    submit(page, "wait for it")

    expect(page.locator("#now-words")).to_have_text("Sending")
    expect(page.locator("#now .dd-spin")).to_be_visible()
    expect(page.locator(".dd-tile-wait")).to_have_count(3)
    expect(page.locator("#cards")).to_contain_text("Costs")
    assert page.title() == "Sending · Daydream"
    page.wait_for_function("() => !document.getElementById('timeline').getAnimations().length")
    place = page.locator(".dd-tile-wait").last.bounding_box()
    first_of(page, held).continue_()
    expect(page.locator("#now-words")).to_have_text("1st in line")
    expect(page.locator("#cards > li")).to_have_count(1)
    assert page.locator(".dd-tile-wait").last.bounding_box() == place


def test_what_the_stream_tells_before_the_answer_is_not_shown_twice(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    enter(page, pretend)
    answers: list[tuple[Route, object]] = []
    page.route("**/studio/tasks", lambda route: answers.append((route, route.fetch())))

    submit(page, "wait for it")
    expect(page.locator("#now-words")).to_have_text("1st in line")
    expect(page.locator("#cards > li")).to_have_count(1)
    # The stream may tell before the answer itself has been fetched.
    route, answer = first_of(page, answers)
    route.fulfill(response=answer)  # type: ignore[arg-type]

    expect(page.locator("#panel [data-generate]")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#cards > li")).to_have_count(1)


def test_a_refused_submit_leaves_no_card_and_gives_the_panel_back(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    enter(page, pretend)
    held = hold(page)

    submit(page, "a red house")
    expect(page.locator("#cards > li")).to_have_count(1)
    first_of(page, held).fulfill(status=409, json={"detail": "Not now.", "reason": "NOT_POSSIBLE_NOW"})

    expect(page.locator("#refusal")).to_contain_text("Not now.")
    expect(page.locator("#cards > li")).to_have_count(0)
    expect(page.locator("#now")).to_be_hidden()
    expect(page.locator("#empty")).to_be_visible()
    expect(page.locator("#panel [data-generate]")).to_be_focused()


def test_ticks_and_steps_of_a_start_image_are_those_that_are_gone(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    enter(page, pretend)
    submit(page, "wait for it")
    expect(page.locator("#now-words")).to_have_text("1st in line")
    ledger = pretend.backends.tasks
    (task,) = ledger.tasks.values()

    # Of twenty steps, strength 0.6 leaves twelve.
    task.progress.steps = 12
    pretend.do(ledger.start(task.task_id))
    pretend.do(ledger.step(task.task_id))

    expect(page.locator("#now-step")).to_have_text("step 1 of 12")
    expect(page.locator("#now-bar")).to_have_attribute("aria-valuetext", "8 %, step 1 of 12")
    shown = page.locator("#now-horizon").evaluate("bar => bar.style.getPropertyValue('--dd-steps')")
    assert shown == "12"


@pytest.mark.parametrize("width", [1440, 390])
def test_what_happens_on_leaving_is_chosen_remembered_and_the_same_in_every_tab(
    pretend: Running, new_page: NewPage, width: int
) -> None:
    page = new_page(width, 900)
    enter(page, pretend)
    if width < 768:
        page.locator("#dock-open").click()
    submit(page, "wait for it")
    other = new_page(width, context=page.context)
    other.goto(f"{pretend.url}/studio")
    expect(other.get_by_label("Keep going")).to_be_checked()

    with page.expect_response("**/studio/leaving"):
        page.get_by_role("group", name="When I leave").get_by_text("Cancel my tasks").click()

    expect(other.get_by_label("Cancel my tasks")).to_be_checked()
    assert list(pretend.backends.tasks.cancels_on_leave.values()) == [True]
    page.reload()
    expect(page.get_by_label("Cancel my tasks")).to_be_checked()
    help_sentence = page.locator("#leaving-help")
    expect(help_sentence).to_be_hidden()
    if page.locator("#panel").is_hidden():
        page.locator("#dock-open").click()
    page.get_by_role("button", name="Explain every control").click()
    page.get_by_role("button", name="Close the panel").click()
    expect(help_sentence).to_contain_text("puts the tab to sleep looks like leaving")


def test_a_choice_that_was_not_remembered_is_taken_back_and_says_so(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    enter(page, pretend)
    submit(page, "wait for it")
    away = {"detail": "A part of the system does not answer.", "reason": "UNAVAILABLE"}
    page.route("**/studio/leaving", lambda route: route.fulfill(status=503, json=away))

    page.get_by_text("Cancel my tasks").click()

    expect(page.locator("#notice")).to_contain_text("That was not remembered.")
    expect(page.get_by_label("Keep going")).to_be_checked()


def test_a_task_is_cancelled_from_its_card_too(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    enter(page, pretend)
    submit(page, "wait for it")

    page.get_by_role("button", name="Cancel this task: wait for it").click()

    expect(page.locator('[data-state="CANCELLED"]')).to_be_visible()
    expect(page.locator("#now")).to_be_hidden()
    expect(page).to_have_title(re.compile("^Studio"))
