"""What a body may cost: time, bytes, memory (rows 92 and 93 of the bad-input catalogue), and how it can be read."""

import gzip
import io
import re
import socket
import ssl
import threading
from pathlib import Path

import pytest
from qhana_plugin_runner.fetching import Fetcher, ResponseTooLargeError, ResponseTooSlowError, UrlRules
from qhana_plugin_runner.fetching.sockets import Patience, PatienceLost
from requests import Response
from requests.exceptions import ChunkedEncodingError, ContentDecodingError, ReadTimeout, RequestException
from requests.exceptions import ConnectionError as RequestsConnectionError

from tests.support.certificates import self_signed
from tests.support.odd_server import Answer, OddServer, answering, plain


def fetcher(server: OddServer, **rules: float) -> Fetcher:
    return Fetcher(UrlRules(trusted_origins=frozenset({server.url}), **rules))  # type: ignore[arg-type]


def endless(first: bytes, more: bytes) -> Answer:
    def answer(connection: socket.socket, path: str) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(more)

    return answer


def dripping(first: bytes, drop: bytes, seconds: float, stop: threading.Event) -> Answer:
    def answer(connection: socket.socket, path: str) -> None:
        connection.sendall(first)
        while not stop.wait(seconds):
            connection.sendall(drop)

    return answer


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


@pytest.mark.parametrize("stream", [False, True])
def test_endless_chunks_end_at_the_limit(stream: bool) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"2710\r\n" + b"x" * 10_000 + b"\r\n"
    with answering(endless(head, chunk)) as server, pytest.raises(ResponseTooLargeError, match="more bytes than are"):
        fetcher(server, max_bytes=100_000).request("GET", server.url, stream=stream).content  # noqa: B018


def test_a_body_without_an_end_or_a_length_ends_at_the_limit() -> None:
    body = endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 10_000)
    with answering(body) as server, pytest.raises(ResponseTooLargeError):
        fetcher(server, max_bytes=100_000).request("GET", server.url)


def test_a_length_beyond_the_limit_is_refused_before_a_byte_is_read() -> None:
    lie = plain(b"x", length=10**12)
    with answering(lie) as server, pytest.raises(ResponseTooLargeError, match="1000000000000 bytes"):
        fetcher(server).request("GET", server.url, stream=True)


def test_a_length_that_promises_more_than_comes_is_an_error() -> None:
    with answering(plain(b"half", length=8)) as server, pytest.raises(ChunkedEncodingError):
        fetcher(server).request("GET", server.url)


def test_a_length_that_promises_less_cuts_the_body() -> None:
    with answering(plain(b"whole", length=2)) as server:
        assert fetcher(server).request("GET", server.url).content == b"wh"


def test_a_gzip_bomb_is_recognised_by_its_ratio_long_before_the_limit() -> None:
    bomb = gzip.compress(b"\0" * 50 * 1024**2)
    with answering(plain(bomb, headers={"Content-Encoding": "gzip"})) as server:
        response = fetcher(server).request("GET", server.url, stream=True)

        read = 0
        try:
            for chunk in response.iter_content(65_536):
                read += len(chunk)
        except ResponseTooLargeError as error:
            refused = str(error)

    assert refused.startswith("This URL holds more bytes")
    assert read < 40 * 1024**2


def test_what_shrinks_well_but_stays_small_is_unpacked() -> None:
    packed = gzip.compress(b"a" * 10_000_000)
    with answering(plain(packed, headers={"Content-Encoding": "gzip"})) as server:
        assert len(fetcher(server).request("GET", server.url).content) == 10_000_000


def test_a_body_that_is_not_packed_as_it_says_is_an_error() -> None:
    lie = plain(b"not gzip", headers={"Content-Encoding": "gzip"})
    with answering(lie) as server, pytest.raises(ContentDecodingError):
        fetcher(server).request("GET", server.url)


@pytest.mark.parametrize(
    "first", [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"HTTP/1.1 200 OK\r\nX-Slow: "]
)
def test_a_drip_in_the_body_or_the_head_ends_when_patience_does(first: bytes, stop: threading.Event) -> None:
    with answering(dripping(first, b"x", 0.02, stop)) as server:
        with pytest.raises(ResponseTooSlowError, match="too slowly"):
            fetcher(server, patience_seconds=0.4, min_bytes_per_second=1e6).request("GET", server.url)
        stop.set()


def test_the_time_a_plugin_takes_between_two_reads_costs_no_patience() -> None:
    patience = Patience(1.0, 1e6)

    patience.earn(500_000)
    patience.spend(0.25)

    assert patience.left == pytest.approx(1.25)


def test_silence_ends_at_the_time_limit_of_the_call(stop: threading.Event) -> None:
    def silent(connection: socket.socket, path: str) -> None:
        stop.wait(60)

    with answering(silent) as server:
        with pytest.raises(ReadTimeout):
            fetcher(server).request("GET", server.url, timeout=0.2)
        stop.set()


