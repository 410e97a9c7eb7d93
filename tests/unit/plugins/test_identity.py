"""The gate of the plugin host: nobody passes without a sign-in, and plugins see who asks but nothing to ask with."""

from collections.abc import Iterator

import httpx
import pytest

from tests.support import guarded_host
from tests.support import identity as tokens
from tests.support.fake_grants import Person
from tests.support.guarded_host import STUDIO, GuardedHost

ANNA = Person(user_id="anna")
PLUGIN = "/plugins/guarded@v1-0-0"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedHost]:
    with guarded_host.running(tmp_path_factory.mktemp("guarded")) as found:
        yield found


def test_every_route_refuses_who_shows_nothing_save_those_named_here(host: GuardedHost) -> None:
    with host.flask.test_request_context():
        addresses = {
            rule.rule: (rule.build(dict.fromkeys(rule.arguments, 1)) or ("", ""))[1]
            for rule in host.flask.url_map.iter_rules()
        }
    beside = {each: each for each in ("/healthz", "/readyz", "/tasks/1/events", "/no/such/page")}

    with host.client() as nobody:
        answers = {rule: nobody.get(address).status_code for rule, address in {**addresses, **beside}.items()}

    assert {rule for rule, status in answers.items() if status != 401} == {
        "/api-spec.json", "/asyncapi.json", "/files/<int:file_id>/", "/healthz", "/readyz", "/static/<path:filename>",
        "/swagger-ui/", "/swagger-ui/assets/<name>", "/swagger-ui/start.js",
    }  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
def test_what_is_open_is_open_to_reading_alone(host: GuardedHost, method: str) -> None:
    with host.client() as nobody:
        answer = nobody.request(method, "/files/1/")

    assert answer.status_code == 401


def test_a_cookie_says_who_asks_and_no_plugin_sees_it(host: GuardedHost) -> None:
    with host.client(ANNA) as anna:
        anna.cookies.set("dd_session", "of the studio")
        answer = anna.get(f"{PLUGIN}/")

    assert answer.json() == {"user": "anna", "cookies": {}, "authorization": None}
    assert "set-cookie" not in answer.headers


def test_a_program_shows_a_token_and_no_plugin_sees_it(host: GuardedHost) -> None:
    with host.program(ANNA) as program:
        answer = program.get(f"{PLUGIN}/")

    assert answer.json() == {"user": "anna", "cookies": {}, "authorization": None}


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer", "Bearer x", "Bearer a.b.c", "Bearer é.é.é", "Bearer " + "a" * 9000, "Basic x", "Basic eDp5",
        "Basic cGx1Z2luLWhvc3Q6eA==", "Negotiate x", "", f"Bearer {tokens.mint('anna')}",
        f"Bearer {tokens.mint('anna', audience=('plugins',), lifetime=-60)}",
        f"Bearer {tokens.mint('web', role='service', scopes=(), audience=('plugins',))}",
        f"Bearer {tokens.mint('anna', audience=('plugins',), claims={'act': {'sub': 'plugins'}})}",
    ],
)  # fmt: skip
def test_an_authorization_that_is_none_is_a_401_even_beside_a_good_cookie(host: GuardedHost, shown: str) -> None:
    with host.client(ANNA) as anna:
        answer = anna.get(f"{PLUGIN}/", headers={b"Authorization": shown.encode()})

    assert answer.status_code == 401
    assert answer.json()["code"] == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="plugins"'
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("cookie", ["dd_plugins=never-was-one", "dd_plugins=a b", "dd_plugins=", "dd_plugins", "; ;="])
def test_a_cookie_that_is_none_is_a_401(host: GuardedHost, cookie: str) -> None:
    with host.client(headers={"Cookie": cookie}) as browser:
        answer = browser.get(f"{PLUGIN}/")

    assert answer.status_code == 401


def test_two_cookies_of_the_name_are_believed_neither(host: GuardedHost) -> None:
    good = host.auth.sign_in(ANNA)

    with host.client(headers={"Cookie": f"dd_plugins={good}; dd_plugins=another-one"}) as browser:
        answer = browser.get(f"{PLUGIN}/")

    assert answer.status_code == 401


