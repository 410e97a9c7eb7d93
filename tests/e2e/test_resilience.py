"""A page that stays open through everything: it comes back to the truth by itself."""

import os
import re
import signal
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import NewPage
from tests.e2e.test_studio import DRAWN_WITHIN_MS, set_dial, sign_up
from tests.support import gateway, restarting_gateway
from tests.support.restarting_gateway import Restarting
from tests.support.stack import Stack
from tests.support.studio_page import enter

pytestmark = pytest.mark.browser

LIVE_WITHIN_MS = 60_000


@pytest.fixture
def house() -> Iterator[Restarting]:
    """A gateway that goes down and comes up again."""
    with restarting_gateway.running() as running:
        yield running


def submit(page: Page, prompt: str) -> None:
    """Press the keys, and wait for nothing."""
    if page.locator("#panel").is_hidden():
        page.locator("#dock-open").click()
    page.locator("#prompt").fill(prompt)
    expect(page.locator("#panel [data-generate]")).to_be_enabled()
    page.keyboard.press("Control+Enter")


def never_reloaded(page: Page) -> None:
    """It is still the page that was opened: what a test left in it is there."""
    assert page.evaluate("window.ours") == "still here"


def test_a_server_that_restarts_in_mid_task_is_followed_to_the_truth_without_a_reload(
    house: Restarting, new_page: NewPage
) -> None:
    page = new_page()
    enter(page, house)
    other = new_page(context=page.context)
    other.goto(f"{house.url}/studio")
    page.evaluate("() => (window.ours = 'still here')")
    submit(page, "hold it")
    for each in (page, other):
        expect(each.locator("#now-percent")).to_have_text("50")
    with page.expect_response("**/studio/tasks"):
        submit(page, "wait for it")
    expect(page.locator("#cards > li")).to_have_count(2)
    ledger = house.backends.tasks
    first, second = ledger.tasks

    house.do(house.down())
    expect(page.locator("#away")).to_contain_text("The line to the server broke off.")
    house.do(ledger.deliver(first))
    house.do(ledger.end(first))
    house.do(ledger.cancelled(second))
    house.do(house.up())

    for each in (page, other):
        expect(each.locator('[data-state="SUCCEEDED"] .dd-tile-open img')).to_have_count(1, timeout=LIVE_WITHIN_MS)
        expect(each.locator('[data-state="CANCELLED"]')).to_have_count(1)
        expect(each.locator("#now")).to_be_hidden()
        expect(each.locator("#away")).to_be_hidden()
        expect(each.locator("#purse")).to_have_text("99")
        expect(each).to_have_title(re.compile("^Studio"))
    expect(page.locator(".dd-tile-open img")).not_to_have_js_property("naturalWidth", 0)
    never_reloaded(page)


def test_a_picture_whose_file_did_not_come_is_asked_for_again(house: Restarting, new_page: NewPage) -> None:
    page = new_page()
    enter(page, house)
    page.route("**/images/**", lambda route: route.abort())
    submit(page, "a red house")
    picture = page.locator(".dd-tile-open img")
    expect(picture).to_have_count(1)
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth") == 0

    page.unroute("**/images/**")
    house.do(house.down())
    expect(page.locator("#away")).to_be_visible()
    house.do(house.up())

    expect(page.locator("#away")).to_be_hidden(timeout=LIVE_WITHIN_MS)
    expect(picture).not_to_have_js_property("naturalWidth", 0)


def test_a_submit_that_a_restart_swallowed_is_sent_again_and_charged_once(house: Restarting, new_page: NewPage) -> None:
    page = new_page()
    enter(page, house)
    house.do(house.down())
    # It tries twice more, soon after; however long the server takes to come up again, that is after it has.
    page.clock.install(time=0)
    page.clock.pause_at(3600)

    with page.expect_event("requestfailed", lambda request: request.url.endswith("/studio/tasks")):
        submit(page, "a red house")
    expect(page.locator("#now-words")).to_have_text("Sending")
    house.do(house.up())
    page.clock.resume()

    expect(page.locator(".dd-tile-open")).to_have_count(1, timeout=LIVE_WITHIN_MS)
    expect(page.locator("#purse")).to_have_text("99")
    assert len(house.backends.tasks.tasks) == 1


def test_a_tab_whose_leader_is_closed_hears_what_happens_next_and_what_happened_meanwhile(
    house: Restarting, new_page: NewPage
) -> None:
    leader = new_page()
    enter(leader, house)
    follower = new_page(context=leader.context)
    follower.goto(f"{house.url}/studio")
    expect(follower.locator("#panel [data-cost]")).not_to_be_empty()
    submit(leader, "hold it")
    expect(follower.locator("#now-percent")).to_have_text("50")
    ledger = house.backends.tasks
    (task_id,) = ledger.tasks

    leader.close()
    house.do(ledger.deliver(task_id))
    expect(follower.locator(".dd-tile-open")).to_have_count(1)
    house.do(ledger.end(task_id))

    expect(follower.locator('[data-state="SUCCEEDED"]')).to_have_count(1)
    # The follower has a stream of its own by now; the server ends the leader's once it knows that it is gone.
    house.do(gateway.until(lambda: ledger.watching == 1, seconds=30))


def test_signing_out_in_one_tab_leads_every_other_to_the_door(house: Restarting, new_page: NewPage) -> None:
    page = new_page()
    enter(page, house)
    other = new_page(context=page.context)
    other.goto(f"{house.url}/account")

    other.get_by_role("button", name="Sign out").locator("visible=true").click()

    expect(other.get_by_text("You are signed out.")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/sign-in\?next=%2Fstudio"), timeout=LIVE_WITHIN_MS)


def test_the_real_gateway_killed_in_mid_task_comes_back_and_so_does_the_page(stack: Stack, new_page: NewPage) -> None:
    page = new_page()
    sign_up(page, stack.url)
    page.evaluate("() => (window.ours = 'still here')")
    page.locator("#prompt").fill("a red house under a yellow sun")
    set_dial(page, "samples", 4)
    set_dial(page, "steps", 50)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#now-share")).to_be_visible(timeout=DRAWN_WITHIN_MS)

    os.kill(stack.process_id("services.web"), signal.SIGKILL)

    expect(page.locator(".dd-tile-open img")).to_have_count(4, timeout=DRAWN_WITHIN_MS)
    expect(page.locator('[data-state="SUCCEEDED"]')).to_have_count(1, timeout=DRAWN_WITHIN_MS)
    expect(page.locator("#now")).to_be_hidden()
    expect(page.locator("#away")).to_be_hidden()
    expect(page.locator(".dd-tile-open img").last).not_to_have_js_property("naturalWidth", 0)
    never_reloaded(page)
