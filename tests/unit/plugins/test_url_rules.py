"""Which URLs plugins may open (rows 79 to 95 of the bad-input catalogue)."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qhana_plugin_runner.fetching import (
    AddressRefusedError,
    Fetcher,
    MalformedUrlError,
    PortRefusedError,
    RedirectsRefusedError,
    ResponseTooLargeError,
    SchemeRefusedError,
    UrlError,
    UrlRules,
)
from qhana_plugin_runner.fetching.addresses import is_public
from qhana_plugin_runner.fetching.sockets import dial
from qhana_plugin_runner.fetching.web_urls import web_url

from tests.support.odd_server import OddServer, answering, plain

PUBLIC = "93.184.216.34"


class Names:
    """A resolver that knows what it is told; of several answers it gives one after the other."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in self.answers:
            return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        answers = self.answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


def to(server: OddServer, names: Names, rules: UrlRules | None = None, dialled: list[str] | None = None) -> Fetcher:
    """A fetcher for whom every public address is that server."""

    def connect(address: str, port: int, timeout: float | None) -> socket.socket:
        if dialled is not None:
            dialled.append(address)
        return dial("127.0.0.1", server.port, timeout)

    return Fetcher(rules or UrlRules(), names, connect)


def nowhere(address: str, port: int, timeout: float | None) -> socket.socket:
    raise AssertionError(f"{address} was dialled")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b:1::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://172.16.0.1/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
    ],
)
def test_an_address_that_is_not_public_is_refused_before_anybody_connects(url: str) -> None:
    fetcher = Fetcher(UrlRules(), dial=nowhere)

    with pytest.raises(AddressRefusedError, match="not public"):
        fetcher.request("GET", url)


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://0/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://1.2.3.4.5/",
        "http://good@evil.example/",
        "http://good:secret@evil.example/",
        "http://good.example\\@evil.example/",
        "http:\\\\evil.example/",
        "http://１２７.0.0.1/",
        "http://ⓛocalhost/",
        "http://loc\u00adalhost/",
        "http://evil。example/",
        "http://a..b/",
        "http://%31%32%37.0.0.1/",
        "http://good.example\r\nHost: evil.example/",
        "http://good.example/\r\nX-Injected: yes",
        "http://good.example\t/",
        "http://good.example:0/",
        "http://good.example:99999/",
        "http://good.example:80:80/",
        "http://[::1%25lo]/",
        "http:///path",
        "http://",
    ],
)
def test_a_url_that_two_parsers_might_read_differently_is_refused(url: str) -> None:
    fetcher = Fetcher(UrlRules(), Names(), nowhere)

    with pytest.raises((MalformedUrlError, SchemeRefusedError)):
        fetcher.request("GET", url)


def test_what_is_no_text_is_refused_too() -> None:
    with pytest.raises(SchemeRefusedError):
        Fetcher(UrlRules(), dial=nowhere).request("GET", None)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["ftp://a.example/", "gopher://a.example/", "javascript:alert(1)", "", "a.csv", "//a/"])
def test_another_scheme_is_refused(url: str) -> None:
    fetcher = Fetcher(UrlRules(), dial=nowhere)

    with pytest.raises(SchemeRefusedError, match="Only http, https, data and file"):
        fetcher.request("GET", url)


@pytest.mark.parametrize("port", [22, 4222, 5432, 6379, 50051])
def test_a_port_of_the_infrastructure_is_refused_at_a_public_address_too(port: int) -> None:
    fetcher = Fetcher(UrlRules(), Names(a_example=[[PUBLIC]]), nowhere)

    with pytest.raises(PortRefusedError, match=str(port)):
        fetcher.request("GET", f"http://a.example:{port}/")


@given(st.text(max_size=60))
def test_whatever_is_typed_gives_an_answer_of_ours_and_connects_to_nothing_private(text: str) -> None:
    fetcher = Fetcher(UrlRules(), lambda host, port: ["10.0.0.1"], nowhere)

    with pytest.raises(UrlError):
        fetcher.request("GET", f"http://{text}")


@given(st.ip_addresses())
def test_no_address_is_public_that_the_standard_library_knows_to_be_private(address: object) -> None:
    said = is_public(str(address))

    assert not (said and (address.is_private or address.is_loopback or address.is_link_local))  # type: ignore[attr-defined]


def test_a_name_that_leads_to_a_private_address_is_refused() -> None:
    fetcher = Fetcher(UrlRules(), Names(inner_example=[["10.1.2.3"]]), nowhere)

    with pytest.raises(AddressRefusedError, match=r"inner\.example"):
        fetcher.request("GET", "http://inner.example/")


def test_one_private_record_among_public_ones_spoils_the_name() -> None:
    fetcher = Fetcher(UrlRules(), Names(mixed_example=[[PUBLIC, "192.168.0.1"]]), nowhere)

    with pytest.raises(AddressRefusedError):
        fetcher.request("GET", "http://mixed.example/")


