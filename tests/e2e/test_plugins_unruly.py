"""A plugin whose page means ill: what it can do to the page round it, which is nothing."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PATIENCE_MS
from tests.support import framed, visits
from tests.support.framed import Framed, come_in

pytestmark = pytest.mark.browser

ODD = (
    *("null", "5", "{}", "{type: 5}", "{type: 'toString'}", "'constructor'"),
    *("{type: 'ui-resize', height: {}}", "{type: 'request-data-url-info', dataUrl: 5}"),
    "{type: 'request-plugin-url-info'}",
)
HEIGHT = "document.querySelector('#frame iframe').style.height"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Framed]:
    with framed.running(tmp_path_factory.mktemp("host")) as running:
        yield running


@pytest.fixture
def page(browser: Browser, world: Framed) -> Iterator[Page]:
    """The plugin in its frame; what the browser itself says of what it blocks is expected here."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    opened = context.new_page()
    opened.set_default_navigation_timeout(2 * PATIENCE_MS)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    come_in(opened, world, "/plugins/unruly")
    # The frame is no longer busy once the plugin's script has spoken.
    expect(opened.frame_locator(visits.FRAME).locator("#top")).to_be_visible()
    yield opened
    context.close()
    assert wrong == []


def press(page: Page, name: str) -> None:
    page.frame_locator("#frame iframe").locator(f"#{name}").click()


def says(page: Page, message: str) -> None:
    """From within the frame."""
    inside = next(frame for frame in page.frames if "/plugins/unruly@" in frame.url)
    inside.evaluate(f"parent.postMessage({message}, '*')")


def grown(page: Page, height: int) -> None:
    """Return once the frame is so high: messages keep their order, so all before has been heard."""
    says(page, f"{{type: 'ui-resize', height: {height}}}")
    expect(page.locator("#frame iframe")).to_have_css("height", f"{height}px")


def time_stands_still(page: Page) -> None:
    """What the page measures by its clock is measured by one that the machine's pace does not move."""
    page.clock.install(time=0)
    page.clock.pause_at(3600)


def test_it_can_neither_lead_the_page_away_nor_open_another(page: Page, world: Framed) -> None:
    with page.expect_console_message(lambda message: "sandboxed" in message.text):
        press(page, "top")
    press(page, "popup")

    page.frames[-1].wait_for_function("document.title === 'no window'")

    assert page.url == f"{world.url}/plugins/unruly"
    assert len(page.context.pages) == 1


def test_its_frame_cannot_go_to_another_origin(page: Page, world: Framed) -> None:
    with page.expect_console_message(lambda message: "frame-src" in message.text) as blocked:
        page.frames[-1].evaluate(f"location.href = '{world.url}/healthz'")

    assert world.url in blocked.value.text


def test_a_message_that_is_too_large_is_passed_over_and_said_so(page: Page) -> None:
    grown(page, 321)

    press(page, "large")

    expect(page.locator("#notice-words")).to_have_text(
        "This plugin sent a message that is too large; it was passed over."
    )
    assert page.evaluate(HEIGHT) == "321px"


def test_a_thousand_messages_a_second_are_mostly_passed_over_and_the_page_goes_on(page: Page) -> None:
    # A thousand within one second, however long the browser takes to hear them.
    time_stands_still(page)

    press(page, "flood")

    expect(page.locator("#notice-words")).to_contain_text("says too much at once")
    assert page.evaluate(f"parseInt({HEIGHT})") < 500
    page.get_by_role("button", name="About").click()
    expect(page.locator("#about")).to_be_visible()


def test_messages_of_other_windows_and_origins_are_not_heard(page: Page) -> None:
    grown(page, 321)

    page.evaluate("postMessage({type: 'ui-resize', height: 900}, '*')")
    page.evaluate(
        """() => {
            const other = document.createElement("iframe");
            document.body.append(other);
            // A window of another frame, and one of another origin than the host's.
            window.dispatchEvent(new MessageEvent("message", {
                source: other.contentWindow, origin: JSON.parse(document.getElementById("bench").dataset.boot).host,
                data: {type: "ui-resize", height: 901},
            }));
            window.dispatchEvent(new MessageEvent("message", {
                source: document.querySelector("#frame iframe").contentWindow, origin: "https://elsewhere.example",
                data: {type: "ui-resize", height: 902},
            }));
        }"""
    )
    grown(page, 322)

    assert page.evaluate(HEIGHT) == "322px"


def test_messages_that_are_none_change_nothing(page: Page) -> None:
    for odd in ODD:
        says(page, odd)

    grown(page, 333)

    expect(page.locator("#notice")).to_be_hidden()
    expect(page.locator("dialog[open]")).to_have_count(0)


def test_it_asks_only_while_one_is_at_it_and_not_at_once_after_one_has_closed_what_it_asked(page: Page) -> None:
    # The moment in which it may not ask again does not pass while the test comes to it.
    time_stands_still(page)
    dialog = page.get_by_role("dialog", name="Choose a file")
    says(page, "{type: 'request-data-url', inputKey: 'a'}")
    grown(page, 321)
    expect(dialog).to_have_count(0)
    press(page, "ask")
    expect(dialog.locator(".dd-choose-for")).to_have_text(re.compile(r"^Wanted: image/x{74}, as any file\.$"))
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)

    press(page, "ask")

    grown(page, 322)
    expect(dialog).to_have_count(0)


def test_what_it_asks_is_deaf_at_first_to_a_click_that_was_meant_for_it(page: Page) -> None:
    page.evaluate(
        """() => new MutationObserver(() => {
            window.deaf ??= document.querySelector("dialog[open] .dd-choose-body")?.inert;
        }).observe(document.body, { subtree: true, childList: true, attributes: true })"""
    )

    press(page, "ask")

    expect(page.locator(".dd-choose-body")).to_have_js_property("inert", False)
    assert page.evaluate("window.deaf") is True


@pytest.mark.parametrize(
    ("form", "kind", "reason"),
    [
        ("key=***&words=a", "application/x-www-form-urlencoded", "it holds a secret"),
        ("file=Uploaded+file%3A+a.png", "application/x-www-form-urlencoded", "it holds a file"),
        ("{}", "application/json", "gave it in a way that is not known here"),
    ],
)
def test_a_form_that_it_only_announces_is_not_sent_without_what_the_announcement_leaves_out(
    page: Page, form: str, kind: str, reason: str
) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))

    says(page, f"{{type: 'form-submit', formData: '{form}', formDataType: '{kind}', submitUrl: location.href}}")

    expect(page.locator("#notice-words")).to_contain_text("The form was not sent")
    expect(page.locator("#notice-words")).to_contain_text(reason)
    assert "POST" not in sent


def test_what_it_says_of_a_form_is_told_as_its_words(page: Page) -> None:
    says(page, "{type: 'form-error', status: 400, error: {message: 'Your session ended.'}}")

    expect(page.locator("#notice-words")).to_have_text("Unruly: Your session ended.")


def test_a_form_that_leads_elsewhere_is_not_sent(page: Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    press(page, "elsewhere")

    expect(page.locator("#notice-words")).to_have_text("The plugin’s form leads to another server; it was not sent.")
    assert not [each for each in asked if "elsewhere" in each]
