"""One ASGI middleware round everything: request id, Host, body limit, headers, one log line a request.

It stands before Flask and the routes beside it alike, so that neither can forget a part of it.
"""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.foundation import context, logs
from services.web import problems

log = logs.logger(__name__)

BODY_LIMIT_BYTES: Final = 1024 * 1024
BODY_SECONDS: Final = 30.0
HEADER_LIMIT_BYTES: Final = 32 * 1024
# A body that is a little too large is read to its end and thrown away, so that its sender is there for the answer.
_DRAINED: Final = 8
_SAFE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::\d{1,5})?")
_UNSAFE_METHODS: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

POLICY: Final = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # same-origin rather than none: form tokens are checked against the referrer where TLS is used.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
# What a style sheet or a script needs of it: it is no document, and a page fetches dozens of them.
FILE_HEADERS: Final[Mapping[str, str]] = {
    name: HEADERS[name] for name in ("X-Content-Type-Options", "Cross-Origin-Resource-Policy")
}
_PLAIN_FILES: Final = frozenset({"text/css", "text/javascript", "application/javascript"})
Refuse = Callable[[Scope, problems.Problem], ASGIApp]
Exceptions = Callable[[str], Mapping[str, str]]
"""A path → headers that its answers have in place of the usual ones."""


class Shield:
    """Wraps the whole app."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        trusted_hosts: frozenset[str],
        refuse: Refuse,
        streamed: frozenset[str] = frozenset(),
        exceptions: Exceptions = lambda _path: {},
        body_limit: int = BODY_LIMIT_BYTES,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        """`refuse` answers what does not get through; `body_limit` in bytes, `body_seconds` for the whole body.

        What is posted to the paths in `streamed` is bounded by who reads it there, not here. `exceptions` gives the
        headers that answers below a path have in place of the usual ones.
        """
        self._app, self._hosts, self._refuse, self._streamed = app, trusted_hosts, refuse, streamed
        self._exceptions = exceptions
        self._limit, self._seconds = body_limit, body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1000})
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _SAFE_ID.fullmatch(given) else context.new_request_id()
        context.set_request_id(request_id)
        scope["headers"] = list(_cleaned(scope["headers"]))
        private = not scope["path"].startswith(("/static/", "/bootstrap/"))
        answer = _Answer(send, request_id, private=private, instead=self._exceptions(scope["path"]))
        began = time.monotonic()
        try:
            problem = self._look_at(scope, headers)
            replay: Receive = receive
            if problem is None and scope["method"] == "POST" and scope["path"] in self._streamed:
                replay = answer.heard(receive)
            elif problem is None:
                problem, replay = await self._read_body(scope, headers, receive)
            app = self._app if problem is None else self._refuse(scope, problem)
            answer.hang_up = problem is not None
            await app(scope, replay, answer)
        finally:
            log.info(
                "request",
                method=scope["method"],
                # Never the query: it may carry what a person searched for.
                path=scope["path"],
                status=answer.status,
                ms=round((time.monotonic() - began) * 1000, 1),
            )

    def _look_at(self, scope: Scope, headers: Headers) -> problems.Problem | None:
        if sum(len(name) + len(value) for name, value in headers.raw) > HEADER_LIMIT_BYTES:
            return problems.of_status(431, "The headers are too long.")
        host = _HOST.fullmatch(headers.get("host", "").lower())
        if host is None or host["name"] not in self._hosts:
            return problems.of_status(400, "This server does not answer to that host name (WEB_TRUSTED_HOSTS).")
        # Two framings of one body are how requests are smuggled past a proxy.
        if "transfer-encoding" in headers and "content-length" in headers:
            return problems.of_status(400, "Content-Length and Transfer-Encoding exclude each other.")
        if not scope["query_string"].isascii():
            return problems.of_status(400, "The address holds characters that must be percent-encoded.")
        origin = headers.get("origin")
        # Programs come with a key and no cookie, so what their Origin says does not matter.
        changes = scope["method"] in _UNSAFE_METHODS and not scope["path"].startswith("/api/")
        if changes and origin is not None and _netloc(origin) != headers.get("host", "").lower():
            return problems.of_status(403, "This was sent from another site.")
        return None

    async def _read_body(
        self, scope: Scope, headers: Headers, receive: Receive
    ) -> tuple[problems.Problem | None, Receive]:
        """Read the whole body before anybody works on it: it is small, and a stalled one then holds no thread."""
        too_large = problems.of_status(413, f"At most {self._limit // 1024} KiB can be sent.")
        declared = headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > _DRAINED * self._limit:
            return too_large, receive
        body, seen = bytearray(), 0
        try:
            async with asyncio.timeout(self._seconds):
                while True:
                    message = await receive()
                    if message["type"] != "http.request":
                        return None, _replayed([message], receive)
                    seen += len(message.get("body", b""))
                    if seen <= self._limit:
                        body += message.get("body", b"")
                    if not message.get("more_body", False) or seen > _DRAINED * self._limit:
                        break
        except TimeoutError:
            return problems.of_status(408), receive
        if seen > self._limit:
            return too_large, receive
        if "transfer-encoding" in headers:
            # WSGI knows a body by its length alone: one that came in chunks would be passed over.
            kept = [each for each in scope["headers"] if each[0] != b"transfer-encoding"]
            scope["headers"] = [*kept, (b"content-length", str(seen).encode())]
        return None, _replayed([{"type": "http.request", "body": bytes(body), "more_body": False}], receive)


def _netloc(origin: str) -> str:
    """Host and port of an Origin; empty for what is none (`null`, `http://[`), as no request has such a Host."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _cleaned(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Without names that WSGI would mistake for others (`x_a` for `x-a`), and with one Cookie header at most."""
    kept = [(name, value) for name, value in headers if b"_" not in name and name != b"cookie"]
    cookies = [value for name, value in headers if name == b"cookie"]
    return [*kept, (b"cookie", b"; ".join(cookies))] if cookies else kept


def _replayed(messages: list[Message], receive: Receive) -> Receive:
    waiting = list(messages)

    async def replay() -> Message:
        return waiting.pop(0) if waiting else await receive()

    return replay


class _Answer:
    """Puts the headers on, and remembers the status for the log."""

    def __init__(self, send: Send, request_id: str, *, private: bool, instead: Mapping[str, str]) -> None:
        self._send, self._request_id, self._private, self._instead = send, request_id, private, instead
        self.status = 0
        self.hang_up = False
        self._unread = False

    def heard(self, receive: Receive) -> Receive:
        """The same body, with a note of whether somebody has read it to its end."""
        self._unread = True

        async def hear() -> Message:
            message = await receive()
            self._unread = self._unread and bool(message.get("more_body", False))
            return message

        return hear

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            plain = not self._private and headers.get("content-type", "").partition(";")[0] in _PLAIN_FILES
            for name, value in {**(FILE_HEADERS if plain else HEADERS), **self._instead}.items():
                headers[name] = value
            if not plain:
                headers["X-Request-Id"] = self._request_id
            if self._private and "cookie" not in headers.get("vary", "").lower():
                headers.add_vary_header("Cookie")
            # The page that says there is no such file knows who asked, wherever the file would have been.
            if self._private or self.status >= HTTPStatus.BAD_REQUEST:
                headers.setdefault("Cache-Control", "no-store")
            if self.hang_up or self._unread:
                # What was refused unread must not be taken for the next request.
                headers["Connection"] = "close"
            message = {**message, "headers": headers.raw}
        await self._send(message)
