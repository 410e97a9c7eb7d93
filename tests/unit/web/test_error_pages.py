"""Errors as pages: each status as it really comes about, what to do next, and who sees which navigation."""

from collections.abc import Awaitable, Callable, Mapping

import httpx
import pytest

from services.foundation import errors
from services.web import problems
from services.web import site as web_site
from tests.support.gateway import PAGE, Site

Ask = Callable[[Site, Mapping[str, str]], Awaitable[httpx.Response]]
MEGABYTE = 1024 * 1024


async def _forbidden(site: Site, headers: Mapping[str, str]) -> httpx.Response:
    site.sign_in_as()
    return await site.http.get("/admin/gallery", headers=headers)


async def _missing(site: Site, headers: Mapping[str, str]) -> httpx.Response:
    return await site.http.get("/nothing", headers=headers)


async def _missing_file(site: Site, headers: Mapping[str, str]) -> httpx.Response:
    return await site.http.get("/gallery/nothing", headers=headers)


async def _too_large(site: Site, headers: Mapping[str, str]) -> httpx.Response:
    return await site.http.post("/sign-in", content=b"x" * 2 * MEGABYTE, headers=headers)


async def _too_often(site: Site, headers: Mapping[str, str]) -> httpx.Response:
    site.backends.gallery.refusal = errors.TooMuch("Too many at once.", retry_after=7)
    return await site.http.get("/gallery", headers=headers)


async def _our_fault(site: Site, headers: Mapping[str, str]) -> httpx.Response:
    site.backends.gallery.refusal = errors.Unexpected()
    return await site.http.get("/gallery", headers=headers)


async def _away(site: Site, headers: Mapping[str, str]) -> httpx.Response:
    site.sign_in_as()
    await site.backends.tasks_server.drain(0)
    return await site.http.get("/studio", headers=headers)


async def _auth_away(site: Site, headers: Mapping[str, str]) -> httpx.Response:
    site.sign_in_as()
    await site.backends.auth_server.drain(0)
    return await site.http.get("/studio", headers=headers)


async def _wrong_way(site: Site, headers: Mapping[str, str]) -> httpx.Response:
    return await site.http.get("/sign-out", headers=headers)


async def _out_of_date(site: Site, headers: Mapping[str, str]) -> httpx.Response:
    return await site.http.post("/sign-in", data={"email": "ada@example.org"}, headers=headers)


async def _not_right(site: Site, headers: Mapping[str, str]) -> httpx.Response:
    return await site.http.get("/gallery?cursor=nonsense", headers=headers)


@pytest.mark.parametrize(
    ("ask", "status", "says"),
    [
        (_forbidden, 403, "ask whoever runs this server"),
        (_missing, 404, "Go to the start page"),
        (_missing_file, 404, "Go to the start page"),
        (_too_large, 413, "Send less and try again"),
        (_too_often, 429, "Come back in 7 s."),
        (_our_fault, 500, "It is our fault and stands in the log"),
        (_away, 503, "Nothing you have is lost"),
        (_auth_away, 503, "Nothing you have is lost"),
        (_wrong_way, 405, "cannot be opened"),
        (_out_of_date, 400, "reload the page"),
        (_not_right, 422, "put it right"),
    ],
)
async def test_an_error_is_a_page_that_says_what_to_do_next(site: Site, ask: Ask, status: int, says: str) -> None:
    answer = await ask(site, PAGE)

    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.text.count("<h1") == 1
    assert says in answer.text
    assert 'href="/gallery"' in answer.text


@pytest.mark.parametrize("ask", [_forbidden, _missing, _away])
async def test_where_it_can_be_known_who_asks_the_page_has_their_navigation(site: Site, ask: Ask) -> None:
    site.sign_in_as()

    page = (await ask(site, PAGE)).text

    assert 'href="/studio"' in page
    assert "Sign out" in page
    assert "/admin/" not in page.replace("next=/admin/", "")


async def test_a_strangers_error_offers_the_door_and_nothing_behind_it(site: Site) -> None:
    page = (await _missing(site, PAGE)).text

    assert 'href="/sign-in"' in page
    assert "Sign out" not in page


async def test_an_error_is_told_even_where_its_navigation_cannot_be_drawn(site: Site) -> None:
    app = site.gateway.flask
    with app.test_request_context("/studio"):
        # As if who asks could not be read at all.
        delattr(app, "login_manager")

        page = web_site.page(app, problems.of_error(errors.Unexpected()))

    assert "Something went wrong" in page
    assert 'href="/docs"' in page


@pytest.mark.parametrize("ask", [_forbidden, _missing, _too_large, _too_often, _our_fault, _away])
async def test_a_program_gets_the_same_as_problem_json(site: Site, ask: Ask) -> None:
    answer = await ask(site, {"Accept": "application/json"})

    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert {"type", "title", "reason", "detail"} <= set(body)


async def test_trying_again_leads_back_to_where_one_was(site: Site) -> None:
    site.backends.gallery.refusal = errors.TooMuch("Too many at once.", retry_after=7)

    page = (await site.http.get("/gallery?cursor=24", headers=PAGE)).text

    assert 'href="/gallery?cursor=24">Try again' in page
