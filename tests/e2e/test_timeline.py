"""The timeline in a real browser: long, searched, still while it fills."""

import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.conftest import NewPage
from tests.e2e.test_pages import ask_for
from tests.support.studio_page import COUNT_SHIFTS, enter, first_of, hang
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]

CARDS = "#cards > li"
PICTURES = "#cards .dd-tile-open img"
CROWD = 500
# A deadline, not a measure: many browsers may share the machine.
PAGED_WITHIN_MS = 30_000
# Where it is painted, once nothing moves it any more: frames that come late are waited for, however late.
TOP = """async (element) => {
  const top = () => element.getBoundingClientRect().top;
  let last = top();
  for (let still = 0; still < 5; still += 1) {
    await new Promise((go) => requestAnimationFrame(() => setTimeout(go)));
    if (top() !== last) [last, still] = [top(), -1];
  }
  return last;
}"""
# No more pictures than can be near the window, few elements, and few pixels.
WEIGHS_LITTLE = """(pictures) =>
  document.querySelectorAll(pictures).length <= 80 && document.querySelectorAll("#cards *").length <= 4000
  && [...document.images].reduce((sum, each) => sum + each.naturalWidth * each.naturalHeight, 0) <= 80 * 256 * 256"""


def crowd(pretend: Running, page: Page, tasks: int, path: str = "/studio", *, side: int = 64) -> str:
    """The page of somebody who made so many tasks of four pictures in this session; the session's id."""
    secret, session_id = pretend.backends.auth.open("ada@example.org")
    ledger, ada = pretend.backends.tasks, pretend.backends.auth.ada.user_id
    pretend.do(hang(ledger, ada, session_id, tasks=tasks, side=side))
    return enter(page, pretend, path, session=(secret, session_id))


def scroll_to_the_end(page: Page, cards: int) -> None:
    """As somebody does who wants to see the oldest."""
    while (found := page.locator(CARDS).count()) < cards:
        page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        expect(page.locator(f"{CARDS}:nth-child({found + 1})")).to_be_attached(timeout=PAGED_WITHIN_MS)


def elsewhere(pretend: Running, session_id: str, prompt: str) -> None:
    """A task of the same session that another page submitted."""
    ada = pretend.backends.auth.ada.user_id
    (task,) = pretend.do(hang(pretend.backends.tasks, ada, session_id, tasks=1, prompt=prompt))
    task.created_time.GetCurrentTime()
    pretend.do(pretend.backends.tasks.stored(task))


def prompts(page: Page) -> Locator:
    """The titles of the cards that are filled."""
    return page.locator(f"{CARDS} h3")


