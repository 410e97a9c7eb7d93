"""Without settings the host's own addresses are those that its server says; workers know them from there."""

import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, url_for
from qhana_plugin_runner import own_calls, served_at
from qhana_plugin_runner.fetching import UrlError
from qhana_plugin_runner.requests import REQUEST_SESSION, open_url
from werkzeug.serving import make_server

from tests.support import small_host


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """A host that nobody has told its name, with an instance folder of its own."""
    monkeypatch.setenv("QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER", str(tmp_path / "instance"))
    return small_host.make(tmp_path, SERVER_NAME=None, PLUGIN_FOLDERS=[], TESTING=False)


@pytest.fixture
def served(host: Flask) -> Iterator[str]:
    """The same host, served by a server on a port of this machine."""
    server = make_server("127.0.0.1", 0, host, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _asked(host: Flask, **environ: Any) -> list[str]:
    said = {
        "SERVER_SOFTWARE": "of a test",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8080",
        "REMOTE_ADDR": "10.0.0.9",
    }
    host.test_client().get("/plugins/", environ_overrides={**said, **environ})
    return served_at.origins(host)


def test_tasks_open_addresses_of_their_own_host_once_it_was_asked_anything(host: Flask, served: str) -> None:
    with host.app_context(), pytest.raises(UrlError):
        open_url(f"{served}/plugins/")
    _ask_from_outside(served)

    with host.app_context():
        told = open_url(f"{served}/plugins/").json()
        by_name = REQUEST_SESSION.get(f"{served}/plugins/".replace("127.0.0.1", "localhost")).status_code

    assert "plugins" in told
    assert by_name == 200


def test_tasks_make_addresses_of_their_host(host: Flask, served: str) -> None:
    with host.app_context(), pytest.raises(RuntimeError, match="SERVER_NAME"):
        url_for("tasks-api.TaskView", task_id="5", _external=True)
    _ask_from_outside(served)

    with host.app_context():
        made = url_for("tasks-api.TaskView", task_id="5", _external=True)

    assert made == f"{served}/tasks/5/"


def test_what_a_request_says_of_itself_is_no_address_of_the_host(host: Flask) -> None:
    forged = {"HTTP_HOST": "10.0.0.1:22", "HTTP_X_FORWARDED_PORT": "22", "HTTP_X_FORWARDED_HOST": "10.0.0.1"}

    known = _asked(host, **forged)

    assert known == ["http://127.0.0.1:8080", "http://localhost:8080"]


@pytest.mark.parametrize(
    "environ",
    [{"SERVER_PORT": "n"}, {"SERVER_PORT": ""}, {"REMOTE_ADDR": ""}, {"SERVER_SOFTWARE": ""}],
    ids=["no port", "empty port", "a Unix socket", "no server"],
)
def test_a_server_that_says_nothing_of_use_is_not_believed(host: Flask, environ: dict[str, str]) -> None:
    assert _asked(host, **environ) == []


@pytest.mark.parametrize(
    ("name", "scheme", "first"),
    [
        ("0.0.0.0", "http", "http://127.0.0.1:8080"),
        ("192.168.7.5", "http", "http://192.168.7.5:8080"),
        ("fd00::5", "http", "http://[fd00::5]:8080"),
        # What a proxy's header said, as gunicorn hands it on: the port itself does no TLS.
        ("192.168.7.5", "https", "http://192.168.7.5:8080"),
    ],
)
def test_the_address_that_the_server_is_bound_to_comes_first(host: Flask, name: str, scheme: str, first: str) -> None:
    known = _asked(host, SERVER_NAME=name, **{"wsgi.url_scheme": scheme})

    assert known[0] == first
    assert {"127.0.0.1", "localhost"} <= {each.split("//")[1].removesuffix(":8080") for each in known}


def test_a_port_of_an_earlier_start_is_forgotten_where_the_server_says_none(host: Flask) -> None:
    (Path(host.instance_path) / "served-at.json").write_text('["http://127.0.0.1:8081"]')

    known = _asked(host, REMOTE_ADDR="")

    assert known == []


def test_a_server_that_does_tls_itself_is_asked_by_it(host: Flask) -> None:
    with socket.socket() as plain:
        connection = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(plain, server_hostname="host.test")
        with connection:
            known = _asked(host, **{"werkzeug.socket": connection})

    assert known == ["https://127.0.0.1:8080", "https://localhost:8080"]


def test_the_port_of_today_takes_the_place_of_yesterday_s(host: Flask) -> None:
    yesterday = _asked(host, SERVER_PORT="8081")

    today = _asked(host)

    assert not set(yesterday) & set(today)


@pytest.mark.parametrize("settings", [{"OWN_URL_ORIGINS": ["https://studio.example"]}, {"REVERSE_PROXY_COUNT": 1}])
def test_settings_know_better_and_behind_a_proxy_only_they_know(tmp_path: Path, settings: dict[str, Any]) -> None:
    host = small_host.make(tmp_path, PLUGIN_FOLDERS=[], **settings)

    known = _asked(host)

    assert known == []


def test_an_app_of_a_test_keeps_it_to_itself(tmp_path: Path) -> None:
    one, another = tmp_path / "one", tmp_path / "another"
    one.mkdir()
    another.mkdir()
    host = small_host.make(one, SERVER_NAME=None, PLUGIN_FOLDERS=[])
    other = small_host.make(another, SERVER_NAME=None, PLUGIN_FOLDERS=[])

    known = _asked(host)

    assert known
    assert served_at.origins(other) == []


@pytest.mark.parametrize("kept", ["", "5", '{"a": 1}', "[5]"])
def test_what_is_kept_may_be_broken(host: Flask, kept: str) -> None:
    (Path(host.instance_path) / "served-at.json").write_text(kept)

    assert served_at.origins(host) == []


def test_an_instance_folder_that_cannot_be_written_is_a_warning_and_no_error(
    host: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    (Path(host.instance_path) / "served-at.json").mkdir()

    with caplog.at_level(logging.WARNING, logger=host.logger.name):
        known = _asked(host)

    assert known == []
    assert "workers will not know" in caplog.text


def test_calls_of_the_host_to_itself_say_for_whom_at_these_addresses_too(host: Flask) -> None:
    known = _asked(host)

    own = own_calls.origins_as_browsers_write_them(host)

    assert own == set(known)
    assert json.loads((Path(host.instance_path) / "served-at.json").read_text()) == known


def _ask_from_outside(served: str) -> None:
    import requests

    assert requests.get(f"{served}/plugins/", timeout=60).ok
