"""The Plugins page and what its scripts ask for, before a host that answers what it is told."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.foundation import errors
from services.web.backends.plugin_words import Places, plugin
from services.web.visitors import SESSION_COOKIE
from tests.support import gateway, told_host
from tests.support.gateway import ADA_KEY, PAGE, Site
from tests.support.gateway_uploads import END
from tests.support.machine_site import grace
from tests.support.told_host import ToldHost
from tests.unit.web.test_pictures import drawn

OUTSIDE = "https://plugins.example.org"
RESULT = {"title": "sheet.png", "from": "contact-sheet", "output": f"{OUTSIDE}/files/1/?file-id=x"}


@pytest_asyncio.fixture
async def host() -> AsyncIterator[ToldHost]:
    async with told_host.running(OUTSIDE) as running:
        yield running


@pytest_asyncio.fixture
async def site(host: ToldHost) -> AsyncIterator[Site]:
    """A gateway with a plugin host."""
    async with gateway.in_process(plugins_url=OUTSIDE, plugins_target=host.origin) as running:
        running.sign_in_as()
        yield running


async def post(site: Site, path: str, body: Any = None) -> httpx.Response:
    """What the page's scripts do."""
    return await site.http.post(path, json=body, headers=await site.script_headers())


async def bring(site: Site, query: dict[str, str], content: bytes = END, *, token: str = "") -> httpx.Response:
    headers = await site.script_headers()
    sent = {**headers, "X-CSRFToken": token or headers["X-CSRFToken"]}
    return await site.http.post("/plugins/imports", params=query, content=content, headers=sent)


def titles(page: str) -> list[str]:
    return re.findall(r'class="dd-plugin"[^>]*>.*?<strong>([^<]*)</strong>', page)


async def test_every_plugin_is_listed_with_what_it_says_of_itself(site: Site, host: ToldHost) -> None:
    answer = await site.http.get("/plugins", headers=PAGE)

    assert answer.status_code == 200
    assert titles(answer.text) == ["Palette of a picture", "Palette, anew", "viewer"]
    assert "Finds the colours." in answer.text
    assert "Shows &lt;b&gt;one&lt;/b&gt; picture." in answer.text
    assert {(at, shown.startswith("Bearer ")) for _, at, shown in host.asked} == {("plugins.example.org", True)}


@pytest.mark.parametrize(
    ("wanted", "title"),
    [("palette@v1-0-0", "Palette of a picture"), ("palette", "Palette, anew"), ("viewer", "viewer")],
)
async def test_a_plugin_is_opened_by_its_identifier_or_the_newest_by_its_name(
    site: Site, wanted: str, title: str
) -> None:
    led = await site.http.get("/plugins", params={"open": wanted}, headers=PAGE)

    answer = await site.http.get(led.headers["location"], headers=PAGE)

    assert f'<h2 id="plugin">{title}</h2>' in answer.text
    assert answer.text.count('aria-current="page"><span class="dd-arch">') == 1


async def test_versions_are_compared_as_versions_and_the_newest_comes_first(site: Site, host: ToldHost) -> None:
    versions = ["v0.10.0", "v0.10.0rc1", "v0.9.0", "of-old"]
    host.plugins = [host.listed("palette", version) for version in sorted(versions)]

    listed = (await site.http.get("/studio/plugins")).json()["plugins"]
    page = (await site.http.get("/plugins/palette", headers=PAGE)).text

    assert [each["version"] for each in listed] == versions
    assert re.findall(r'<option value="([^"]*)" selected', page) == ["palette@v0-10-0"]


async def test_a_plugin_that_is_not_there_is_missing(site: Site) -> None:
    answer = await site.http.get("/plugins/nothing@v1", headers=PAGE)

    assert answer.status_code == 404


async def test_a_plugin_is_asked_once_what_it_is_and_one_that_fails_is_shown_all_the_same(
    site: Site, host: ToldHost
) -> None:
    await site.http.get("/plugins", headers=PAGE)

    again = await site.http.get("/studio/plugins")

    paths = [path for path, _, _ in host.asked]
    assert paths.count("/plugins/palette@v1-0-0/") == paths.count("/plugins/viewer@v0-1-0/") == 1
    known = {each["identifier"]: each for each in again.json()["plugins"]}
    assert known["palette@v1-0-0"]["page"] == "/plugins/palette@v1-0-0/ui/"
    assert known["palette@v1-0-0"]["inputs"] == [
        {"parameter": "imageUrl", "dataType": "image/*", "contentTypes": ["image/png"], "required": True}
    ]
    assert (known["viewer@v0-1-0"]["page"], known["viewer@v0-1-0"]["kind"]) == ("", "")


async def test_a_host_that_is_away_is_told_as_a_sentence_and_breaks_nothing_else() -> None:
    async with gateway.in_process(plugins_url="http://127.0.0.1:9") as site:
        site.sign_in_as()

        page = await site.http.get("/plugins/palette", headers=PAGE)

        assert page.status_code == 503
        assert "Nothing else is affected" in page.text
        assert 'href="/plugins/palette">Try again' in page.text
        assert (await site.http.get("/studio/plugins")).json()["reason"] == "PLUGINS_UNAVAILABLE"
        assert (await site.http.get("/studio", headers=PAGE)).status_code == 200
        grace(site)
        assert "Try again" in (await site.http.get("/admin/plugins", headers=PAGE)).text


