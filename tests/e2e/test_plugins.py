"""Plugins in the studio: a real host's pages in frames, on an origin of their own."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import FrameLocator, Page, Route, expect

from tests.e2e.conftest import NewPage
from tests.support import framed, visits
from tests.support.framed import Framed, come_in
from tests.support.studio_page import first_of

RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")
pytestmark = [pytest.mark.browser, pytest.mark.rotating]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Framed]:
    with framed.running(tmp_path_factory.mktemp("host")) as running:
        yield running


def form(page: Page) -> FrameLocator:
    """The plugin's own page, once it stands there: by then its script hears what is pressed."""
    return page.frame_locator(visits.FRAME)


def flip(page: Page) -> None:
    """Choose the newest picture of the timeline and submit."""
    form(page).get_by_role("button", name="choose file").click()
    page.get_by_role("button", name=framed.PROMPT).first.click()
    expect(form(page).get_by_text(framed.PROMPT)).to_be_visible()
    form(page).get_by_role("button", name="submit").click()
    expect(page.locator("#task-chip")).to_have_text("done")


def begin(page: Page, world: Framed, words: str) -> None:
    """A task that waits at its second step."""
    come_in(page, world, "/plugins/two-steps")
    form(page).get_by_label("Words").fill(words)
    form(page).get_by_role("button", name="submit").click()
    expect(page.locator("#task-chip")).to_have_text("waits for you")


def test_a_picture_goes_to_a_plugin_and_its_result_into_the_timeline(new_page: NewPage, world: Framed) -> None:
    page = new_page()
    come_in(page, world, "/plugins/flip", pictures=2)
    flip(page)
    expect(page.locator("#task-log")).to_have_text("It was image/generated.")
    results = page.locator("#task-outs > li")
    expect(results).to_have_count(2)
    expect(results.first.locator("img")).not_to_have_js_property("naturalWidth", 0)

    results.first.get_by_role("button", name="Add to timeline").click()

    expect(page.get_by_role("link", name="In your timeline")).to_be_focused()
    page.goto(f"{world.url}/studio")
    card = page.locator(".dd-task").first
    expect(card.locator("dl")).to_contain_text("Fromflip")
    expect(card.get_by_role("button", name="Reuse all")).to_be_hidden()
    card.locator(".dd-tile-open").click()
    expect(page.locator("#viewer-facts")).to_contain_text("flip")
    expect(page.get_by_role("button", name="Variant, new seed")).to_be_hidden()
    page.keyboard.press("r")
    expect(page.locator("#viewer")).to_be_visible()


def test_a_picture_of_the_timeline_is_sent_to_a_plugin_that_takes_it_with_the_keyboard(
    new_page: NewPage, world: Framed
) -> None:
    page = new_page()
    come_in(page, world, "/studio", pictures=1)
    page.locator(".dd-tile-open").first.press("Enter")
    page.get_by_role("button", name="Send to a plugin").press("Enter")
    dialog = page.get_by_role("dialog", name="Send this picture to a plugin")
    expect(dialog.get_by_role("button", name="Flip a picture")).to_be_visible()
    expect(dialog.get_by_role("button", name="Ask twice")).to_have_count(0)

    # In front of the viewer the dialog alone has the keys.
    page.keyboard.press("Delete")
    dialog.get_by_role("button", name="Flip a picture").press("Enter")

    page.wait_for_url("**/plugins/flip%40v1-2-0")
    expect(form(page).get_by_label("Picture")).to_have_value(re.compile(rf"{world.url}/linked/link-\d+"))
    expect(form(page).get_by_text(framed.PROMPT)).to_be_visible()


def test_a_result_is_looked_at_saved_and_sent_on_to_a_plugin_that_shows_it(new_page: NewPage, world: Framed) -> None:
    page = new_page()
    come_in(page, world, "/plugins/flip", pictures=1)
    flip(page)
    page.get_by_role("button", name="Look at sides.csv").click()
    expect(page.get_by_role("dialog").locator("pre")).to_have_text("side,px\nwidth,8\n", use_inner_text=True)
    page.keyboard.press("Escape")
    with page.expect_download() as saving:
        page.get_by_role("button", name="Download sides.csv").click()
    name = page.locator("#task-outs .dd-clip").first.inner_text()

    page.get_by_role("button", name=f"Send {name} to a plugin").click()
    page.get_by_role("dialog").get_by_role("button", name="Look at a picture").click()

    assert saving.value.suggested_filename == "sides.csv"
    expect(page.locator("#frame-show-words")).to_have_text(f"Shows {name}.")
    expect(form(page).get_by_text("8 × 8").or_(form(page).get_by_text("PNG")).first).to_be_visible()


