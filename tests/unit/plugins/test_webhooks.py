"""Subscribers are told by a POST, a few times at most, and never where the rules for URLs do not allow it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from celery.exceptions import Retry
from flask import Flask
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.plugin_utils.interop import MOST_RETRIES, call_webhook

from tests.support import small_host


class Listener:
    """Hears POSTs on loopback, and answers with the status it is told to."""

    def __init__(self) -> None:
        """Listens at once."""
        self.heard: list[str] = []
        self.status = 204
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                ours.heard.append(self.path)
                self.send_response(ours.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        """Listen no longer."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Somebody who listens."""
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def host(tmp_path: Path, listener: Listener) -> Iterator[Flask]:
    """A host that may call the listener."""
    app = small_host.make(tmp_path, ALLOWED_URL_ORIGINS=[listener.origin])
    with app.app_context():
        yield app
        DB.session.remove()
        DB.engine.dispose()


@pytest.mark.usefixtures("host")
def test_a_subscriber_hears_which_task_changed_and_how(listener: Listener) -> None:
    call_webhook(f"{listener.origin}/hook?mine=1", "http://host/tasks/a b/", "status")

    assert listener.heard == ["/hook?mine=1&source=http%3A%2F%2Fhost%2Ftasks%2Fa%20b%2F&event=status"]


@pytest.mark.usefixtures("host")
def test_a_delivery_that_fails_is_tried_again_and_in_the_end_given_up(listener: Listener) -> None:
    listener.status = 503
    arguments = (f"{listener.origin}/", "http://host/tasks/a/", "steps")

    call_webhook.push_request(id="x", args=arguments, kwargs={}, retries=0, called_directly=False)
    with pytest.raises(Retry):
        call_webhook.run(*arguments)
    call_webhook.pop_request()
    call_webhook.push_request(id="x", retries=MOST_RETRIES, called_directly=False)
    call_webhook.run(*arguments)
    call_webhook.pop_request()

    assert len(listener.heard) == 2


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize(("status", "tried_again"), [(404, False), (410, False), (429, True), (500, True)])
def test_a_subscriber_that_does_not_want_to_know_is_not_asked_again(
    listener: Listener, status: int, tried_again: bool
) -> None:
    listener.status = status
    arguments = (f"{listener.origin}/", "http://host/tasks/a/", "steps")

    call_webhook.push_request(id="x", args=arguments, kwargs={}, retries=0, called_directly=False)
    try:
        call_webhook.run(*arguments)
        asked_again = False
    except Retry:
        asked_again = True
    finally:
        call_webhook.pop_request()

    assert asked_again is tried_again


@pytest.mark.usefixtures("app")
def test_a_webhook_at_a_private_address_is_not_called(listener: Listener) -> None:
    call_webhook(f"{listener.origin}/", "http://host/tasks/a/", "status")

    assert listener.heard == []
