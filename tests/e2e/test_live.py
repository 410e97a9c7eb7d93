"""The live side of the studio in a real browser: the line, the bar, what is spoken, where the keyboard goes."""

import re

import pytest
from daydream.tasks.v1 import tasks_pb2
from playwright.sync_api import expect

from tests.e2e.conftest import NewPage
from tests.e2e.test_pages import ask_for, sign_in
from tests.support.threaded_gateway import Running, preview

pytestmark = [pytest.mark.browser, pytest.mark.rotating]
BACK_WITHIN_MS = 60_000
"""A page whose line is down for long tries again every 15 s."""


def only_task(pretend: Running) -> tasks_pb2.Task:
    """The one task there is."""
    (task,) = pretend.backends.tasks.tasks.values()
    return task


@pytest.mark.parametrize(
    ("position", "ahead", "words"),
    [
        (1, 0, "nobody ahead"),
        (1, 2, "2 running ahead"),
        (2, 3, "1 waiting and 2 running ahead"),
        (3, 2, "2 waiting ahead"),
    ],
)
def test_the_place_in_line_and_who_is_ahead_agree(
    pretend: Running, new_page: NewPage, position: int, ahead: int, words: str
) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    ask_for(page, "wait for it")

    only_task(pretend).progress.position, only_task(pretend).progress.ahead = position, ahead
    pretend.do(pretend.backends.tasks.moved())

    expect(page.locator("#now-step")).to_have_text(words)


def test_a_second_running_task_shows_how_far_it_is(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)

    ask_for(page, "hold the first")
    ask_for(page, "hold the second")

    row = page.locator("#now-line .dd-next")
    expect(row).to_contain_text("50 %")
    expect(row).to_contain_text(re.compile(r"(about|under) .* left"))
    expect(row.locator('[data-part="dot"]')).to_be_visible()
    expect(row.locator('[data-part="clock"]')).to_be_hidden()


@pytest.mark.parametrize(("samples", "steps", "ticks"), [(1, 20, "20"), (1, 50, "25"), (4, 20, "4")])
def test_ticks_are_few_enough_to_tell_apart(
    pretend: Running, new_page: NewPage, samples: int, steps: int, ticks: str
) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.locator('input[type=number][name="samples"]').fill(str(samples))
    page.locator('input[type=number][name="steps"]').fill(str(steps))

    ask_for(page, "hold it")

    expect(page.locator("#now-share")).to_be_visible()
    shown = page.locator("#now-horizon").evaluate("bar => bar.style.getPropertyValue('--dd-steps')")
    assert shown == ticks