def test_the_next_step_opens_in_the_frame_and_a_reload_finds_it_again(new_page: NewPage, world: Framed) -> None:
    page = new_page()
    come_in(page, world, "/plugins/two-steps")
    form(page).get_by_label("Words").fill("a calm sea")
    form(page).get_by_role("button", name="submit").click()
    expect(form(page).get_by_label("Right")).to_be_visible()
    expect(page.locator("#task-chip")).to_have_text("waits for you")
    expect(page.locator("#steps [aria-current=step]")).to_have_text("Check the words")

    page.reload()

    expect(form(page).get_by_label("Right")).to_be_visible()
    expect(page.locator("#task-percent")).to_have_text("50")
    form(page).get_by_role("button", name="submit").click()
    expect(page.locator("#task-chip")).to_have_text("done")
    expect(page.locator("#task-outs")).to_contain_text("words.txt")
    page.get_by_role("button", name="Begin anew").click()
    expect(form(page).get_by_label("Words")).to_be_visible()


@pytest.mark.parametrize("listed", [True, False])
def test_a_waiting_task_of_another_plugin_leaves_the_form_and_shows_the_way(
    new_page: NewPage, world: Framed, listed: bool
) -> None:
    page = new_page()
    begin(page, world, "of another plugin")
    if not listed:
        page.route("**/tasks/?limit=*", lambda route: route.abort())

    page.goto(f"{world.url}/plugins/flip?{page.url.rpartition('?')[2]}")

    expect(form(page).get_by_label("Picture")).to_be_visible()
    page.get_by_role("link", name="Go on with it").click()
    expect(form(page).get_by_label("Right")).to_be_visible()


def test_a_cancellation_that_is_answered_late_changes_no_other_task(new_page: NewPage, world: Framed) -> None:
    page = new_page()
    begin(page, world, "the other")
    other = page.url.rpartition("task=")[2]
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator("#task-chip")).to_have_text("cancelled")
    expect(page.locator("#task-name")).to_be_focused()
    begin(page, world, "the one")
    held: list[Route] = []
    page.route(
        re.compile(r"/tasks/[^/]+/$"),
        lambda route: held.append(route) if route.request.method == "POST" else route.continue_(),
    )
    with page.expect_request(lambda request: "/tasks/" in request.url and request.method == "POST"):
        page.get_by_role("button", name="Cancel", exact=True).click()
    page.locator(f'#recent-list [data-task="{other}"]').get_by_role("button").click()
    expect(page.locator("#task-chip")).to_have_text("cancelled")

    with page.expect_response(lambda answer: answer.request.method == "POST" and "/tasks/" in answer.url):
        first_of(page, held).fulfill(
            json={"status": "SUCCESS", "log": "of the first"}, headers={"Access-Control-Allow-Origin": "*"}
        )
    # What the page makes of the answer it has made by then.
    page.evaluate("async () => (await fetch('/healthz')).status")

    expect(page.locator("#task-chip")).to_have_text("cancelled")
    expect(page.locator("#task-log")).not_to_have_text("of the first")


def test_a_host_that_is_away_is_not_shown_as_a_page_that_came(new_page: NewPage, world: Framed) -> None:
    page = new_page()
    for gone in ("**/sign-in?*", "**/asyncapi.json"):
        page.route(gone, lambda route: route.abort())

    come_in(page, world, "/plugins/two-steps")

    expect(page.locator("#frame-words")).to_have_text("The plugins do not answer. Try again in a moment.")
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(form(page).get_by_label("Words")).to_be_visible()


def test_a_task_is_cancelled_and_deleted_once_that_was_confirmed(new_page: NewPage, world: Framed) -> None:
    page = new_page()
    begin(page, world, "to be deleted")

    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator("#task-chip")).to_have_text("cancelled")
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#task")).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.locator("#confirm-yes").click()

    expect(page.locator("#task")).to_be_hidden()
    expect(page.locator("#recent-title").or_(page.locator("#title")).and_(page.locator(":focus"))).to_have_count(1)
    expect(page).not_to_have_url(re.compile("task="))