async def test_without_a_host_there_is_neither_page_nor_link() -> None:
    async with gateway.in_process() as site:
        site.sign_in_as()

        studio = (await site.http.get("/studio", headers=PAGE)).text

        assert "Plugins" not in studio
        assert "Send to a plugin" not in studio
        for path in ("/plugins", "/studio/plugins", "/linked/abcdefgh", "/admin/plugins"):
            assert (await site.http.get(path, headers=PAGE)).status_code == 404
        assert "/api/v1/plugins/token" not in (await site.http.get("/api/v1/openapi.json")).json()["paths"]


async def test_the_sites_policy_opens_towards_the_host_on_its_pages_alone(site: Site) -> None:
    pages = {path: await site.http.get(path, headers=PAGE) for path in ("/plugins", "/plugins/palette", "/studio")}

    policies = {path: answer.headers["content-security-policy"] for path, answer in pages.items()}

    assert policies["/plugins"] == policies["/plugins/palette"]
    for kind in ("frame-src", "connect-src 'self'", "img-src 'self'"):
        assert f"; {kind} {OUTSIDE}" in policies["/plugins"]
    assert policies["/plugins"].startswith(policies["/studio"])
    assert OUTSIDE not in policies["/studio"]
    assert 'href="/plugins"' in pages["/studio"].text


async def test_the_style_sheets_that_are_lent_can_be_read_by_other_origins_and_no_others(site: Site) -> None:
    page = (await site.http.get("/plugins", headers=PAGE)).text
    root = re.findall(r'href="(/static/\w+)/plugins.css"', page)[0]

    lent, own = [await site.http.get(f"{root}/{name}") for name in ("frame/dark.css", "plugins.css")]

    assert lent.headers["cross-origin-resource-policy"] == "cross-origin"
    assert own.headers["cross-origin-resource-policy"] == "same-origin"


async def test_codes_and_tokens_are_given_to_our_own_pages(site: Site) -> None:
    code = await post(site, "/plugins/code")
    token = await post(site, "/plugins/token")

    assert code.json()["code"] in site.backends.grants.codes
    assert set(token.json()) == {"token", "expires_at"}
    for path in ("/plugins/code", "/plugins/token", "/plugins/links"):
        assert (await site.http.post(path, headers={"Accept": "application/json"})).status_code == 400


async def test_a_linked_picture_is_read_by_whoever_has_the_link(site: Site) -> None:
    image = (await drawn(site))["images"][0]["id"]
    made = (await post(site, "/plugins/links", {"image": image})).json()
    site.http.cookies.delete(SESSION_COOKIE)

    answer = await site.http.get(made["url"])

    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content == site.backends.tasks.files[image]
    assert re.fullmatch(r'inline; filename="daydream-\d+\.png"', answer.headers["content-disposition"])
    assert answer.headers["x-data-type"] == "image/generated"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert (await site.http.get(f"{made['url']}x")).json()["reason"] == "LINK_NOT_FOUND"
    assert (await site.http.get("/linked/%00")).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"), [({"image": "no id!"}, 404), ({"image": 5}, 422), ({}, 422), ({"image": "other"}, 404)]
)
async def test_only_a_picture_of_ones_own_is_linked(site: Site, body: Any, status: int) -> None:
    theirs = (await drawn(site, "bob@example.org"))["images"][0]["id"]
    site.sign_in_as()

    answer = await post(site, "/plugins/links", {"image": theirs} if body == {"image": "other"} else body)

    assert answer.status_code == status
    assert not site.backends.tasks.links


async def test_a_result_is_put_into_the_timeline_once_and_says_where_it_comes_from(site: Site) -> None:
    first = await bring(site, RESULT, bytes(3 * 2**20) + END)

    again = await bring(site, RESULT, bytes(3 * 2**20) + END)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    told = (await site.http.get("/studio/tasks")).json()["tasks"][0]
    assert (told["imported_from"], told["parameters"]["prompt"]) == ("contact-sheet", "sheet.png")
    shown = (await site.http.get(f"/api/v1/tasks/{told['id']}", headers=ADA_KEY)).json()
    assert shown["imported_from"] == "contact-sheet"


@pytest.mark.parametrize("missing", sorted(RESULT))
async def test_a_result_that_does_not_say_what_it_is_is_refused(site: Site, missing: str) -> None:
    answer = await bring(site, {**RESULT, missing: " "})

    assert answer.status_code == 422
    assert answer.json()["fields"][0]["field"] == missing
    assert not site.backends.tasks.imported


