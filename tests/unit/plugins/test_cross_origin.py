"""Pages of other origins may read the host without credentials; who may frame it is the operator's to say."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import render_template
from flask.testing import FlaskClient
from marshmallow import Schema
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.util.config import BadSetting

from tests.support import small_host

STUDIO = "https://studio.example"


@pytest.fixture
def client(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[FlaskClient]:
    """Of a host with the configuration that the test is parametrized with."""
    config: Mapping[str, Any] = getattr(request, "param", {})
    app = small_host.make(tmp_path, **config)
    with app.app_context():
        yield app.test_client()
        DB.session.remove()
        DB.engine.dispose()


@pytest.mark.parametrize("address", ["/plugins/", "/tasks/none/", "/files/1/?file-id=none", "/static/forms.css"])
def test_every_answer_may_be_read_elsewhere_but_not_with_credentials(client: FlaskClient, address: str) -> None:
    asked = client.get(address, headers={"Origin": "https://other.example"})
    cached = client.get(address)

    assert asked.headers["Access-Control-Allow-Origin"] == cached.headers["Access-Control-Allow-Origin"] == "*"
    assert "X-Data-Type" in asked.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in asked.headers


def test_a_browser_that_asks_before_is_told_what_it_may_send(client: FlaskClient) -> None:
    asking = {
        "Origin": "https://other.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type, authorization",
    }

    answer = client.options("/tasks/none/", headers=asking)

    assert answer.status_code == 200
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type, authorization"


@pytest.mark.parametrize("client", [{"CORS_ORIGINS": [f"{STUDIO}/"]}], indirect=True)
def test_the_operator_may_name_who_reads(client: FlaskClient) -> None:
    ours = client.get("/plugins/", headers={"Origin": STUDIO})
    other = client.get("/plugins/", headers={"Origin": "https://other.example"})

    assert ours.headers["Access-Control-Allow-Origin"] == STUDIO
    assert "Access-Control-Allow-Origin" not in other.headers
    assert ours.headers["Vary"] == other.headers["Vary"] == "Origin"


@pytest.mark.parametrize("client", [{"PLUGIN_HOST_ORIGINS": [STUDIO, "http://127.0.0.1:8000"]}], indirect=True)
def test_pages_are_framed_by_the_studio_alone_and_know_its_origins(client: FlaskClient) -> None:
    page = client.get("/swagger-ui/")
    data = client.get("/plugins/")
    with client.application.test_request_context():
        form = render_template("simple_template.html", schema=Schema(), values={}, errors={}, process="/process/")

    policy = "frame-ancestors 'self' https://studio.example http://127.0.0.1:8000"
    assert page.headers.getlist("Content-Security-Policy") == [policy]
    assert "Content-Security-Policy" not in data.headers
    assert 'data-host-origins="https://studio.example http://127.0.0.1:8000"' in form


@pytest.mark.parametrize("setting", ["CORS_ORIGINS", "PLUGIN_HOST_ORIGINS"])
@pytest.mark.parametrize("value", ["studio.example", "https://studio.example/x", "https://a; script-src *", "ftp://a"])
def test_what_is_no_origin_is_said_in_a_sentence(tmp_path: Path, setting: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"{setting}: .* is no origin"):
        small_host.make(tmp_path, **{setting: [value]})