@pytest.mark.parametrize("line", ["stream", "asking"])
def test_a_task_is_followed_by_its_stream_and_by_asking_where_none_comes(
    new_page: NewPage, world: Framed, line: str
) -> None:
    page = new_page()
    if line == "asking":
        page.route("**/tasks/*/events", lambda route: route.abort())
    begin(page, world, "stopped elsewhere")

    framed.cancel(world, page.url.rpartition("task=")[2])

    expect(page.locator("#task-chip")).to_have_text("cancelled", timeout=60_000)
    expect(page.locator("#task-trouble")).to_be_hidden()


def test_a_token_that_the_host_believes_no_more_is_replaced(new_page: NewPage, world: Framed) -> None:
    page, given = new_page(), world.backends.grants.tokens_given
    page.route(
        "**/tasks/?limit=12",
        lambda route: route.fulfill(status=401, json={}, headers={"Access-Control-Allow-Origin": "*"}),
        times=1,
    )

    with page.expect_response(lambda answer: "limit=12" in answer.url and answer.status == 200):
        come_in(page, world, "/plugins/two-steps")

    # One for the gateway's own look at the list, and two for the page.
    assert world.backends.grants.tokens_given == given + 3


def test_a_form_that_is_refused_says_why(new_page: NewPage, world: Framed) -> None:
    page = new_page()
    come_in(page, world, "/plugins/flip")
    form(page).get_by_label("Picture").fill("https://elsewhere.example/x.png")
    form(page).get_by_label("Note").fill("wrong")

    form(page).get_by_role("button", name="submit").click()

    expect(page.locator("#notice-words")).to_contain_text("note: Invalid input.")


def test_the_list_is_searched_by_name_and_tag_and_a_small_window_chooses(new_page: NewPage, world: Framed) -> None:
    page = new_page()
    come_in(page, world, "/plugins")
    shown = page.locator(".dd-bench-list .dd-plugin:visible")
    expect(shown.filter(has_text="Ask twice")).to_have_count(1)
    page.get_by_label("Search plugins").fill("mirror")
    expect(shown).to_have_count(1)
    expect(shown).to_contain_text("Flip a picture")
    page.get_by_label("Search plugins").fill("nothing like it")
    expect(page.get_by_text("None has these words.")).to_be_visible()

    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_label("Plugin", exact=True).select_option("two-steps@v0-1-0")
    page.get_by_role("button", name="Open", exact=True).first.click()

    expect(page.get_by_role("heading", name="Ask twice")).to_be_visible()
    expect(form(page).get_by_label("Words")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_code_that_came_too_late_is_followed_by_one_more_and_no_others(new_page: NewPage, world: Framed) -> None:
    page = new_page()
    world.backends.grants.spent_at_once = 1
    come_in(page, world, "/plugins/two-steps")
    expect(form(page).get_by_label("Words")).to_be_visible()

    world.backends.grants.spent_at_once = 9
    fresh = new_page()
    come_in(fresh, world, "/plugins/two-steps")

    expect(fresh.locator("#frame-words")).to_contain_text("does not let your browser in")
    assert world.backends.grants.spent_at_once == 7
    world.backends.grants.spent_at_once = 0
    fresh.get_by_role("button", name="Try again").click()
    expect(form(fresh).get_by_label("Words")).to_be_visible()


def test_a_plugin_in_the_dark_wears_the_studios_colours(new_page: NewPage, world: Framed) -> None:
    page = new_page(look="dark")
    come_in(page, world, "/plugins/flip")
    label = form(page).get_by_text("Picture", exact=True)
    expect(label).to_have_css("color", "rgb(230, 239, 238)")

    page.get_by_role("button", name="Switch between light and dark").click()

    expect(label).to_have_css("color", "rgb(18, 38, 45)")


FLIPPED = visits.Visit(name="plugins-results", path="/plugins/flip", who="painter", arrange=flip)


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("visit", [*visits.PLUGINS, FLIPPED], ids=lambda visit: visit.name)
def test_no_page_of_plugins_breaks_the_rules_of_accessibility(
    new_page: NewPage, world: Framed, visit: visits.Visit, look: str
) -> None:
    width, height = {"wide": (1440, 1000), "narrow": (390, 844)}[visits.size_today(visit, look)]
    world.backends.auth.ada.staff = visit.who == "staff"
    page = new_page(width, height, look)
    come_in(page, world, visit.path, pictures=3)
    visit.arrange(page)

    # What stands in the frame is the plugin's own business, and another origin's.
    options = {"runOnly": {"type": "tag", "values": list(RULES)}, "resultTypes": ["violations"], "iframes": False}
    answer = Axe().run(page, options=options)

    found = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in answer.response["violations"]]
    assert found == []
