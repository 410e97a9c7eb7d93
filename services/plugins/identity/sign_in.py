"""`GET /sign-in?code=…&next=…`: a browser brings the code that the studio got, and gets a cookie of this host."""

import time
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from services.foundation import errors, paths
from services.plugins.identity.answers import Answers
from services.plugins.identity.credentials import COOKIE, sign_in_secret
from services.plugins.identity.resolving import Resolver
from services.plugins.peers.grants import SignIn

PATH: Final = "/sign-in"
_AFTER: Final = "/plugins/"
_MOST_CODE: Final = 256


class Codes(Protocol):
    """What is asked of auth; `peers.grants.Grants` says what it does."""

    async def redeem_code(self, code: str) -> SignIn: ...


class SignInRoute:
    """The route."""

    def __init__(self, codes: Codes, resolver: Resolver, answers: Answers, *, secure: bool) -> None:
        """`secure`: the cookie travels over HTTPS alone."""
        self._codes, self._resolver, self._answers, self._secure = codes, resolver, answers, secure

    async def answer(self, request: Request) -> Response:
        """Go on to `next`, signed in; else 401, or 503 while auth is away."""
        headers = request.headers
        try:
            signed_in = await self._redeem(request)
            if signed_in is None and not await self._is_known(request):
                return self._answers.sign_in_first(request.method, headers)
        except errors.Unavailable:
            return self._answers.try_again(request.method, headers)
        answer = RedirectResponse(paths.local(request.query_params.get("next"), default=_AFTER), status_code=303)
        answer.headers["Cache-Control"] = "no-store"
        # The address has a code in it; it is used up, but nobody's business either.
        answer.headers["Referrer-Policy"] = "no-referrer"
        if signed_in is not None:
            answer.set_cookie(
                COOKIE,
                signed_in.secret,
                max_age=max(0, int(signed_in.expires - time.time())),
                path="/",
                httponly=True,
                samesite="lax",
                secure=self._secure,
            )
        return answer

    async def _redeem(self, request: Request) -> SignIn | None:
        code = request.query_params.get("code", "")
        # Another site could otherwise sign a browser in as somebody else, who would then see what is asked of plugins.
        if request.method != "GET" or request.headers.get("sec-fetch-site") == "cross-site":
            return None
        if not code or len(code) > _MOST_CODE or not code.isascii():
            return None
        try:
            return await self._codes.redeem_code(code)
        except (errors.NotAuthenticated, errors.NotAllowed, errors.InvalidInput):
            return None

    async def _is_known(self, request: Request) -> bool:
        secret = sign_in_secret(request.headers)
        return secret is not None and await self._resolver.of_sign_in(secret) is not None