def test_a_name_is_asked_for_once_so_that_it_cannot_lead_elsewhere_the_second_time() -> None:
    names = Names(rebound_example=[[PUBLIC], ["127.0.0.1"]])
    dialled: list[str] = []
    with answering(plain(b"hello")) as server:
        fetcher = to(server, names, dialled=dialled)

        answer = fetcher.request("GET", "http://rebound.example/")

    assert answer.content == b"hello"
    assert (names.asked, dialled) == (["rebound.example"], [PUBLIC])


def test_the_pinned_connection_still_names_the_host() -> None:
    with answering(plain()) as server:
        to(server, Names(a_example=[[PUBLIC]])).request("GET", "http://a.example:8080/x?y=1")

    assert server.requests[0].startswith("GET /x?y=1 HTTP/1.1\r\nHost: a.example:8080\r\n")


def test_a_name_in_another_script_is_asked_for_in_ascii() -> None:
    names = Names(**{"xn--bcher-kva_example": [[PUBLIC]]})
    with answering(plain()) as server:
        to(server, names).request("GET", "http://bücher.example/")

    assert names.asked == ["xn--bcher-kva.example"]


@pytest.mark.parametrize(
    ("location", "refusal"),
    [
        ("http://127.0.0.1/", AddressRefusedError),
        ("http://169.254.169.254/", AddressRefusedError),
        ("http://inner.example/", AddressRefusedError),
        ("//127.0.0.1/", AddressRefusedError),
        ("file:///etc/passwd", SchemeRefusedError),
        ("data:,x", SchemeRefusedError),
        ("ftp://a.example/", SchemeRefusedError),
        ("http://a.example:5432/", PortRefusedError),
        ("http://good@127.0.0.1/", MalformedUrlError),
        ("http://2130706433/", MalformedUrlError),
    ],
)
def test_a_redirect_is_looked_at_like_any_url(location: str, refusal: type[UrlError]) -> None:
    names = Names(a_example=[[PUBLIC]], inner_example=[["10.0.0.1"]])
    with answering(plain(status="302 Found", headers={"Location": location})) as server:
        fetcher = to(server, names)

        with pytest.raises(refusal):
            fetcher.request("GET", "http://a.example/")


def test_a_redirect_loop_ends_with_a_sentence() -> None:
    with answering(plain(status="302 Found", headers={"Location": "http://a.example/again"})) as server:
        fetcher = to(server, Names(a_example=[[PUBLIC]]), UrlRules(max_redirects=3))

        with pytest.raises(RedirectsRefusedError, match="too many times"):
            fetcher.request("GET", "http://a.example/")

    assert len(server.requests) == 4


def test_a_redirect_with_an_endless_page_is_not_read_to_its_end() -> None:
    page = plain(b"x" * 200_000, status="302 Found", headers={"Location": "http://a.example/"})
    with answering(page) as server:
        fetcher = to(server, Names(a_example=[[PUBLIC]]))

        with pytest.raises(ResponseTooLargeError):
            fetcher.request("GET", "http://a.example/")


def test_a_redirect_to_another_host_takes_no_credentials_along() -> None:
    moved = plain(status="302 Found", headers={"Location": "http://b.example/"})
    with answering(moved, plain(b"there")) as server:
        fetcher = to(server, Names(a_example=[[PUBLIC]], b_example=[[PUBLIC]]))

        answer = fetcher.request("GET", "http://a.example/", headers={"Authorization": "Bearer secret"})

    assert answer.content == b"there"
    assert ["secret" in request for request in server.requests] == [True, False]


def test_the_hosts_own_origin_and_configured_ones_may_be_private() -> None:
    with answering(plain(b"mine")) as server:
        rules = UrlRules.from_config({"OWN_URL_ORIGINS": [server.url], "ALLOWED_URL_ORIGINS": "http://10.0.0.1:9,"})

        answer = Fetcher(rules).request("GET", f"{server.url}/files/1/?file-id=x")

    assert answer.content == b"mine"
    assert "http://10.0.0.1:9" in rules.trusted_origins


def test_another_port_of_the_same_machine_is_another_origin() -> None:
    with answering(plain()) as server, answering(plain()) as other:
        rules = UrlRules.from_config({"ALLOWED_URL_ORIGINS": server.url})

        with pytest.raises(AddressRefusedError):
            Fetcher(rules).request("GET", other.url)


def test_rewrite_rules_come_first_and_what_they_give_is_looked_at() -> None:
    with answering(plain(b"moved")) as server:
        mapped = [(r"^http://outside\.example", server.url), (r"^http://odd\.example", "http://10.0.0.1")]
        rules = UrlRules.from_config({"URL_REWRITE_RULES": mapped, "OWN_URL_ORIGINS": server.url})

        answer = Fetcher(rules).request("GET", "http://outside.example/a")
        with pytest.raises(AddressRefusedError):
            Fetcher(rules).request("GET", "http://odd.example/")

    assert answer.content == b"moved"


def test_a_proxy_is_not_asked() -> None:
    with answering(plain(b"direct")) as server:
        rules = UrlRules.from_config({"OWN_URL_ORIGINS": server.url})

        answer = Fetcher(rules).request("GET", server.url, proxies={"http": "http://127.0.0.1:1"})

    assert answer.content == b"direct"


def test_the_origin_of_a_url_always_says_its_port() -> None:
    assert web_url("HTTPS://A.Example./x").origin == "https://a.example:443"
