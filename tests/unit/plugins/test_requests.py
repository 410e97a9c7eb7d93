"""What plugins call to open URLs and to learn what is behind them."""

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from qhana_plugin_runner.api import util as api_util
from qhana_plugin_runner.fetching import AddressRefusedError, UrlError
from qhana_plugin_runner.requests import (
    REQUEST_SESSION,
    get_mimetype,
    open_url,
    open_url_as_file_like,
    open_url_as_file_like_simple,
    retrieve_attribute_metadata_url,
    retrieve_data_type,
    retrieve_filename,
)
from requests import Response
from requests.exceptions import HTTPError, InvalidSchema, RequestException
from requests.structures import CaseInsensitiveDict

from tests.support.odd_server import OddServer, plain


@pytest.fixture
def server() -> Iterator[OddServer]:
    """Answers with a CSV file, an error, and then the file again."""
    headers = {
        "Content-Type": "text/csv; charset=utf-8",
        "Content-Disposition": 'attachment; filename="../my entities.csv"',
        "X-Data-Type": "entity/list",
        "X-Attribute-Metadata": "/attributes.json",
    }
    file_ = plain(b"ID\r\n1\r\n", headers=headers)

    def answer(connection: object, path: str) -> None:
        connection.sendall(plain(b"{}", status="404 Not Found") if path == "/none" else file_)  # type: ignore[attr-defined]

    with OddServer(answer) as running:
        yield running


@pytest.fixture
def _app(server: OddServer) -> Iterator[Flask]:
    app = Flask("host")
    app.config["ALLOWED_URL_ORIGINS"] = server.url
    with app.app_context():
        yield app


def answer_of(url: str, **headers: str) -> Response:
    response = Response()
    response.url = url
    response.headers = CaseInsensitiveDict({name.replace("_", "-"): value for name, value in headers.items()})
    return response


@pytest.mark.usefixtures("_app")
def test_open_url_obeys_the_configuration_of_the_app_it_runs_in(server: OddServer) -> None:
    with open_url(f"{server.url}/a.csv") as response:
        text = response.text

    assert text == "ID\r\n1\r\n"


def test_without_an_app_nothing_private_is_allowed(server: OddServer) -> None:
    with pytest.raises(AddressRefusedError):
        open_url(f"{server.url}/a.csv")


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/data.json", "http://example.org:5432/", "file:///etc/passwd", "http://a b/", "gopher://a/"],
)
def test_a_plugin_that_catches_bad_values_or_failed_requests_catches_a_refused_url(url: str) -> None:
    with pytest.raises(ValueError, match="URL") as refused:
        open_url(url)

    assert isinstance(refused.value, RequestException)


def test_a_refusal_that_comes_back_from_a_worker_says_its_sentence_once() -> None:
    with pytest.raises(AddressRefusedError) as refused:
        open_url("http://127.0.0.1/data.json")

    returned = pickle.loads(pickle.dumps(refused.value))

    assert str(returned) == str(refused.value)
    assert str(returned).count("not public") == 1


def test_a_scheme_that_nobody_opens_is_refused_as_by_requests() -> None:
    with pytest.raises(InvalidSchema):
        open_url("gopher://example.org/1")


@pytest.mark.usefixtures("_app")
def test_an_error_status_raises_unless_told_otherwise(server: OddServer) -> None:
    response = open_url(f"{server.url}/none", raise_on_error_status=False)

    assert response.status_code == 404
    with pytest.raises(HTTPError, match="404"):
        open_url(f"{server.url}/none")


@pytest.mark.usefixtures("_app")
def test_the_session_for_other_methods_obeys_the_same_rules(server: OddServer) -> None:
    answer = REQUEST_SESSION.post(f"{server.url}/hook", params={"source": "x", "event": "status"})

    assert answer.ok
    assert server.requests[0].startswith("POST /hook?source=x&event=status ")
    for call in (REQUEST_SESSION.get, REQUEST_SESSION.put, REQUEST_SESSION.delete):
        with pytest.raises(UrlError):
            call("http://10.0.0.1/")