@pytest.mark.rotating
def test_of_two_thousand_pictures_only_those_near_the_window_are_there(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    crowd(pretend, page, CROWD)

    scroll_to_the_end(page, CROWD)
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    expect(prompts(page).last).to_have_text("a house 1", timeout=PAGED_WITHIN_MS)

    def weigh() -> None:
        # What has gone far is given up a frame later, or some.
        page.wait_for_function(WEIGHS_LITTLE, arg=PICTURES, timeout=PAGED_WITHIN_MS)

    weigh()
    # Back to the middle: what was given up is there again, where it was.
    middle = page.locator(f"{CARDS}:nth-child(250)")
    middle.evaluate("card => card.scrollIntoView({ block: 'center', behavior: 'instant' })")
    expect(middle.locator("h3")).to_have_text("a house 251", timeout=PAGED_WITHIN_MS)
    expect(middle.locator("img").first).to_have_js_property("complete", True, timeout=PAGED_WITHIN_MS)
    expect(middle).to_be_in_viewport()
    expect(prompts(page).first).not_to_have_text("a house 500")
    weigh()


def test_what_is_looked_at_stays_where_it_is_while_cards_come_and_grow_above(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    session_id = crowd(pretend, page, 60)
    scroll_to_the_end(page, 48)
    looked_at = page.locator(f'{CARDS}[data-task="old-30"]')
    looked_at.evaluate("card => card.scrollIntoView({ block: 'center', behavior: 'instant' })")
    expect(looked_at.locator("h3")).to_be_visible()
    before = looked_at.evaluate(TOP)

    elsewhere(pretend, session_id, "from elsewhere")

    expect(page.locator(CARDS).first).to_have_attribute("data-task", re.compile("old-61"))
    assert abs(looked_at.evaluate(TOP) - before) <= 1


def test_older_tasks_come_by_the_keyboard_too(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    crowd(pretend, page, 30)
    button = page.get_by_role("button", name="Show older")

    button.press("Enter")

    expect(page.locator(CARDS)).to_have_count(30)
    expect(button).to_be_hidden()
    expect(page.locator("#timeline")).to_be_focused()


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_jumps_from_the_press_to_the_last_picture(pretend: Running, new_page: NewPage, width: int) -> None:
    page = new_page(width, 900)
    page.add_init_script(f"({COUNT_SHIFTS})()")
    crowd(pretend, page, 6)
    expect(page.locator(PICTURES).first).to_have_js_property("complete", True)
    assert page.evaluate("window.shift") < 0.02

    sent: list[Route] = []

    def hold(route: Route) -> None:
        sent.append(route)

    page.route("**/studio/tasks", hold)
    if page.locator("#panel").is_hidden():
        page.locator("#dock-open").click()
    page.locator("#prompt").fill("wait for it")
    page.keyboard.press("Control+Enter")
    expect(page.locator(CARDS)).to_have_count(7)
    expect(page.locator("#now-words")).to_have_text("Sending")
    page.wait_for_function("() => !document.getElementById('timeline').getAnimations().length")
    # What the press itself moved was asked for; everything after it was not.
    page.evaluate("() => (window.shift = 0)")
    first_of(page, sent).continue_()
    expect(page.locator("#now-words")).to_have_text("1st in line")
    ledger = pretend.backends.tasks
    task_id = list(ledger.tasks)[-1]
    for work, state in ((ledger.start, "RUNNING"), (ledger.deliver, "RUNNING"), (ledger.end, "SUCCEEDED")):
        pretend.do(work(task_id))
        expect(page.locator(CARDS).first).to_have_attribute("data-state", state)
    expect(page.locator(PICTURES).first).to_have_js_property("complete", True)
    expect(page.locator("#now")).to_be_hidden()

    assert page.evaluate("window.shift") < 0.02


def test_nothing_jumps_when_another_page_asks(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    page.add_init_script(f"({COUNT_SHIFTS})()")
    session_id = crowd(pretend, page, 6)

    elsewhere(pretend, session_id, "from elsewhere")

    expect(page.locator(CARDS)).to_have_count(7)
    expect(page.locator(PICTURES).first).to_have_js_property("complete", True)
    assert page.evaluate("window.shift") < 0.02


def test_a_tile_has_its_size_before_its_picture_and_reads_no_more_than_it_shows(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    crowd(pretend, page, 3, side=512)
    picture = page.locator(PICTURES).first
    expect(picture).to_have_js_property("complete", True)

    told = picture.evaluate("each => [each.getAttribute('width'), each.getAttribute('height'), each.loading]")

    assert told == ["512", "512", "lazy"]
    assert picture.evaluate("each => new URL(each.currentSrc).search") == "?size=small"
    sizes = {size for _, size in pretend.backends.tasks.read}
    assert sizes == {2}


@pytest.mark.parametrize("width", [1440, 390])
def test_a_search_shows_what_has_the_words_and_nothing_else_that_comes(
    pretend: Running, new_page: NewPage, width: int
) -> None:
    page = new_page(width, 900)
    session_id = crowd(pretend, page, 60)
    box = page.get_by_role("searchbox", name="Search by prompt")

    box.fill("HOUSE 12")
    expect(prompts(page)).to_have_text(["a house 12"])
    expect(page.locator("#found")).to_have_text("1 found.")
    elsewhere(pretend, session_id, "a boat")
    elsewhere(pretend, session_id, "a house 12 by the sea")
    expect(prompts(page)).to_have_text(["a house 12 by the sea 62", "a house 12"])

    page.reload()
    expect(prompts(page)).to_have_text(["a house 12 by the sea 62", "a house 12"])
    expect(box).to_have_value("HOUSE 12")
    box.fill("")
    expect(page.locator(CARDS)).to_have_count(24)
    expect(prompts(page).first).to_have_text("a house 12 by the sea 62")
    expect(page).not_to_have_url(re.compile("query"))


def test_a_search_that_finds_nothing_says_so_and_leads_to_every_session(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    crowd(pretend, page, 2)
    page.evaluate("() => document.querySelector('#find').focus()")
    enter(page, pretend)
    ask_for(page, "a lighthouse")
    expect(page.locator(CARDS)).to_have_count(1)

    page.locator("#find").fill("a house")
    expect(page.locator("#nothing")).to_contain_text("No prompt here contains “a house”.")
    expect(page.locator("#found")).to_have_text("Nothing found.")
    expect(page.locator(CARDS)).to_have_count(0)
    page.get_by_role("link", name="Search every session").click()

    expect(prompts(page)).to_have_text(["a house 2", "a house 1"])
    expect(page.locator("#find")).to_have_value("a house")


def test_an_answer_that_a_later_search_overtook_is_not_shown(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    crowd(pretend, page, 15)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/studio/tasks?query=house+1&*", hold)
    box = page.locator("#find")
    with page.expect_request("**/studio/tasks?query=house+1&*"):
        box.fill("house 1")

    box.fill("house 15")
    expect(prompts(page)).to_have_text(["a house 15"])
    with page.expect_response("**/studio/tasks?query=house+1&*"):
        first_of(page, held).continue_()

    expect(prompts(page)).to_have_text(["a house 15"])
