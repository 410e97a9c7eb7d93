"""A plugin's page and the page that frames it say what the protocol says, and only to each other."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Frame, Page

from tests.e2e.conftest import NewPage
from tests.support import plugin_pages
from tests.support.plugin_pages import Pages

pytestmark = [pytest.mark.browser, pytest.mark.rotating]

DATA = "data:text/csv,ID"


@pytest.fixture(scope="module")
def pages() -> Iterator[Pages]:
    with plugin_pages.running() as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_sent(pages: Pages) -> None:
    pages.sent.clear()


class Framed:
    """The framing page, with what it heard."""

    def __init__(self, page: Page, pages: Pages, path: str = "/ui/") -> None:
        page.goto(f"{pages.host}/?{pages.plugin}{path}")
        self.page = page
        (self.frame,) = [frame for frame in page.frames if frame.url.startswith(pages.plugin)]

    def hears(self, kind: str) -> Any:
        """The first message of that kind, once it has come; it is forgotten then."""
        named = "(m) => (m.data.type ?? m.data) === kind"
        self.page.wait_for_function(f"(kind) => heard.some({named})", arg=kind)
        return self.page.evaluate(f"(kind) => heard.splice(heard.findIndex({named}), 1)[0].data", kind)

    def heard(self) -> list[str]:
        """The kinds of all messages that have not been looked at."""
        kinds: list[str] = self.page.evaluate("heard.map((m) => m.data.type ?? m.data)")
        return kinds

    def says(self, message: Any) -> None:
        self.page.evaluate("(message) => say(message)", message)


@pytest.fixture
def framed(new_page: NewPage, pages: Pages) -> Framed:
    return Framed(new_page(), pages)


def settled(frame: Frame) -> None:
    """Return once the page has handled all that was said before: messages keep their order."""
    frame.evaluate(
        "new Promise((done) => { addEventListener('message', done, { once: true }); postMessage('x', '*') })"
    )


def test_a_page_greets_and_tells_its_height(framed: Framed) -> None:
    framed.hears("ui-loaded")

    height = framed.hears("ui-resize")["height"]

    assert height == framed.frame.evaluate("document.documentElement.scrollHeight")


def test_a_page_that_grows_or_shrinks_tells_its_new_height(framed: Framed) -> None:
    framed.page.evaluate("document.getElementById('f').style.height = '100px'")
    framed.hears("ui-loaded")
    tall = framed.hears("ui-resize")["height"]

    framed.frame.evaluate("document.querySelector('form').style.display = 'none'")
    framed.page.wait_for_function(
        "(tall) => heard.some((m) => m.data.type === 'ui-resize' && m.data.height < tall)", arg=tall
    )
    framed.frame.evaluate(
        "document.body.dataset.targetHeight = 'full'; document.querySelector('form').style.display = ''"
    )

    framed.page.wait_for_function("heard.some((m) => m.data.type === 'ui-resize' && m.data.targetHeight === 'full')")


def test_the_host_decides_whether_forms_are_sent(framed: Framed, pages: Pages) -> None:
    framed.says("ui-submit-status")
    first = framed.hears("ui-submit-status")
    framed.says("ui-prevent-submit")
    second = framed.hears("ui-submit-status")
    framed.frame.fill("#words", "a & b")
    framed.frame.click("text=submit")
    announced = framed.hears("form-submit")
    framed.says("ui-allow-submit")
    third = framed.hears("ui-submit-status")

    assert [said["isAllowedToSubmit"] for said in (first, second, third)] == [True, False, True]
    assert "resultUrl" not in announced
    assert parse_qs(announced["formData"])["words"] == ["a & b"]
    assert pages.sent == []


def test_a_form_is_sent_and_the_host_told_all_but_the_secrets(framed: Framed, pages: Pages) -> None:
    framed.frame.fill("#data_url", DATA)
    framed.frame.fill("#password", "secret")
    framed.frame.fill("#hidden_key", "secret too")
    framed.frame.check("#keep")
    framed.frame.click("text=submit")

    told = framed.hears("form-submit")

    fields = parse_qs(told["formData"])
    assert (fields["password"], fields["hiddenKey"], fields["keep"]) == (["***"], ["***"], ["on"])
    assert told["formDataType"] == "application/x-www-form-urlencoded"
    assert told["dataInputs"] == [DATA]
    assert told["submitUrl"] == f"{pages.plugin}/process/"
    assert told["resultUrl"] == f"{pages.plugin}/tasks/1/"
    assert (pages.sent[0]["password"], pages.sent[0]["hiddenKey"]) == ("secret", "secret too")
    assert "ui-loading" in framed.heard()


@pytest.mark.parametrize(("path", "code"), [("/refuse/", 422), ("/break/", 500)])
def test_a_refused_form_is_told_as_an_error(new_page: NewPage, pages: Pages, path: str, code: int) -> None:
    framed = Framed(new_page(), pages, f"/ui/?process={path}")
    framed.frame.click("text=submit")

    told = framed.hears("form-error")

    assert (told["status"], told["error"]["code"], bool(told["error"]["status"])) == (code, code, True)


def test_a_validated_form_is_the_page_again_with_its_values(framed: Framed) -> None:
    framed.frame.fill("#words", "kept")
    framed.frame.click("text=validate")

    framed.hears("ui-loading")
    framed.frame.wait_for_selector("#words[value=kept]")
    framed.hears("ui-loaded")


def test_data_is_chosen_by_the_host(framed: Framed) -> None:
    framed.frame.click("button.qhana-choose-file-button[data-input-id=data_url]")
    asked = framed.hears("request-data-url")
    answer = {"dataType": "entity/list", "contentType": "text/csv", "filename": "a.csv", "version": 3}
    framed.says({"type": "data-url-response", "inputKey": "data_url", "href": DATA, **answer})
    framed.frame.wait_for_selector("text=a.csv (v3) entity/list – text/csv")

    assert asked == {
        "type": "request-data-url",
        "inputKey": "data_url",
        "acceptedInputType": "entity/list",
        "acceptedContentTypes": ["application/json", "text/csv"],
    }
    assert framed.frame.input_value("#data_url") == DATA


def test_related_data_is_asked_for_once_there_is_something_to_relate_to(framed: Framed) -> None:
    button = framed.frame.locator("button.related")
    disabled = button.is_disabled()
    framed.says({"type": "data-url-response", "inputKey": "data_url", "href": DATA})
    button.click()

    assert disabled
    assert framed.hears("request-related-data-url") == {
        "type": "request-related-data-url",
        "inputKey": "related_url",
        "dataUrl": DATA,
        "relation": "pre",
        "includeSelf": False,
        "acceptedInputType": "entity/*",
        "acceptedContentType": "*",
        "userInteraction": True,
    }


def test_data_can_be_previewed_when_there_is_some(framed: Framed) -> None:
    preview = framed.frame.locator("button.qhana-show-preview-button[data-input-id=data_url]")
    preview.click()
    framed.frame.fill("#data_url", DATA)
    preview.click()

    assert framed.hears("request-data-preview") == {
        "type": "request-data-preview",
        "inputKey": "data_url",
        "dataUrl": DATA,
    }
    assert "request-data-preview" not in framed.heard()


def test_a_plugin_is_chosen_by_the_host(framed: Framed) -> None:
    framed.frame.click("button.qhana-choose-plugin-button")
    asked = framed.hears("request-plugin-url")
    chosen = {"pluginUrl": "http://a.example/plugins/x/", "pluginName": "Helper", "pluginVersion": "v1.0"}
    framed.says({"type": "plugin-url-response", "inputKey": "plugin_url", **chosen})
    framed.frame.wait_for_selector("text=Helper (v1.0)")

    assert asked == {
        "type": "request-plugin-url",
        "inputKey": "plugin_url",
        "pluginTags": ["a", "!b"],
        "pluginName": "helper",
    }
    assert framed.frame.input_value("#plugin_url") == "http://a.example/plugins/x/"


def test_a_page_asks_what_its_values_stand_for(new_page: NewPage, pages: Pages) -> None:
    framed = Framed(new_page(), pages, f"/ui/?dataUrl={DATA}&pluginUrl=http://a.example/p/")

    assert framed.hears("request-data-url-info")["dataUrl"] == DATA
    assert framed.hears("request-plugin-url-info") == {
        "type": "request-plugin-url-info",
        "inputKey": "plugin_url",
        "pluginUrl": "http://a.example/p/",
    }


@pytest.mark.parametrize(
    ("encoding", "value"),
    [
        ("application/json", '{"words": "filled", "keep": true, "dataUrl": "data:,1", "password": "no", "unheard": 1}'),
        ("application/x-www-form-urlencoded", "words=filled&keep=on&dataUrl=data%3A%2C1&password=no&unheard=1"),
    ],
)
def test_the_host_fills_a_form_but_no_secrets(framed: Framed, encoding: str, value: str) -> None:
    framed.says({"type": "autofill-response", "encoding": encoding, "value": value})

    assert framed.hears("request-data-url-info")["dataUrl"] == "data:,1"
    assert framed.frame.input_value("#words") == "filled"
    assert framed.frame.is_checked("#keep")
    assert framed.frame.input_value("#password") == ""


def test_the_hosts_theme_is_taken_from_the_host_alone(framed: Framed, pages: Pages) -> None:
    framed.says({"type": "load-css", "urls": ["/theme.css", "https://evil.example/x.css", "javascript:alert(1)"]})
    framed.frame.wait_for_function("getComputedStyle(document.body).outlineStyle === 'solid'")

    links = framed.frame.eval_on_selector_all("link[rel=stylesheet]", "(links) => links.map((link) => link.href)")

    assert links == [f"{pages.plugin}/static/forms.css", f"{pages.host}/theme.css"]


def test_a_pages_own_scripts_hear_of_context_and_implementations(framed: Framed) -> None:
    framed.frame.evaluate("addEventListener('qhana-plugin-context', (e) => { window.context = e.detail.experimentId })")
    framed.says({"type": "plugin-context", "experimentId": 7, "location": "studio"})
    framed.says({"type": "implementations-response", "implementations": [1]})
    framed.frame.wait_for_function("window._qhana_microfrontend_state.implementations")

    assert framed.frame.evaluate("window.context") == 7


def test_hooks_of_the_page_come_first(framed: Framed, pages: Pages) -> None:
    framed.frame.evaluate(
        """() => {
            const state = window._qhana_microfrontend_state;
            state.messageHandler = (data) => data === "ui-prevent-submit";
            state.formSubmitHandler = (event, dataInputs, privateInputs) => {
                event.preventDefault();
                sendMessage({ type: "mine", data: [...dataInputs], secret: [...privateInputs] });
                return true;
            };
        }"""
    )
    framed.says("ui-prevent-submit")
    framed.says("ui-submit-status")
    status = framed.hears("ui-submit-status")
    framed.frame.click("text=submit")

    assert status["isAllowedToSubmit"]
    assert framed.hears("mine") == {
        "type": "mine",
        "data": ["dataUrl", "relatedUrl"],
        "secret": ["password", "hiddenKey"],
    }
    assert pages.sent == []


def test_a_page_written_with_the_seeds_attributes_alone_is_instrumented_too(new_page: NewPage, pages: Pages) -> None:
    framed = Framed(new_page(), pages, "/seed/")
    framed.frame.click("text=choose file")
    asked = framed.hears("request-data-url")
    framed.says({"type": "data-url-response", "inputKey": "data", "href": DATA})
    settled(framed.frame)
    framed.frame.click("text=send")
    told = framed.hears("form-submit")

    assert (asked["acceptedInputType"], asked["acceptedContentTypes"]) == ("entity", ["application/json", "text/csv"])
    assert parse_qs(told["formData"]) == {"data": [DATA], "key": ["***"]}
    assert told["dataInputs"] == [DATA]


def test_a_page_without_a_list_talks_with_the_page_it_is_framed_in(new_page: NewPage, pages: Pages) -> None:
    framed = Framed(new_page(), pages, "/unlisted/")

    framed.hears("ui-loaded")
    assert framed.frame.evaluate("window._qhana_microfrontend_state.hostOrigin") == pages.host


def test_a_page_that_is_framed_by_another_than_its_hosts_is_silent_and_deaf(new_page: NewPage, pages: Pages) -> None:
    framed = Framed(new_page(), pages, "/foreign/")

    framed.says("ui-prevent-submit")
    settled(framed.frame)

    assert framed.heard() == []
    assert framed.frame.evaluate("window._qhana_microfrontend_state.preventSubmit") is False


def test_messages_of_another_window_of_the_hosts_origin_are_not_heard(framed: Framed) -> None:
    framed.hears("ui-loaded")
    framed.page.evaluate(
        """() => new Promise((done) => {
            const inner = document.createElement("iframe");
            const said = "parent.frames[0].postMessage('ui-prevent-submit', '*'); parent.said = true;";
            inner.srcdoc = `<script>${said}</script>`;
            inner.onload = done;
            document.body.append(inner);
        })"""
    )
    settled(framed.frame)

    assert framed.page.evaluate("window.said")
    assert framed.frame.evaluate("window._qhana_microfrontend_state.preventSubmit") is False


ODD: list[Any] = [
    None,
    7,
    [],
    {},
    {"type": None},
    {"type": "__proto__"},
    "x" * 10_000_000,
    {"type": "load-css"},
    {"type": "load-css", "urls": "x"},
    {"type": "data-url-response"},
    {"type": "data-url-response", "inputKey": "]", "href": "x"},
    {"type": "plugin-url-response", "inputKey": "words"},
    {"type": "autofill-response", "value": "{", "encoding": "application/json"},
    {"type": "autofill-response", "value": "null", "encoding": "application/json"},
]


def test_messages_that_are_none_break_nothing_not_even_a_thousand(framed: Framed) -> None:
    for message in ODD:
        framed.says(message)
    framed.page.evaluate("for (let n = 0; n < 1000; n++) say({ type: 'load-css', urls: [] })")
    framed.says("ui-submit-status")

    assert framed.hears("ui-submit-status")["isAllowedToSubmit"]


def test_a_page_opened_on_its_own_works_as_a_form(new_page: NewPage, pages: Pages) -> None:
    page = new_page()
    page.goto(f"{pages.plugin}/ui/")
    page.fill("#words", "alone")

    hidden = page.locator("button.qhana-choose-file-button").first.is_hidden()
    page.click("text=submit")
    page.wait_for_url(f"{pages.plugin}/tasks/1/")

    assert hidden
    assert pages.sent[0]["words"] == "alone"


@pytest.mark.parametrize("look", ["light", "dark"])
def test_the_form_is_readable_in_both_looks_on_its_own(new_page: NewPage, pages: Pages, look: str) -> None:
    page = new_page(look=look)
    page.goto(f"{pages.plugin}/ui/")

    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})

    assert [violation["id"] for violation in found.response["violations"]] == []
