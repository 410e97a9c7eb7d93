"""What stands round everything."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.web.shield import POLICY
from tests.support import gateway
from tests.support.gateway import ADA_KEY, PAGE, Served, Site


@pytest.mark.parametrize("path", ["/", "/nothing", "/studio", "/api/v1/tasks", "/events", "/healthz", "/images/x"])
async def test_every_answer_carries_the_policy(site: Site, path: str) -> None:
    answer = await site.http.get(path, headers=PAGE)

    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert "Cookie" in answer.headers["vary"]
    assert answer.headers["cache-control"] == "no-store"


def test_the_policy_allows_this_site_alone() -> None:
    assert "default-src 'self'" in POLICY
    assert "frame-ancestors 'none'" in POLICY
    assert "unsafe" not in POLICY
    assert "data:" not in POLICY


@pytest.mark.parametrize("path", ["/", "/docs", "/terms", "/sign-in", "/sign-up", "/nothing", "/studio", "/account"])
async def test_no_page_needs_more_than_the_policy_allows(site: Site, path: str) -> None:
    site.sign_in_as()

    page = (await site.http.get(path, headers=PAGE, follow_redirects=True)).text

    assert " style=" not in page
    assert "<style" not in page
    assert " onclick=" not in page
    assert "data:" not in page
    assert "<script>" not in page
    assert "https://cdn" not in page


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:80", "localhost@evil.example", "", "127.0.0.2"]
)
async def test_a_host_name_that_is_not_ours_is_refused(site: Site, host: str) -> None:
    answer = await site.http.get("/", headers={**PAGE, "Host": host})

    assert answer.status_code == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1234", "[::1]:8000", "[::1]"])
async def test_this_machines_own_names_are_answered(site: Site, host: str) -> None:
    answer = await site.http.get("/healthz", headers={"Host": host})

    assert answer.status_code == 200


async def test_forwarded_headers_change_nothing(site: Site) -> None:
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-For": "10.0.0.1",
        "Forwarded": "host=evil.example",
    }

    plain = await site.http.get("/docs", headers=PAGE)
    answer = await site.http.get("/docs", headers={**PAGE, **forged})

    assert answer.text == plain.text
    assert "evil.example" not in answer.text


async def tries_of(served: Served, addresses: list[str]) -> list[int]:
    """Status of a wrong sign-in for each address that a proxy says it forwards."""
    answers = []
    for address in addresses:
        said = {**PAGE, "X-Forwarded-For": address, "X-Forwarded-Proto": "http"}
        data = {"csrf_token": await served.form_token(), "email": "ada@example.org", "password": "wrong"}
        answers.append((await served.http.post("/sign-in", data=data, headers=said)).status_code)
    return answers


@pytest.mark.parametrize(("proxies", "last"), [([], 429), (["10.0.0.0/8"], 429), (["127.0.0.0/8"], 401)])
async def test_a_forwarded_address_is_believed_of_a_named_proxy_alone(proxies: list[str], last: int) -> None:
    async with gateway.served(trusted_proxies=proxies) as served:
        answers = await tries_of(served, [f"203.0.113.{number}" for number in range(21)])

    assert answers[-1] == last


async def test_a_name_with_an_underscore_cannot_stand_for_another_header(site: Site) -> None:
    answer = await site.http.get("/api/v1/tasks", headers={"authorization_": "x", **{"Authori_zation": "x"}})

    assert answer.status_code == 401


@pytest.mark.parametrize(("given", "kept"), [("trace-1", True), ("x" * 65, False), ("a b", False), ("<script>", False)])
async def test_a_request_keeps_a_decent_id_and_gets_one_otherwise(site: Site, given: str, kept: bool) -> None:
    answer = await site.http.get("/healthz", headers={"X-Request-Id": given})

    assert (answer.headers["x-request-id"] == given) is kept
    assert answer.headers["x-request-id"]


async def test_a_body_over_the_limit_is_refused_by_its_declared_length(site: Site) -> None:
    answer = await site.http.post("/api/v1/tasks", content=b"x" * (1024 * 1024 + 1), headers=ADA_KEY)

    assert answer.status_code == 413
    assert answer.json()["reason"] == "TOO_LARGE"


async def test_a_body_over_the_limit_is_refused_in_chunks_too(served: Served) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    answer = await served.http.post("/api/v1/tasks", content=pieces(), headers=ADA_KEY)

    assert answer.status_code == 413
    assert not served.backends.tasks.tasks


async def raw(port: int, request: bytes) -> bytes:
    """Send bytes, read the answer to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return answer


async def test_two_framings_of_one_body_are_refused_and_the_line_is_cut(served: Served) -> None:
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    body = b"0\r\n\r\n" + smuggled
    request = (
        b"POST /api/v1/tasks HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
        + str(len(body)).encode()
        + b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        + body
    )

    answer = await raw(served.port, request)

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


async def test_a_hundred_kilobytes_of_header_are_refused(served: Served) -> None:
    request = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 100_000 + b"\r\n\r\n"

    answer = await raw(served.port, request)

    assert answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400"))


async def test_bytes_that_are_not_ascii_in_an_address_are_refused(served: Served) -> None:
    answer = await raw(served.port, b"GET /docs?x=\xff\xfe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400")


async def test_cookies_in_two_headers_are_still_two_cookies(served: Served) -> None:
    secret, _ = served.backends.auth.open("ada@example.org")
    request = (
        b"GET /studio/state HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Cookie: dd_session=" + secret.encode() + b"\r\nCookie: dd_session=planted-by-another\r\n\r\n"
    )

    answer = await raw(served.port, request)

    assert answer.startswith(b"HTTP/1.1 401")


async def test_an_unexpected_error_says_nothing_of_itself(site: Site) -> None:
    site.sign_in_as()
    site.backends.tasks.refusal = RuntimeError("the database password is hunter2")  # type: ignore[assignment]

    answer = await site.http.post("/studio/tasks", json={"prompt": "a"}, headers=await site.script_headers())

    assert answer.status_code == 500
    assert "hunter2" not in answer.text


async def test_a_body_that_comes_in_chunks_is_read(site: Site) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"prompt": '
        yield b'"a red house"}'

    answer = await site.http.post(
        "/api/v1/tasks", content=chunks(), headers={**ADA_KEY, "Content-Type": "application/json"}
    )

    assert answer.status_code == 202
    assert answer.json()["parameters"]["prompt"] == "a red house"


@pytest.mark.parametrize("origin", ["http://[", "null", "http://]"])
async def test_an_origin_that_is_none_is_refused_like_another_sites(site: Site, origin: str) -> None:
    answer = await site.http.post("/studio/tasks", json={"prompt": "a"}, headers={"Origin": origin})

    assert answer.status_code == 403
    assert answer.headers["content-security-policy"] == POLICY


async def test_a_page_in_a_files_place_is_kept_by_nobody(site: Site) -> None:
    site.sign_in_as()

    answer = await site.http.get("/static/another-version/theme.css", headers=PAGE)

    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"


async def test_another_apps_cookie_of_the_same_host_keeps_nobody_out(site: Site) -> None:
    site.sign_in_as()
    site.http.cookies.set("remember_token", "1|of-another-app")

    answer = await site.http.get("/studio", headers=PAGE)

    assert answer.status_code == 200