def test_a_browser_that_navigates_gets_a_page_with_a_link_to_the_studio(host: GuardedHost) -> None:
    with host.client(headers={"Accept": "text/html,*/*;q=0.8"}) as browser:
        answer = browser.get(f"{PLUGIN}/")

    assert (answer.status_code, answer.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert f'<a href="{STUDIO}/plugins"' in answer.text
    assert 'data-message="sign-in-needed"' in answer.text
    assert f"frame-ancestors {STUDIO}" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 401),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, 401),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 401),
        ({"Origin": "null"}, 401),
        ({"Origin": STUDIO}, 401),
        ({"Origin": "http://127.0.0.1:1"}, 401),
        ({}, 200),
    ],
)
def test_a_page_of_another_origin_cannot_have_the_browser_ask_in_a_persons_name(
    host: GuardedHost, headers: dict[str, str], status: int
) -> None:
    with host.client(ANNA) as anna:
        answer = anna.post(f"{PLUGIN}/", headers=headers)

    assert answer.status_code == status


def test_the_studio_opens_a_frame_by_navigating_to_it(host: GuardedHost) -> None:
    with host.client(ANNA) as anna:
        answer = anna.get(f"{PLUGIN}/", headers={"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"})

    assert answer.status_code == 200


def test_a_preflight_is_answered_before_any_plugin_hears_of_it(host: GuardedHost) -> None:
    asked = {
        "Origin": STUDIO, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization"
    }  # fmt: skip

    with host.client() as nobody:
        answer = nobody.options(f"{PLUGIN}/", headers=asked)

    assert (answer.status_code, answer.text) == (204, "")
    assert answer.headers["access-control-allow-headers"] == "authorization"
    assert "DELETE" in answer.headers["access-control-allow-methods"]


def test_auth_is_asked_once_for_many_requests(host: GuardedHost) -> None:
    secret = host.auth.sign_in(ANNA)

    with httpx.Client(base_url=host.url, cookies={"dd_plugins": secret}) as anna:
        answers = [anna.get(f"{PLUGIN}/").status_code for _ in range(5)]

    assert (answers, host.auth.asked[secret]) == ([200] * 5, 1)


def test_a_session_that_ended_is_over_at_once_for_cookies_and_tokens(host: GuardedHost) -> None:
    leaving = Person(user_id="carla", session_id="session-of-carla")
    token = {"Authorization": f"Bearer {leaving.token()}"}

    with host.client(leaving) as carla, host.client(headers=token) as script:
        before = [carla.get(f"{PLUGIN}/").status_code, script.get(f"{PLUGIN}/").status_code]
        host.membership.resolver.ended("carla", "session-of-carla")
        after = [carla.get(f"{PLUGIN}/").status_code, script.get(f"{PLUGIN}/").status_code]

    assert (before, after) == ([200, 200], [401, 401])


def test_while_auth_is_away_those_it_does_not_know_are_told_to_come_again(host: GuardedHost) -> None:
    with host.client(ANNA) as known, host.client(ANNA) as unknown:
        known.get(f"{PLUGIN}/")
        host.auth.away = True
        try:
            answers = known.get(f"{PLUGIN}/"), unknown.get(f"{PLUGIN}/")
        finally:
            host.auth.away = False

    assert [each.status_code for each in answers] == [200, 503]
    assert answers[1].headers["retry-after"] == "5"


@pytest.mark.parametrize(("path", "as_program", "status"), [
    ("strict", True, 200), ("fresh", True, 401), ("strict", False, 200), ("fresh", False, 200),
])  # fmt: skip
def test_require_jwt_asks_the_host_who_calls(host: GuardedHost, path: str, as_program: bool, status: int) -> None:
    with host.program(ANNA) if as_program else host.client(ANNA) as caller:
        answer = caller.get(f"{PLUGIN}/{path}/")

    assert answer.status_code == status


def test_a_host_that_nothing_stands_before_lets_nobody_in(host: GuardedHost) -> None:
    answer = host.flask.test_client().get("/plugins/")

    assert answer.status_code == 401