def test_a_cancel_is_spoken_and_the_keyboard_goes_on_to_the_timeline(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.locator('input[type=number][name="samples"]').fill("4")
    ask_for(page, "hold it")
    expect(page.locator("#now-percent")).not_to_have_text("0")

    page.locator("#now-cancel").focus()
    page.keyboard.press("Enter")

    expect(page.locator("#now")).to_be_hidden()
    expect(page.locator("#now-spoken")).to_have_text("Cancelled, 4 tokens came back.")
    expect(page.locator("#timeline")).to_be_focused()
    expect(page.locator('[data-state="CANCELLED"]')).to_contain_text("Cancelled before the first picture")


def test_pictures_that_are_ready_are_spoken(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.locator('input[type=number][name="samples"]').fill("2")

    ask_for(page, "a red house")

    expect(page.locator("#now-spoken")).to_have_text("2 pictures are ready.")


def test_the_keyboard_stays_on_a_row_that_goes_on_waiting(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    ask_for(page, "wait first")
    ask_for(page, "wait second")
    button = page.get_by_role("button", name="Cancel: wait second")
    button.focus()

    task = list(pretend.backends.tasks.tasks.values())[1]
    task.progress.position, task.progress.ahead = 7, 6
    pretend.do(pretend.backends.tasks.moved())

    expect(page.locator("#now-line")).to_contain_text("7th in line")
    expect(button).to_be_focused()


def test_a_broken_line_is_told_in_every_tab(pretend: Running, new_page: NewPage) -> None:
    first = new_page()
    sign_in(first, pretend.url)
    second = new_page(context=first.context)
    second.goto(f"{pretend.url}/studio")
    expect(second.locator("#panel [data-cost]")).not_to_be_empty()

    pretend.loop.call_soon_threadsafe(pretend.hub.close)

    for page in (first, second):
        expect(page.locator("#away")).to_contain_text("The line to the server broke off.")
    pretend.loop.call_soon_threadsafe(pretend.hub.closing.clear)
    for page in (first, second):
        expect(page.locator("#away")).to_be_hidden(timeout=BACK_WITHIN_MS)


def test_a_page_hears_of_what_an_answer_of_its_own_overtook(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    shut = True
    page.route("**/events?*", lambda route: route.fulfill(status=503) if shut else route.continue_())
    page.goto(f"{pretend.url}/studio")
    expect(page.locator("#panel [data-cost]")).not_to_be_empty()
    # As another page of the same session would: this one is told of it by its stream alone.
    page.evaluate(
        """async () => {
          const token = document.querySelector('meta[name="csrf-token"]').content;
          const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
          await fetch("/studio/tasks", { method: "POST", headers, body: '{"prompt": "wait, from elsewhere"}' });
        }"""
    )
    ask_for(page, "wait, from here")
    expect(page.locator("#cards > li")).to_have_count(1)

    shut = False

    expect(page.locator("#cards > li")).to_have_count(2, timeout=BACK_WITHIN_MS)


def test_a_late_preview_is_not_painted_under_the_next_task(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.evaluate(
        """() => {
          const real = window.createImageBitmap;
          window.createImageBitmap = async (blob) => {
            await new Promise((go) => (window.decoded = go));
            try {
              return await real(blob);
            } finally {
              // After all that the page does with it at once.
              setTimeout(() => (window.drawn = true));
            }
          };
        }"""
    )
    ledger = pretend.backends.tasks
    ask_for(page, "wait, the first")
    ask_for(page, "wait, the second")
    first, second = ledger.tasks
    pretend.do(ledger.start(first))
    pretend.do(ledger.step(first, preview()))
    page.wait_for_function("() => Boolean(window.decoded)")
    pretend.do(ledger.cancelled(first))
    pretend.do(ledger.start(second))
    expect(page.locator("#now-prompt")).to_have_text("wait, the second")

    page.evaluate("window.decoded()")
    page.wait_for_function("() => window.drawn")

    expect(page.locator("#now")).not_to_have_class(re.compile("has-preview"))


def test_the_purse_is_asked_for_again_when_it_moved_meanwhile(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.evaluate(
        """() => {
          const real = window.fetch;
          window.asked = 0;
          window.fetch = async (path, more) => {
            const answer = await real(path, more);
            // The first answer about the purse is old by the time it arrives.
            if (path === "/studio/state" && ++window.asked === 1) await new Promise((go) => (window.go = go));
            return answer;
          };
        }"""
    )
    ask_for(page, "wait for it")
    page.wait_for_function("() => Boolean(window.go)")

    ask_for(page, "wait for another")
    expect(page.locator("#cards > li")).to_have_count(2)
    page.evaluate("window.go()")

    expect(page.locator("#purse")).to_have_text("98")


def test_a_long_prompt_is_folded_on_its_card_and_in_the_viewer(pretend: Running, new_page: NewPage) -> None:
    page = new_page(1440, 900)
    sign_in(page, pretend.url)
    ask_for(page, "a red house by the sea " * 20)
    ask_for(page, "a short one")
    expect(page.locator(".dd-tile-open")).to_have_count(2)
    long = page.locator("#cards > li").last
    words = long.locator('[data-part="prompt"]')
    folded = words.evaluate("words => words.clientHeight")

    long.get_by_role("button", name="More", exact=True).click()
    assert words.evaluate("words => words.clientHeight") > folded
    long.get_by_role("button", name="Less", exact=True).click()

    assert words.evaluate("words => words.clientHeight") == folded
    expect(page.locator("#cards > li").first.get_by_role("button", name="More", exact=True)).to_be_hidden()
    long.locator(".dd-tile-open").click()
    expect(page.locator("#viewer-whole")).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#viewer-prompt")).to_have_text("a short one")
    expect(page.locator("#viewer-whole")).to_be_hidden()
