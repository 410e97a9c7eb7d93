"""What the page's scripts make of plugins' words, each asked by itself: the browser's rules are the host's."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from qhana_plugin_runner.plugin_utils import matching

from services.web import assets
from tests.e2e.conftest import PATIENCE_MS
from tests.support.threaded_gateway import running

pytestmark = [pytest.mark.browser, pytest.mark.rotating]
TYPES = (
    "*",
    "*/*",
    "image",
    "image/",
    "image/*",
    "image/png",
    "IMAGE/PNG",
    "image/png; q=1",
    "entity/list",
    "text",
    "",
)
WANTED = (
    *(None, "", "v1.2.0", "1.2.0", "v1", "v1.2", ">=v0.1.0 <=v0.5.0", ">=0.1.0,<2", ">= 1.2", "<1", "!=v1.2.0"),
    *("~=1.2", "==1.*", "==v1.2.0", ">1.2.0", "nonsense"),
)
VERSIONS = ("v0.1.0", "0.5.0", "v1.2.0", "v1.2.1", "v1.10.0", "v2.0.0", "nonsense")
PLUGINS = ({"name": "a", "version": "v1.0.0", "tags": ["x", "y"]}, {"name": "b", "version": "v2.1.0", "tags": []})
ASKED: tuple[dict[str, Any], ...] = (
    {"tags": []}, {"tags": ["x"]}, {"tags": ["!x"]}, {"tags": ["x", "!y"]}, {"tags": [], "name": "b"},
    {"tags": ["!z"], "name": "a", "version": "v1"}, {"tags": [], "version": ">=v2.0.0"},
)  # fmt: skip


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """A page of ours, whose policy and files are the studio's."""
    with running() as gateway:
        context = browser.new_context()
        opened = context.new_page()
        opened.set_default_navigation_timeout(2 * PATIENCE_MS)
        opened.goto(f"{gateway.url}/docs")
        yield opened
        context.close()


def asked(page: Page, module: str, name: str, cases: list[list[Any]]) -> list[Any]:
    """What a function of a module says to each of the cases."""
    script = """async ([address, name, cases]) => {
        const all = await import(address);
        return cases.map((each) => all[name](...each));
    }"""
    said: list[Any] = page.evaluate(script, [assets.url(f"js/plugins/{module}.js"), name, cases])
    return said


def test_types_match_as_they_do_at_the_host(page: Page) -> None:
    cases = [list(each) for each in itertools.product(TYPES, TYPES)]

    said = asked(page, "matching", "typeMatches", cases)

    assert said == [matching.type_matches(*each) for each in cases]


def test_versions_match_as_they_do_at_the_host(page: Page) -> None:
    cases = [list(each) for each in itertools.product(WANTED, VERSIONS)]

    said = asked(page, "matching", "versionMatches", cases)

    wrong = [
        (case, found)
        for case, found in zip(cases, said, strict=True)
        if found != matching.version_matches(case[0], case[1] or "")
    ]
    assert wrong == []


def test_plugins_match_as_they_do_at_the_host(page: Page) -> None:
    cases = [list(each) for each in itertools.product(ASKED, PLUGINS)]

    said = asked(page, "matching", "pluginMatches", cases)

    assert said == [matching.plugin_matches(*each) for each in cases]


def test_a_message_is_weighed_as_far_as_it_matters(page: Page) -> None:
    script = """async (address) => {
        const { weight } = await import(address);
        const ring = {};
        ring.self = ring;
        let deep = {};
        for (let at = 0; at < 1e5; at += 1) deep = [deep];
        const shapes = [ring, deep, new Array(1e6).fill(1), new Map([["a", "x".repeat(600)]]), new Uint8Array(2000)];
        return shapes.map((each) => weight(each, 1000) > 1000);
    }"""

    heavy = page.evaluate(script, assets.url("js/plugins/weight.js"))

    assert heavy == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("about", "given"),
    [
        ({"relation": "any", "type": "text"}, "b"),
        ({"relation": "exact", "type": "image", "includeSelf": True}, "a"),
        ({"relation": "any", "type": "*"}, None),
        ({"relation": "any", "type": "image"}, None),
        ({"relation": "pre", "type": "text"}, None),
        ({"relation": "post", "type": "text"}, None),
        ({"relation": "any", "type": "text", "href": "elsewhere"}, None),
    ],
)
def test_related_data_are_given_unasked_only_where_one_alone_fits(
    page: Page, about: dict[str, Any], given: str | None
) -> None:
    script = """async ([address, about]) => {
        const { onlyRelated } = await import(address);
        const [one, other] = [{}, {}];
        const results = async () => [
            { href: "a", task: one, dataType: "image/x", contentType: "image/png" },
            { href: "b", task: one, dataType: "text/x", contentType: "text/csv" },
            { href: "c", task: one, dataType: "list/x", contentType: "text/csv" },
            { href: "d", task: other, dataType: "text/x", contentType: "text/csv" },
        ];
        return (await onlyRelated({ results }, { href: "a", contents: ["*"], ...about }))?.href ?? null;
    }"""

    said = page.evaluate(script, [assets.url("js/plugins/choosing.js"), about])

    assert said == given
