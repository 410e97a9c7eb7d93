"""The pages in a real browser, before made-up backends: looks, keyboard, live line, what is remembered."""

import re

import pytest
from playwright.sync_api import Page, expect

from services.foundation import errors
from tests.e2e.conftest import NewPage
from tests.support import gateway
from tests.support.gateway_accounts import PASSWORD
from tests.support.threaded_gateway import Running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]


def sign_in(page: Page, url: str) -> None:
    """As Ada."""
    page.goto(f"{url}/sign-in")
    page.get_by_label("Email").fill("ada@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(re.compile("/studio$"))
    # The button speaks as soon as the page's scripts do.
    expect(page.locator("#panel [data-cost]")).not_to_be_empty()


def ask_for(page: Page, prompt: str) -> None:
    """Send a prompt from the panel or the dock."""
    if page.locator("#panel").is_hidden():
        page.get_by_role("button", name="Open the controls").click()
    page.locator("#prompt").fill(prompt)
    expect(page.locator("#panel [data-generate]")).to_be_enabled()
    with page.expect_response("**/studio/tasks"):
        page.keyboard.press("Control+Enter")
    # The page has heard the answer too, and closed the panel where it does.
    expect(page.locator("#panel [data-generate]")).to_have_attribute("aria-busy", "false")


@pytest.mark.parametrize("look", ["light", "dark"])
def test_no_page_is_wider_than_its_window(pretend: Running, new_page: NewPage, look: str) -> None:
    page = new_page(1440, 800, look)

    def look_at(paths: list[str]) -> None:
        for path in paths:
            page.goto(f"{pretend.url}{path}")
            assert page.evaluate("document.documentElement.dataset.bsTheme") == look
            for width in (320, 390, 768, 1024, 1920):
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)

    look_at(["/", "/gallery", "/docs", "/terms", "/sign-in", "/sign-up", "/nothing"])
    sign_in(page, pretend.url)
    ask_for(page, "a red house with a rather long prompt that has to find its place on a small screen too")
    expect(page.locator(".dd-tile-open")).to_have_count(1)
    look_at(["/studio", "/account"])