async def test_what_is_no_picture_and_what_is_too_much_is_refused_with_the_ledgers_words(site: Site) -> None:
    broken = await bring(site, RESULT, b"no picture")
    site.backends.tasks.import_refusal = errors.TooMuch("Wait a while.", reason="TOO_MANY_IMPORTS", retry_after=9)

    often = await bring(site, RESULT)
    site.backends.tasks.import_refusal = errors.TooMuch("Delete some.", reason="TOO_MANY_IMPORTS")
    full = await bring(site, RESULT)

    assert (broken.status_code, broken.json()["reason"]) == (422, "PICTURE_REFUSED")
    assert (often.status_code, often.json()["reason"]) == (429, "TOO_MANY_IMPORTS")
    # One is over by itself; the other is not, however long somebody waits.
    assert (often.headers["retry-after"], full.headers.get("retry-after")) == ("9", None)


async def test_results_are_taken_from_our_own_pages_alone(site: Site) -> None:
    headers = await site.script_headers()

    forged = await bring(site, RESULT, token="none")
    site.http.cookies.delete(SESSION_COOKIE)
    stranger = await site.http.post("/plugins/imports", params=RESULT, content=END, headers=headers)

    assert (forged.status_code, stranger.status_code) == (400, 401)
    assert not site.backends.tasks.imported


async def test_staff_see_what_failed_and_why_and_nobody_else_gets_in(site: Site) -> None:
    refused = await site.http.get("/admin/plugins", headers=PAGE)
    grace(site)

    page = (await site.http.get("/admin/plugins", headers=PAGE)).text

    assert refused.status_code == 403
    for words in ("broken", "RuntimeError: no", "Traceback: here", "palette@v2-0-0", "says nothing of itself"):
        assert words in page


async def test_a_program_gets_a_token_for_the_host_with_its_key(site: Site) -> None:
    answer = await site.http.post("/api/v1/plugins/token", headers=ADA_KEY)

    assert answer.status_code == 200
    assert answer.json()["url"] == OUTSIDE
    assert set(answer.json()) == {"token", "expires_at", "url"}
    stranger = await site.http.post("/api/v1/plugins/token")
    assert stranger.status_code == 401
    described = (await site.http.get("/api/v1/openapi.json")).json()
    assert set(described["components"]["schemas"]["PluginToken"]["properties"]) == {"token", "expires_at", "url"}


@pytest.mark.parametrize(
    "odd",
    [
        {"plugins": "none"},
        {"plugins": [None, 5, {"identifier": 7}, {"identifier": "../x"}]},
        {"plugins": [{"identifier": "x@1", "apiRoot": "https://elsewhere.example/x/"}]},
        {"plugins": None, "failed": [None, {"cause": {}}]},
    ],
    ids=str,
)
async def test_a_list_of_any_shape_is_no_trouble(site: Site, host: ToldHost, odd: dict[str, Any]) -> None:
    host.plugins, host.failed = odd.get("plugins", []), odd.get("failed", [])

    answer = await site.http.get("/plugins", headers=PAGE)

    assert answer.status_code == 200
    assert "No plugin is loaded" in answer.text


async def test_halves_of_characters_and_control_characters_break_no_page(site: Site, host: ToldHost) -> None:
    half = "half \ud83d\x00 of it"
    host.plugins = [host.listed("odd", "v1", description=half, tags=[half]), host.listed("bare\udc00", "v1")]
    host.about = {"/plugins/odd@v1/": {"title": half, "type": half, "entryPoint": {"uiHref": f"./{half}"}}}
    host.failed = [{"name": half, "cause": half, "trace": half}]
    grace(site)

    pages = [await site.http.get(path, headers=PAGE) for path in ("/plugins", "/plugins/odd@v1", "/admin/plugins")]

    assert [answer.status_code for answer in pages] == [200, 200, 200]
    assert all("half \N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER} of it" in answer.text for answer in pages)
    assert (await site.http.get("/studio/plugins")).json()["plugins"][0]["page"] == ""


@pytest.mark.parametrize("about", [None, [], "x", {"entryPoint": []}, {"title": 5, "entryPoint": {"dataInput": [1]}}])
def test_what_a_plugin_says_of_itself_may_be_of_any_shape(about: Any) -> None:
    entry = {"identifier": "x@1", "name": "x", "apiRoot": f"{OUTSIDE}/plugins/x@1/", "tags": "one"}

    told = plugin(entry, about, Places(OUTSIDE))

    assert (told.title, told.page, told.inputs, told.tags) == ("x", "", (), ("one",))


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("./ui/", "/plugins/x/ui/"),
        ("/plugins/x/ui/?a=1", "/plugins/x/ui/?a=1"),
        (f"{OUTSIDE}/a/", "/a/"),
        ("http://plugins:8014/a/", "/a/"),
        ("https://elsewhere.example/a/", ""),
        ("//elsewhere.example/a/", ""),
        (f"{OUTSIDE}//elsewhere.example/", "/elsewhere.example/"),
        ("javascript:alert(1)", ""),
        ("http://[", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_addresses_that_are_not_the_hosts_are_none(address: Any, path: str) -> None:
    places = Places(OUTSIDE, "http://plugins:8014")

    assert places.path(address, "/plugins/x/") == path
