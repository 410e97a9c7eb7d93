"""The gate: ASGI middleware before everything that the host serves, where people have to sign in.

What is not on the list below is refused without a caller. Plugins' code never sees a cookie, nor the header that a
caller was known by, and cannot set cookies: they would be the host's, or the studio's beside it.
"""

import asyncio
import re
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa
from flask import Flask
from qhana_plugin_runner import own_calls
from qhana_plugin_runner.api import cross_origin
from qhana_plugin_runner.db.models import owners
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.foundation import errors
from services.foundation.identity import Caller, Role
from services.plugins.identity import callers, credentials, sign_in
from services.plugins.identity.answers import Answers
from services.plugins.identity.resolving import Resolver
from services.plugins.identity.sign_in import SignInRoute

_KEPT_BACK: Final = frozenset({b"cookie", b"authorization"})
# Cookies are the host's, and a worker of one plugin's pages must not stand before those of the others.
_NOT_SENT: Final = frozenset({b"set-cookie", b"clear-site-data", b"service-worker-allowed"})


class Gate:
    """Lets in whom it knows."""

    def __init__(
        self, app: ASGIApp, *, flask: Flask, resolver: Resolver, answers: Answers, sign_in_route: SignInRoute
    ) -> None:
        """`flask` is the host, whose configuration and key it reads."""
        self._app, self._flask, self._resolver = app, flask, resolver
        self._answers, self._sign_in = answers, sign_in_route
        self._own_origins = own_calls.origins_as_browsers_write_them(flask)
        self._open = _open_paths(flask)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on with the caller under `daydream.caller`, which is None where anybody is let in."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = Headers(scope=scope)
        if scope["path"] == sign_in.PATH and scope["method"] in {"GET", "HEAD"}:
            answer = await self._sign_in.answer(Request(scope))
            await answer(scope, receive, send)
            return
        caller: Caller | None = None
        if not self._is_open(scope):
            refusal: Response | None = None
            if cross_origin.is_preflight(scope["method"], headers):
                # A browser shows nobody's credentials with it, and it must lead to no code of a plugin.
                refusal = Response(status_code=204)
            else:
                try:
                    caller = await self._known(scope["method"], headers)
                    refusal = self._answers.sign_in_first(scope["method"], headers) if caller is None else None
                except errors.Unavailable:
                    refusal = self._answers.try_again(scope["method"], headers)
            if refusal is not None:
                self._let_read(refusal, scope["method"], headers)
                await refusal(scope, receive, send)
                return
        kept = [(name, value) for name, value in scope["headers"] if name.lower() not in _KEPT_BACK]
        sending = _Sending(send, for_one=caller is not None)
        await self._app({**scope, "headers": kept, callers.ENVIRON: caller}, receive, sending)

    async def _known(self, method: str, headers: Headers) -> Caller | None:
        """Who sends it; None for nobody. Raises Unavailable."""
        given = headers.getlist("authorization")
        if given:
            # Shown on purpose, so that a cookie beside it is not what was meant.
            return await self._by_authorization(given[0]) if len(given) == 1 else None
        secret = credentials.sign_in_secret(headers)
        if secret is None or not credentials.cookie_counts(method, headers, self._own_origins):
            return None
        return await self._resolver.of_sign_in(secret)

    async def _by_authorization(self, value: str) -> Caller | None:
        shown = credentials.authorization(value, own_user=own_calls.USER)
        if shown.own:
            owner = own_calls.owner_of(self._flask, shown.own)
            own = Caller(subject=owner, role=Role.USER) if owner is not None else None
            if own is None or self._resolver.is_over(own):
                return None
            # A task may send itself anew for longer than this process remembers who is gone, or has lived.
            return None if await asyncio.to_thread(self._is_gone, own.subject) else own
        if not shown.token:
            return None
        try:
            return await self._resolver.of_token(shown.token)
        except errors.NotAuthenticated:
            return None

    def _is_gone(self, owner: str) -> bool:
        try:
            with self._flask.app_context():
                return owners.is_gone(owner)
        except sa.exc.OperationalError as error:
            raise errors.Unavailable from error

    def _is_open(self, scope: Scope) -> bool:
        return scope["method"] in {"GET", "HEAD"} and self._open.fullmatch(scope["path"]) is not None

    def _let_read(self, answer: Response, method: str, headers: Headers) -> None:
        preflight = cross_origin.is_preflight(method, headers)
        allowed = self._flask.config["CORS_ORIGINS"]
        answer.headers.update(cross_origin.headers_for(allowed, headers, preflight=preflight))


def _open_paths(flask: Flask) -> re.Pattern[str]:
    """What says nothing about anybody, and files of tasks, whose addresses nobody can guess."""
    prefix = re.escape(str(flask.config.get("OPENAPI_URL_PREFIX") or "").rstrip("/"))
    description = re.escape(str(flask.config["OPENAPI_JSON_PATH"]))
    paths: Iterable[str] = (
        "/healthz",
        "/readyz",
        "/static/.+",
        rf"{prefix}/{description}",
        rf"{prefix}/asyncapi\.json",
        rf"{prefix}/swagger-ui/.*",
        rf"{prefix}/files/[0-9]+/",
    )
    return re.compile("|".join(paths))


class _Sending:
    """What plugins answer, without cookies; what is answered to one person is not kept for another."""

    def __init__(self, send: Send, *, for_one: bool) -> None:
        self._send, self._for_one = send, for_one

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in _NOT_SENT]
            if self._for_one:
                headers.append((b"vary", b"Cookie, Authorization"))
                if not any(name.lower() == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"private, no-cache"))
            message = {**message, "headers": headers}
        await self._send(message)