def test_nobody_listening_is_an_error_of_requests() -> None:
    with answering(plain()) as server:
        gone = fetcher(server)

    with pytest.raises(RequestsConnectionError):
        gone.request("GET", server.url)


def test_an_answer_that_is_no_http_is_an_error_of_requests() -> None:
    with answering(b"SSH-2.0-OpenSSH\r\n") as server, pytest.raises(RequestException):
        fetcher(server).request("GET", server.url)


def test_a_body_that_is_not_streamed_can_be_read_again_and_after_closing() -> None:
    table = plain("ä\nb\n".encode(), headers={"Content-Type": "text/csv"})
    with answering(table) as server, fetcher(server).request("GET", server.url) as response:
        lines = list(response.iter_lines(decode_unicode=True))
        again = list(response.iter_lines(decode_unicode=True))

    assert lines == again == ["ä", "b"]
    assert isinstance(response, Response)
    assert (response.text, response.raw.read()) == ("ä\nb\n", b"")


def test_a_long_body_that_is_not_streamed_lies_in_a_file() -> None:
    body = bytes(range(256)) * 1_000
    with answering(plain(body)) as server:
        response = fetcher(server, spool_bytes=1_000).request("GET", server.url)

    assert isinstance(response.raw.fileno(), int)
    assert b"".join(response.iter_content(1_000)) == response.content == body


def test_a_streamed_body_is_read_as_it_comes() -> None:
    go_on = threading.Event()

    def answer(connection: socket.socket, path: str) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"a" * 100_000)
        go_on.wait(60)
        connection.sendall(b"b" * 100_000)

    with answering(answer) as server, fetcher(server).request("GET", server.url, stream=True) as response:
        chunks = response.iter_content(50_000)
        first = next(chunks)
        go_on.set()
        rest = b"".join(chunks)

    assert (first, len(rest), rest[-1:]) == (b"a" * 50_000, 150_000, b"b")


def test_the_raw_body_of_a_streamed_response_is_a_binary_file() -> None:
    packed = plain(gzip.compress(b"one\ntwo\n"), headers={"Content-Encoding": "gzip"})
    with answering(packed) as server, fetcher(server).request("GET", server.url, stream=True) as response:
        lines = list(io.TextIOWrapper(io.BufferedReader(response.raw)))

    assert lines == ["one\n", "two\n"]


def test_text_without_a_charset_is_utf_8() -> None:
    with answering(plain("ä".encode(), headers={"Content-Type": "text/plain"})) as server:
        assert fetcher(server).request("GET", server.url).text == "ä"


def test_what_is_redirected_to_is_rewritten_like_any_other_url() -> None:
    with answering(plain(b"inside")) as inside:
        outside = plain(b"", status="302 Found", headers={"Location": "http://outside.example:8014/there"})
        with answering(outside) as redirecting:
            rules = UrlRules(
                rewrites=((re.compile("^http://outside\\.example:8014"), inside.url),),
                trusted_origins=frozenset({inside.url, redirecting.url}),
            )

            answer = Fetcher(rules).request("GET", redirecting.url)

    assert (answer.content, answer.url) == (b"inside", f"{inside.url}/there")


def test_a_form_is_posted_and_its_redirect_followed() -> None:
    moved = plain(status="303 See Other", headers={"Location": "/tasks/1/"})
    with answering(moved, plain(b"{}")) as server:
        response = fetcher(server).request("POST", f"{server.url}/process/", data={"a": "1"})

    assert response.url == f"{server.url}/tasks/1/"
    assert [request.split(" ")[0] for request in server.requests] == ["POST", "GET"]


def test_an_encrypted_connection_is_made_to_the_pinned_address_with_the_hosts_name(tmp_path: Path) -> None:
    certificate, key = self_signed("secure.example", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    named: list[str] = []
    context.sni_callback = lambda _, name, __: named.append(name)
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]

    def serve() -> None:
        plain_connection, _ = listening.accept()
        with context.wrap_socket(plain_connection, server_side=True) as connection:
            connection.recv(65_536)
            connection.sendall(plain(b"sealed"))

    thread = threading.Thread(target=serve)
    thread.start()
    rules = UrlRules(trusted_origins=frozenset({f"https://secure.example:{port}"}))

    answer = Fetcher(rules, lambda host, port: ["127.0.0.1"]).request(
        "GET", f"https://secure.example:{port}/", verify=str(certificate)
    )

    thread.join(60)
    listening.close()
    assert (answer.content, named) == (b"sealed", ["secure.example"])


def test_patience_lost_is_a_timeout_to_whoever_knows_no_better() -> None:
    assert issubclass(PatienceLost, TimeoutError)
