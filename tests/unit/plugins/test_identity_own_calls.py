"""A plugin's calls to the host itself pass the gate in its person's name, and the proof of it goes nowhere else."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from qhana_plugin_runner import identity, own_calls
from qhana_plugin_runner.fetching import UrlError
from qhana_plugin_runner.plugin_utils import interop

from tests.support import guarded_host
from tests.support.fake_grants import Person
from tests.support.guarded_host import GuardedHost

ANNA = Person(user_id="anna")
PLUGIN = "/plugins/guarded@v1-0-0"
WAYS = ["requests", "open_url"]


class _Elsewhere(BaseHTTPRequestHandler):
    """Another program on this machine: it notes what it is shown, and sends on who asks for that."""

    shown: list[str | None]
    says: dict[str, Any]

    def do_GET(self) -> None:
        self.shown.append(self.headers.get("Authorization"))
        onward = self.path.partition("?to=")[2]
        self.send_response(302 if onward else 200)
        self.send_header("Location", onward)
        body = json.dumps(self.says).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[tuple[str, type[_Elsewhere]]]:
    kind = type("Elsewhere", (_Elsewhere,), {"shown": [], "says": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", kind
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, elsewhere: tuple[str, type[_Elsewhere]]) -> Iterator[GuardedHost]:
    folder = tmp_path_factory.mktemp("guarded")
    with guarded_host.running(folder, ALLOWED_URL_ORIGINS=[elsewhere[0]]) as found:
        yield found


@pytest.mark.parametrize("by", WAYS)
def test_a_plugin_asks_the_host_in_its_persons_name(host: GuardedHost, by: str) -> None:
    with host.client(ANNA) as anna:
        answer = anna.get(f"{PLUGIN}/call/{by}/", params={"url": f"{host.url}{PLUGIN}/"})

    told = answer.json()
    assert told["status"] == 200, told
    assert json.loads(told["text"]) == {"user": "anna", "cookies": {}, "authorization": None}


@pytest.mark.parametrize("by", WAYS)
def test_what_the_host_redirects_to_within_itself_is_asked_in_the_same_name(host: GuardedHost, by: str) -> None:
    own = host.url.replace("127.0.0.1", "localhost")

    with host.client(ANNA) as anna:
        # From one of its own names to another one, as a container's name for the host leads to people's.
        url = f"{own}{PLUGIN}/leading/?to={host.url}{PLUGIN}/"
        answer = anna.get(f"{PLUGIN}/call/{by}/", params={"url": url})

    assert json.loads(answer.json()["text"])["user"] == "anna"


@pytest.mark.parametrize("by", WAYS)
def test_a_plugin_reaches_no_task_of_anothers_by_its_address(host: GuardedHost, by: str) -> None:
    with host.client(ANNA) as anna, host.client(Person(user_id="bert", session_id="session-2")) as bert:
        url = f"{host.url}/tasks/{anna.post(f'{PLUGIN}/begin/').json()['public']}/"
        own = anna.get(f"{PLUGIN}/call/{by}/", params={"url": url})
        anothers = bert.get(f"{PLUGIN}/call/{by}/", params={"url": url})

    assert (own.json()["status"], anothers.json()["status"]) == (200, 404)


@pytest.mark.parametrize("by", WAYS)
def test_nobody_else_is_shown_anything_not_even_on_the_same_machine(
    host: GuardedHost, elsewhere: tuple[str, type[_Elsewhere]], by: str
) -> None:
    address, kind = elsewhere
    kind.shown.clear()

    with host.client(ANNA) as anna:
        answer = anna.get(f"{PLUGIN}/call/{by}/", params={"url": address})

    assert (answer.json()["status"], kind.shown) == (200, [None])


@pytest.mark.parametrize("by", WAYS)
def test_who_leads_away_from_the_host_is_shown_nothing_and_who_leads_to_it_gets_nobody_in(
    host: GuardedHost, elsewhere: tuple[str, type[_Elsewhere]], by: str
) -> None:
    address, kind = elsewhere
    kind.shown.clear()

    with host.client(ANNA) as anna:
        back = anna.get(f"{PLUGIN}/call/{by}/", params={"url": f"{address}/?to={host.url}{PLUGIN}/"})
        away = anna.get(f"{PLUGIN}/call/{by}/", params={"url": f"{host.url}{PLUGIN}/leading/?to={address}/"})

    assert back.json()["status"] == 401
    assert (away.json()["status"], kind.shown) == (200, [None, None])


@pytest.mark.parametrize("wrong", ["", "x", "x.y.z", "é"])
def test_a_token_of_somebody_elses_making_names_nobody(host: GuardedHost, wrong: str) -> None:
    assert own_calls.owner_of(host.flask, wrong) is None


def test_a_token_of_another_host_names_nobody(host: GuardedHost) -> None:
    other = Flask("other")
    other.config.update(REQUIRE_LOGIN=True, SERVER_NAME="host.test")
    other.secret_key = "another key"
    with other.app_context(), identity.on_behalf_of("anna"):
        shown = own_calls.credential("http://host.test/")

    assert shown is not None
    assert own_calls.owner_of(other, shown[1]) == "anna"
    assert own_calls.owner_of(host.flask, shown[1]) is None


@pytest.mark.parametrize(("age", "owner"), [(-11, None), (-9, "anna"), (59, "anna"), (62, None)])
def test_a_token_is_good_for_a_minute_also_where_clocks_differ_a_little(
    host: GuardedHost, age: int, owner: str | None
) -> None:
    now = 1_800_000_000

    class Clock(TimestampSigner):
        def get_timestamp(self) -> int:
            return now - age

    with host.flask.app_context(), identity.on_behalf_of("anna"):
        shown = own_calls.credential(f"{host.url}/plugins/")
    key = str(host.flask.secret_key)
    token = URLSafeTimedSerializer(key, salt="daydream.own-call", signer=Clock).dumps("anna")

    assert shown is not None
    assert own_calls.owner_of(host.flask, str(token), now=lambda: now) == owner


def test_an_answer_from_elsewhere_does_not_have_the_host_called_in_a_persons_name(
    host: GuardedHost, elsewhere: tuple[str, type[_Elsewhere]]
) -> None:
    address, kind = elsewhere
    kind.says = {
        "entryPoint": {"href": f"{host.url}{PLUGIN}/begin/"},
        "links": [{"type": "subscribe", "href": f"{host.url}{PLUGIN}/begin/"}],
    }

    with host.flask.app_context(), identity.on_behalf_of("anna"):
        with pytest.raises(UrlError, match="leads to this host"):
            interop.get_plugin_endpoint(f"{address}/")
        with pytest.raises(UrlError, match="leads to this host"):
            interop.get_plugin_endpoint(f"{address}/", "subscribe")
        with pytest.raises(UrlError, match="leads to this host"):
            interop.subscribe(f"{address}/", "http://me.example/", check_for_updates=False)
        kind.says = {"entryPoint": {"href": "/process/"}}
        own = interop.get_plugin_endpoint(f"{address}/")

    assert own == f"{address}/process/"


def test_without_a_person_nothing_is_shown(host: GuardedHost) -> None:
    with host.flask.app_context():
        assert own_calls.credential(f"{host.url}/plugins/") is None
        with identity.on_behalf_of("anna"):
            assert own_calls.credential(f"{host.url}/plugins/") is not None
            assert own_calls.credential("http://127.0.0.1:1/plugins/") is None
            assert own_calls.credential("no address") is None
