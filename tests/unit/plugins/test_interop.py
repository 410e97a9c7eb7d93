"""Plugins call other plugins over HTTP, look at their results and subscribe to them."""

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from qhana_plugin_runner.fetching import AddressRefusedError
from qhana_plugin_runner.plugin_utils.interop import (
    ResultUnchangedError,
    call_plugin_endpoint,
    call_webhook,
    get_plugin_endpoint,
    get_task_result_no_wait,
    monitor_external_substep,
    monitor_result,
    subscribe,
)
from requests.exceptions import HTTPError

from tests.support.odd_server import OddServer, plain


class OtherHost(OddServer):
    """Another plugin host, with one plugin and one task."""

    def __init__(self) -> None:
        super().__init__(self._reply)
        self.task: dict[str, Any] = {"status": "PENDING", "links": [{"type": "subscribe", "href": "/tasks/1/"}]}

    def _reply(self, connection: socket.socket, path: str) -> None:
        method = self.requests[-1].split(" ")[0]
        if path == "/plugins/x/":
            links = [{"type": "of-evaluate", "href": "evaluate/"}]
            answer = plain(json.dumps({"entryPoint": {"href": "./process/"}, "links": links}).encode())
        elif path == "/plugins/x/process/":
            answer = plain(status="303 See Other", headers={"Location": "/tasks/1/"})
        elif path == "/tasks/1/":
            answer = plain(json.dumps(self.task).encode())
        elif path.startswith("/hook/"):
            answer = plain(status="204 No Content")
        else:
            answer = plain(b'{"code": 422}', status="422 Unprocessable Entity")
        connection.sendall(answer)
        assert method in {"GET", "POST"}


@pytest.fixture
def other() -> Iterator[OtherHost]:
    with OtherHost() as running:
        app = Flask("host")
        app.config["ALLOWED_URL_ORIGINS"] = running.url
        with app.app_context():
            yield running  # type: ignore[misc]


def test_the_endpoint_of_a_plugin_is_read_off_its_metadata(other: OtherHost) -> None:
    plugin = f"{other.url}/plugins/x/"

    assert get_plugin_endpoint(plugin) == f"{plugin}process/"
    assert get_plugin_endpoint(plugin, "of-evaluate") == f"{plugin}evaluate/"
    with pytest.raises(KeyError, match="of-weights"):
        get_plugin_endpoint(plugin, "of-weights")


def test_calling_a_plugin_gives_the_url_of_its_task(other: OtherHost) -> None:
    result = call_plugin_endpoint(f"{other.url}/plugins/x/process/", {"a": "1"})

    assert result == f"{other.url}/tasks/1/"
    with pytest.raises(HTTPError, match="422"):
        call_plugin_endpoint(f"{other.url}/other/", None, debug=True)


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("PENDING", "PENDING"),
        ("SUCCESS", "SUCCESS"),
        ("ERROR", "FAILURE"),
        ("CANCELLED", "CANCELED"),
        (None, "FAILURE"),
    ],
)
def test_a_status_is_read_as_one_of_four(other: OtherHost, said: str | None, status: str) -> None:
    other.task["status"] = said

    assert get_task_result_no_wait(f"{other.url}/tasks/1/") == (status, other.task)


def test_a_subscription_is_asked_for_at_the_link_of_the_task(other: OtherHost) -> None:
    done = subscribe(f"{other.url}/tasks/1/", "http://me.example/hook/", ["status", "steps"], check_for_updates=False)

    bodies = [json.loads(request.split("\r\n\r\n", 1)[1]) for request in other.requests if request.startswith("POST")]
    assert done
    assert bodies == [
        {"command": "subscribe", "webhookHref": "http://me.example/hook/", "event": event}
        for event in ("status", "steps")
    ]


def test_a_task_that_takes_no_subscription_says_so(other: OtherHost) -> None:
    url = f"{other.url}/tasks/1/"
    other.task["links"] = [{"type": "subscribe", "href": "/none/"}]
    refused = subscribe(url, "http://me.example/", check_for_updates=False)
    other.task["links"] = []
    unheard = subscribe(url, "http://me.example/", check_for_updates=False)

    assert (refused, unheard) == (False, False)


def test_a_webhook_is_told_the_task_and_the_event(other: OtherHost) -> None:
    call_webhook.run(webhook_url=f"{other.url}/hook/", task_url="http://t.example/1/", event_type="steps")

    assert other.requests[-1].startswith("POST /hook/?source=http%3A%2F%2Ft.example%2F1%2F&event=steps ")


def test_a_task_in_which_nothing_happened_is_looked_at_again(other: OtherHost) -> None:
    url = f"{other.url}/tasks/1/"
    other.task["steps"] = [{"stepId": "s1", "cleared": True}, {"stepId": "s2", "cleared": False}]

    with pytest.raises(ResultUnchangedError):
        monitor_external_substep.run(result_url=url, webhook_url="http://me.example/", substep="s2")
    with pytest.raises(ResultUnchangedError):
        monitor_result.run(result_url=url, webhook_url="http://me.example/", monitor="status")
    assert monitor_result.run(result_url=url, webhook_url="http://me.example/", monitor="status", retry=False) is None


@pytest.mark.parametrize("substep", ["s9", 5, -1])
def test_a_step_that_is_not_there_is_an_error(other: OtherHost, substep: str | int) -> None:
    with pytest.raises(ValueError, match="has no step"):
        monitor_external_substep.run(
            result_url=f"{other.url}/tasks/1/", webhook_url="http://me.example/", substep=substep
        )


def test_other_hosts_are_subject_to_the_url_rules(other: OtherHost) -> None:
    with pytest.raises(AddressRefusedError):
        call_plugin_endpoint("http://10.0.0.1/", {})
    with pytest.raises(AddressRefusedError):
        get_task_result_no_wait("http://169.254.169.254/")
