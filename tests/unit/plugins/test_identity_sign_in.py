"""`/sign-in`: a one-use code becomes a cookie of the host's own, and leads to a path of the host and nowhere else."""

from collections.abc import Iterator

import pytest

from tests.support import guarded_host
from tests.support.fake_grants import Person
from tests.support.guarded_host import STUDIO, GuardedHost

ANNA = Person(user_id="anna")
NEXT = "/plugins/guarded@v1-0-0/"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedHost]:
    with guarded_host.running(tmp_path_factory.mktemp("guarded")) as found:
        yield found


def test_a_code_signs_a_browser_in_and_leads_on(host: GuardedHost) -> None:
    with host.client() as browser:
        answer = browser.get("/sign-in", params={"code": host.auth.code(ANNA), "next": NEXT})
        after = browser.get(answer.headers["location"])

    assert (answer.status_code, answer.headers["location"]) == (303, NEXT)
    assert after.json()["user"] == "anna"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert 3500 < int(cookie.partition("Max-Age=")[2].partition(";")[0]) <= 3600
    assert "Secure" not in cookie


def test_a_code_works_once_and_a_browser_that_is_signed_in_goes_on_without(host: GuardedHost) -> None:
    code = host.auth.code(ANNA)

    with host.client() as first, host.client() as second:
        used = first.get("/sign-in", params={"code": code, "next": NEXT})
        again = first.get("/sign-in", params={"code": code, "next": NEXT})
        elsewhere = second.get("/sign-in", params={"code": code, "next": NEXT})

    assert [used.status_code, again.status_code, elsewhere.status_code] == [303, 303, 401]
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize("code", ["", "wrong", "x" * 300, "é", "%00"])
def test_a_code_that_is_none_is_a_page_that_tells_the_studio(host: GuardedHost, code: str) -> None:
    with host.client(headers={"Accept": "text/html"}) as browser:
        answer = browser.get("/sign-in", params={"code": code, "next": NEXT})

    assert answer.status_code == 401
    assert 'data-message="sign-in-needed"' in answer.text
    assert f'data-studio="{STUDIO}"' in answer.text


@pytest.mark.parametrize(
    "wanted", ["//evil.test/", "/\\evil.test", "https://evil.test/", "javascript:alert(1)", "\t//evil", ""]
)
def test_next_leads_to_a_path_of_this_host_alone(host: GuardedHost, wanted: str) -> None:
    with host.client() as browser:
        answer = browser.get("/sign-in", params={"code": host.auth.code(ANNA), "next": wanted})

    assert answer.headers["location"] == "/plugins/"


def test_another_site_cannot_sign_a_browser_in_as_somebody_of_its_choice(host: GuardedHost) -> None:
    code = host.auth.code(Person(user_id="mallory"))

    with host.client(headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}) as browser:
        answer = browser.get("/sign-in", params={"code": code, "next": NEXT})

    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


def test_while_auth_is_away_nobody_signs_in(host: GuardedHost) -> None:
    code = host.auth.code(ANNA)
    host.auth.away = True

    with host.client() as browser:
        answer = browser.get("/sign-in", params={"code": code, "next": NEXT})

    host.auth.away = False
    assert answer.status_code == 503
