"""A session of requests whose connections go where the rules say, and to the addresses that were looked at."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.auth import HTTPBasicAuth
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.poolmanager import PoolManager
from urllib3.response import BaseHTTPResponse
from urllib3.util.ssl_ import create_urllib3_context

from .addresses import Resolver, resolve
from .bodies import LimitedBody, say_encoding
from .errors import ResponseTooLargeError, SchemeRefusedError
from .rules import UrlRules
from .sockets import Dial, Patience, PatientSocket, PatientSSLSocket
from .web_urls import web_url

Credential = Callable[[str], tuple[str, str] | None]
"""Takes a URL that is about to be asked, gives the user name and password to show there; None for none."""


def nobody(_url: str) -> tuple[str, str] | None:
    """Shows nothing to anybody."""
    return None


# Nobody reads the page that comes with a redirect.
_REDIRECT_BYTES = 65_536


@dataclass(frozen=True, kw_only=True)
class Pin:
    """Where a connection goes, whatever the name resolves to by then (DNS rebinding)."""

    addresses: tuple[str, ...]
    """Tried in turn."""
    patience: Patience
    """Shared by all connections of one request."""
    dial: Dial
    """How to connect."""

    def connect(self, port: int, timeout: float | None) -> socket.socket:
        """A connected socket; raises the last address's OSError."""
        failure = OSError("no address")
        for address in self.addresses:
            try:
                made = self.dial(address, port, timeout)
            except OSError as error:
                failure = error
                continue
            if isinstance(made, PatientSocket):
                made.patience = self.patience
            return made
        raise failure


class _Connection(HTTPConnection):
    pin: Pin

    def _new_conn(self) -> socket.socket:
        return _dialled(self, self.pin)


class _SecureConnection(HTTPSConnection):
    pin: Pin

    def _new_conn(self) -> socket.socket:
        return _dialled(self, self.pin)

    def connect(self) -> None:
        super().connect()
        # The plain socket's patience went with it when it was wrapped.
        if isinstance(self.sock, PatientSSLSocket):
            self.sock.patience = self.pin.patience


def _dialled(connection: HTTPConnection, pin: Pin) -> socket.socket:
    timeout = connection.timeout if isinstance(connection.timeout, int | float) else None
    try:
        return pin.connect(connection.port or connection.default_port, timeout)
    except TimeoutError as error:
        raise ConnectTimeoutError(connection, f"no answer from {connection.host}") from error
    except OSError as error:
        raise NewConnectionError(connection, f"{connection.host} cannot be reached: {error}") from error


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection
    pin: Pin

    def _new_conn(self) -> Any:
        made = super()._new_conn()
        made.pin = self.pin  # type: ignore[attr-defined]
        return made


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
    pin: Pin

    def _new_conn(self) -> Any:
        made = super()._new_conn()
        made.pin = self.pin  # type: ignore[attr-defined]
        return made


class _Pools(PoolManager):
    """Pools for one request."""

    def __init__(self, pin: Pin) -> None:
        context = create_urllib3_context()
        context.sslsocket_class = PatientSSLSocket
        super().__init__(num_pools=1, maxsize=1, ssl_context=context)
        self.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        self._pin = pin

    def _new_pool(
        self, scheme: str, host: str, port: int, request_context: dict[str, Any] | None = None
    ) -> HTTPConnectionPool:
        pool = super()._new_pool(scheme, host, port, request_context)
        pool.pin = self._pin  # type: ignore[attr-defined]
        return pool


class GuardedAdapter(HTTPAdapter):
    """Sends one request at a time, each redirect being one; looks at every URL before it connects."""

    def __init__(self, rules: UrlRules, *, resolver: Resolver, dial: Dial, credential: Credential = nobody) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self._credential = credential
        self._abroad = False
        self._rules = rules
        self._resolver = resolver
        self._dial = dial
        self._patience = Patience(rules.patience_seconds, rules.min_bytes_per_second)

    def send(  # noqa: PLR0917  (as requests declares it)
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> Response:
        """As requests'; raises UrlError too. Proxies are not asked: they would resolve the name anew."""
        target = web_url(request.url or "")
        trusted = self._rules.trusts(target)
        addresses = resolve(target.host, target.port, resolver=self._resolver, trusted=trusted)
        shown = self._credential(target.url)
        # Who has been somewhere else by a redirect comes back as anybody.
        self._abroad = self._abroad or shown is None
        if shown is not None and not self._abroad and "Authorization" not in request.headers:
            # On a copy: what a redirect leads to is made from the request that came in.
            request = request.copy()
            HTTPBasicAuth(*shown)(request)
        self.poolmanager.clear()
        self.poolmanager = _Pools(Pin(addresses=addresses, patience=self._patience, dial=self._dial))
        return super().send(request, stream=stream, timeout=timeout, verify=verify, cert=cert, proxies=None)

    def build_response(self, req: PreparedRequest, resp: BaseHTTPResponse) -> Response:
        """As requests', with a body that keeps the limits; raises ResponseTooLargeError for a length that says so."""
        response = super().build_response(req, resp)
        say_encoding(response)
        limit = _REDIRECT_BYTES if response.is_redirect else self._rules.max_bytes
        response.raw = LimitedBody(resp, limit=limit, patience=self._patience)
        if not response.is_redirect and (resp.length_remaining or 0) > limit:
            response.close()
            raise ResponseTooLargeError(f"{resp.length_remaining} bytes")
        return response


class GuardedSession(Session):
    """For one call. No proxies, passwords or certificates are taken from the environment."""

    def __init__(self, rules: UrlRules, *, resolver: Resolver, dial: Dial, credential: Credential = nobody) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = rules.max_redirects
        self._rules = rules
        adapter = GuardedAdapter(rules, resolver=resolver, dial=dial, credential=credential)
        self.adapters.clear()
        self.mount("https://", adapter)
        self.mount("http://", adapter)

    def get_redirect_target(self, resp: Response) -> str | None:
        """As requests', after the rewrite rules: what is redirected to is opened like any other URL."""
        target = super().get_redirect_target(resp)
        return None if target is None else self._rules.rewrite(urljoin(resp.url, target))

    def get_adapter(self, url: str | bytes) -> BaseAdapter:
        """As requests'; raises SchemeRefusedError where a redirect leads to another scheme."""
        text = url.decode() if isinstance(url, bytes) else url
        if not text.lower().startswith(("http://", "https://")):
            raise SchemeRefusedError(text.partition(":")[0][:20])
        return super().get_adapter(text)