def test_the_button_says_price_and_time_as_the_dials_move(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    generate = page.locator("#panel [data-generate]")
    expect(generate).to_be_disabled()
    expect(generate).to_contain_text("write a prompt first")

    page.locator("#prompt").fill("a red house")
    expect(generate).to_contain_text("1 token")
    expect(generate).to_contain_text("about 1 s")
    page.locator('input[type=number][name="samples"]').fill("10")
    page.locator('input[type=number][name="steps"]').fill("50")
    page.get_by_text("16:9").click()
    # The nearest to 16:9 that 64s make is 448 × 256: a little more than one token each.
    expect(generate).to_contain_text("20 tokens")
    page.locator('input[type=number][name="width"]').fill("512")
    page.locator('input[type=number][name="height"]').fill("512")
    expect(generate).to_contain_text("30 tokens")
    # 10 × (50 × 0.24 s + 0.9 s), by the step times the server published.
    expect(generate).to_contain_text("2 min")
    expect(page.locator("#after")).to_have_text("leaves 70 of 100 tokens")


def test_the_button_takes_a_press_that_ends_the_typing_of_a_number(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.locator("#prompt").fill("a red house")
    page.locator('input[type=number][name="samples"]').fill("2")

    page.locator("#panel [data-cost]").click(force=True)

    expect(page.locator(".dd-tile-open")).to_have_count(2)


@pytest.mark.parametrize(
    ("settings", "stored"),
    [
        ({"steps": 20, "width": 256, "height": 256, "samples": 1}, 1),
        ({"steps": 50, "width": 512, "height": 512, "samples": 3}, 9),
        ({"steps": 21, "width": 512, "height": 512, "samples": 1}, 2),
        ({"steps": 1, "width": 64, "height": 64, "samples": 10}, 10),
    ],
)
def test_the_price_in_the_browser_is_the_price_that_is_held(
    pretend: Running, new_page: NewPage, settings: dict[str, int], stored: int
) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.locator("#prompt").fill("wait for it")
    expect(page.locator("#panel [data-generate]")).to_be_enabled()
    for name, value in settings.items():
        page.locator(f'input[type=number][name="{name}"]').fill(str(value))

    expect(page.locator("#panel [data-generate]")).to_contain_text("1 token" if stored == 1 else f"{stored} tokens")
    page.keyboard.press("Control+Enter")

    expect(page.locator("#cards")).to_contain_text("Held")
    assert next(iter(pretend.backends.tasks.tasks.values())).price == stored


def test_a_failure_says_why_and_can_be_tried_again(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)

    ask_for(page, "fail, please")

    card = page.locator('[data-state="FAILED"]')
    expect(card).to_contain_text("The worker stopped. Your token came back.")
    expect(page.locator("#purse")).to_have_text("100")
    card.get_by_role("button", name="Try again").click()
    expect(page.locator('[data-state="FAILED"]')).to_have_count(2)


def test_progress_is_there_only_while_something_is_queued_or_running(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    expect(page.locator("#now")).to_be_hidden()

    ask_for(page, "hold it")

    expect(page.locator("#now-percent")).to_have_text("50")
    expect(page.locator("#now")).to_have_class(re.compile("has-preview"))
    expect(page.locator(".dd-tile-wait")).to_have_count(1)
    assert page.title() == "50 % · Daydream"
    ask_for(page, "wait behind")
    expect(page.locator("#now-line")).to_contain_text("wait behind")
    page.get_by_role("button", name="Cancel: hold it").click()
    expect(page.locator("#now-words")).to_have_text("1st in line")
    page.get_by_role("button", name="Cancel: wait behind").click()
    expect(page.locator("#now")).to_be_hidden()
    assert page.title() == "Studio · Daydream"
    expect(page.locator("#purse")).to_have_text("100")


def test_a_second_tab_shows_the_same_over_one_stream(pretend: Running, new_page: NewPage) -> None:
    first = new_page()
    sign_in(first, pretend.url)
    ask_for(first, "hold it")
    expect(first.locator("#now-percent")).to_have_text("50")

    second = new_page(context=first.context)
    second.goto(f"{pretend.url}/studio")

    expect(second.locator("#now-percent")).to_have_text("50")
    ask_for(second, "from the second tab")
    expect(first.locator("#cards")).to_contain_text("from the second tab")
    ledger = pretend.backends.tasks
    assert ledger.watching == 1
    opened = len(ledger.watched)
    first.close()
    second.get_by_role("button", name="Cancel: hold it").click()
    expect(second.locator(".dd-tile-open")).to_have_count(1)
    # The second has a stream of its own once it knows that the first is gone, and the server ends that one's.
    pretend.do(gateway.until(lambda: len(ledger.watched) > opened and ledger.watching == 1, seconds=30))


def test_values_the_help_switch_and_the_pin_survive_a_reload(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    # One that waits: what is drawn could be over before it was looked for.
    page.locator("#prompt").fill("wait for a red boat")
    page.locator('input[type=number][name="steps"]').fill("7")
    page.get_by_text("4:3").click()
    page.get_by_role("button", name="Explain every control").click()
    page.get_by_role("button", name="Keep the panel open").click()

    page.reload()

    expect(page.locator("#prompt")).to_have_value("wait for a red boat")
    expect(page.locator('input[type=number][name="steps"]')).to_have_value("7")
    expect(page.locator('input[type=number][name="width"]')).to_have_value("256")
    expect(page.locator('input[type=number][name="height"]')).to_have_value("192")
    expect(page.locator("#steps-help")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page.locator("#now")).to_be_visible()
    expect(page.locator("#panel")).to_be_visible()


def test_the_panel_closes_on_submit_unless_it_is_pinned(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)

    ask_for(page, "a red house")

    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator("#dock-words")).to_have_text("a red house")


def test_a_refusal_stands_in_the_panel_in_the_servers_words(pretend: Running, new_page: NewPage) -> None:
    pretend.backends.tasks.refusal = errors.TooMuch("The queue is full; try again in a moment.", reason="QUEUE_FULL")
    page = new_page()
    sign_in(page, pretend.url)

    ask_for(page, "a red house")

    expect(page.locator("#refusal")).to_contain_text("The queue is full; try again in a moment.")
    expect(page.locator("#panel")).to_be_visible()
    expect(page.locator("#cards > li")).to_have_count(0)


def test_a_picture_can_be_looked_at_reused_and_varied_with_the_keyboard_alone(
    pretend: Running, new_page: NewPage
) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.locator('input[type=number][name="samples"]').fill("3")
    ask_for(page, "a red house")
    expect(page.locator(".dd-tile-open")).to_have_count(3)

    page.locator(".dd-tile-open").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#viewer-count")).to_have_text("1 of 3")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-count")).to_have_text("2 of 3")
    page.keyboard.press("a")
    expect(page.locator("#viewer")).to_be_hidden()
    expect(page.locator("#seed")).to_have_value("501")
    page.locator(".dd-tile-open").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("r")
    expect(page.locator("#seed")).to_have_value("-1")
    page.get_by_role("button", name="Use the last seed again").click()
    expect(page.locator("#seed")).to_have_value("500")
    assert len(pretend.backends.tasks.tasks) == 1


def test_a_session_that_ends_elsewhere_leads_to_the_door(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)

    pretend.backends.auth.end_all()

    expect(page).to_have_url(re.compile(r"/sign-in\?next="))


def test_an_example_fills_the_panel_and_does_not_run(pretend: Running, new_page: NewPage) -> None:
    page = new_page(390, 844)
    sign_in(page, pretend.url)

    page.get_by_role("button", name=re.compile("Three yellow rings")).click()

    expect(page.locator("#prompt")).to_have_value("Three yellow rings on dark blue")
    expect(page.locator("#panel")).to_be_visible()
    assert not pretend.backends.tasks.tasks
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    expect(page.locator("#dock-open")).to_be_focused()


def test_the_look_is_chosen_and_remembered(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{pretend.url}/")

    page.get_by_role("button", name="Switch between light and dark").click()
    page.goto(f"{pretend.url}/docs")

    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def test_signing_out_leaves_no_prompt_behind(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    page.locator("#prompt").fill("something private")

    page.get_by_role("button", name="Sign out").locator("visible=true").click()

    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert "something private" not in page.evaluate("JSON.stringify(localStorage)")


def test_nothing_jumps_while_the_timeline_loads(pretend: Running, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, pretend.url)
    ask_for(page, "a red house")
    # With its end: that of a task which still runs moves what hangs below it.
    expect(page.locator('[data-state="SUCCEEDED"] .dd-tile-open')).to_have_count(1)
    page.add_init_script(
        "window.shift = 0;"
        "new PerformanceObserver((list) => { for (const each of list.getEntries()) window.shift += each.value; })"
        ".observe({ type: 'layout-shift', buffered: true });"
    )

    page.reload()
    expect(page.locator(".dd-tile-open img")).to_have_js_property("complete", True)

    assert page.evaluate("window.shift") < 0.02