@pytest.mark.usefixtures("_app")
def test_a_url_can_be_read_as_a_file(server: OddServer) -> None:
    with open_url_as_file_like(f"{server.url}/a.csv") as (name, file_, content_type):
        line = file_.readline()
    with open_url_as_file_like_simple(f"{server.url}/a.csv") as simple:
        whole = simple.read()

    assert (name, content_type, line, whole) == ("my entities.csv", "text/csv", b"ID\r\n", b"ID\r\n1\r\n")


@pytest.mark.usefixtures("_app")
def test_the_name_of_a_streamed_response_is_found_without_reading_or_closing_it(server: OddServer) -> None:
    with open_url(f"{server.url}/x/y.json", stream=True) as response:
        name = retrieve_filename(response)
        content = response.content

    assert (name, content) == ("my entities", b"ID\r\n1\r\n")


@pytest.mark.usefixtures("_app")
def test_the_name_behind_a_url_is_found_by_asking(server: OddServer) -> None:
    assert retrieve_filename(f"{server.url}/x") == "my entities"


@pytest.mark.parametrize(
    ("url", "disposition", "name"),
    [
        ("http://a.example/files/vectors.csv?x=1", None, "vectors"),
        ("http://a.example/files/a%20b.tar.gz", None, "a b.tar"),
        ("http://a.example/files/1/", "inline; filename*=UTF-8''caf%C3%A9.json", "café"),
        ("http://a.example/files/1/", 'inline; filename="..\\\\..\\\\evil.exe"', "evil"),
        ("http://a.example/", None, "unknown"),
        ("data:text/csv,ID/a/b", None, "data"),
        ("file:///tmp/x.json", None, "x"),
    ],
)
def test_a_file_name_comes_from_the_header_or_the_url(url: str, disposition: str | None, name: str) -> None:
    headers = {"Content_Disposition": disposition} if disposition else {}

    assert retrieve_filename(answer_of(url, **headers)) == name


def test_the_name_of_a_file_is_found_where_plugins_of_some_releases_import_it_from() -> None:
    answer = answer_of("http://example.org/files/palette.v2.json")

    assert api_util.retrieve_filename(answer) == "palette.v2"


@pytest.mark.parametrize("retrieve", [retrieve_filename, retrieve_data_type, retrieve_attribute_metadata_url])
def test_what_is_neither_a_url_nor_a_response_says_nothing_of_a_file(retrieve: Any) -> None:
    with pytest.raises(TypeError):
        retrieve(7)


@pytest.mark.parametrize(
    ("url", "header", "mimetype"),
    [
        ("http://a.example/x", "text/csv; charset=utf-8", "text/csv"),
        ("http://a.example/x", "application/X-lines+json", "application/X-lines+json"),
        ("http://a.example/x.json?y=a.csv", "", "application/json"),
        ("http://a.example/x", "", "text/plain"),
    ],
)
def test_a_mimetype_comes_from_the_header_the_url_or_the_default(url: str, header: str, mimetype: str) -> None:
    assert get_mimetype(answer_of(url, Content_Type=header), "text/plain") == mimetype


def test_without_any_hint_there_is_no_mimetype() -> None:
    assert get_mimetype(answer_of("http://a.example/download")) is None


@pytest.mark.usefixtures("_app")
def test_data_type_and_attribute_metadata_behind_a_url_are_found_by_asking(server: OddServer) -> None:
    url = f"{server.url}/a.csv"

    assert retrieve_data_type(url) == "entity/list"
    assert retrieve_attribute_metadata_url(url) == f"{server.url}/attributes.json"


@pytest.mark.usefixtures("_app")
def test_data_type_and_attribute_metadata_are_read_off_the_headers(server: OddServer) -> None:
    with open_url(f"{server.url}/a.csv") as response:
        found = retrieve_data_type(response), retrieve_attribute_metadata_url(response)

    nothing = answer_of("http://a.example/")
    assert found == ("entity/list", f"{server.url}/attributes.json")
    assert (retrieve_data_type(nothing), retrieve_attribute_metadata_url(nothing)) == (None, None)
