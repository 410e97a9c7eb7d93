"""Every route of the gateway refuses a visitor without credentials, save those named here."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount, Route

from services.web import problems
from services.web.site import page as site_page
from tests.support import gateway
from tests.support.gateway import PAGE, Site

OPEN = {
    "/",
    "/docs",
    "/gallery",
    "/gallery/x",
    "/gallery/x/settings",
    "/gallery/x/view",
    "/terms",
    "/sign-in",
    "/sign-up",
    "/sign-out",
    "/reset-password",
    "/robots.txt",
    "/healthz",
    "/readyz",
    "/linked/x",
    "/api/v1/openapi.json",
}


@pytest_asyncio.fixture
async def site() -> AsyncIterator[Site]:
    """A gateway with every route that there is."""
    async with gateway.in_process(plugins_url="http://plugins.test:8014") as running:
        yield running


FILES = ("/static/", "/bootstrap/static/")


def addresses(site: Site) -> list[tuple[str, str]]:
    """Method and path of every route, with an id in place of every parameter."""
    found = []
    for rule in site.gateway.flask.url_map.iter_rules():
        path = rule.rule
        for name in rule.arguments:
            path = re.sub(rf"<any\((\w+)[^>]*\):{name}>", r"\1", path)
            path = path.replace(f"<path:{name}>", "x").replace(f"<{name}>", "x")
        found += [(method, path) for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}]
    for route in site.gateway.routes:
        if isinstance(route, Route):
            path = re.sub(r"\{\w+\}", "x", route.path)
            found += [(method, path) for method in (route.methods or set()) - {"HEAD"}]
    return found


async def test_every_route_refuses_strangers_save_a_named_few(site: Site) -> None:
    walked = [each for each in addresses(site) if not each[1].startswith(FILES)]

    answers = {(method, path): await site.http.request(method, path) for method, path in walked}

    assert len(walked) > 20
    assert {path for _, path in walked} >= OPEN
    for (method, path), answer in answers.items():
        if path not in OPEN:
            assert answer.status_code in {400, 401}, (method, path, answer.status_code)


async def test_a_browser_is_led_to_the_door_and_back(site: Site) -> None:
    answer = await site.http.get("/studio?scope=all", headers=PAGE)

    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/studio?scope%3Dall"


async def test_nothing_else_is_mounted(site: Site) -> None:
    mounts = [each for each in site.gateway.routes if isinstance(each, Mount)]

    assert {each.path.rsplit("/", 1)[0] for each in mounts if not isinstance(each.app, GZipMiddleware)} == {
        "/static",
        "/bootstrap/static",
    }


@pytest.mark.parametrize("path", ["/nothing", "/images/nothing/at/all", "/static/../../etc/passwd", "/%2e%2e/etc"])
async def test_what_is_not_there_is_a_page_that_says_so(site: Site, path: str) -> None:
    answer = await site.http.get(path, headers=PAGE)

    assert answer.status_code == 404
    assert "There is nothing here" in answer.text


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/api/v1/tasks", {"GET", "POST"}),
        ("GET", "/studio/tasks/x/cancel", {"POST"}),
        ("POST", "/api/v1/tasks/x/events", {"GET"}),
    ],
)
async def test_a_method_that_is_not_answered_is_told_which_are(
    site: Site, method: str, path: str, allowed: set[str]
) -> None:
    answer = await site.http.request(method, path, headers={"X-CSRFToken": "x"})

    assert answer.status_code == 405
    assert allowed <= set(answer.headers["allow"].split(", "))
    assert answer.json()["reason"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("status", [402, 405, 408, 409, 415, 422, 431])
async def test_a_refusal_is_no_fault_of_ours_on_its_page(site: Site, status: int) -> None:
    page = site_page(site.gateway.flask, problems.of_status(status))

    assert "Something went wrong" not in page


async def test_files_may_be_kept_for_ever_under_an_address_that_changes_with_them(site: Site) -> None:
    page = (await site.http.get("/", headers=PAGE)).text
    theme = page.split('<link rel="stylesheet" href="')[2].split('"')[0]

    answer = await site.http.get(theme)

    assert answer.headers["content-type"].startswith("text/css")
    assert "immutable" in answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers


async def test_operators_see_what_is_missing(site: Site) -> None:
    before = await site.http.get("/readyz")
    await site.backends.tasks_server.drain(0)

    after = await site.http.get("/readyz")

    assert (before.status_code, before.json()) == (200, {"auth": True, "tasks": True})
    assert (after.status_code, after.json()) == (503, {"auth": True, "tasks": False})
    assert (await site.http.get("/healthz")).status_code == 200
