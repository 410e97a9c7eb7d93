"""auth behind the gateway: who somebody is, and what they have."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import grpc
from daydream.auth.v1 import accounts_pb2, accounts_pb2_grpc, auth_pb2, auth_pb2_grpc
from grpc_health.v1 import health_pb2_grpc

from services.foundation import errors, logs
from services.foundation.rpc import client
from services.web.backends.health import serving

log = logs.logger(__name__)

T = TypeVar("T")

# What auth answers when it is our own service token, not the person's secret, that it does not believe.
_OUR_FAULT: Final = frozenset({"INVALID_IDENTITY_TOKEN", "NOT_AUTHENTICATED", "NOT_ALLOWED"})


class _NotBelieved(errors.NotAuthenticated):
    """auth does not believe this service's own token."""


class AuthUnavailable(errors.Unavailable):
    """Signing in does not work at the moment; try again in a moment."""

    reason = "AUTH_UNAVAILABLE"


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """A person who signed in, or whose key a program showed."""

    user_id: str
    """Opaque."""
    email: str
    """The address they sign in with."""
    username: str
    """Shown name; may be empty."""
    staff: bool
    """Whether they look after others."""
    tokens: int
    """Free to spend when this request came."""
    session_id: str
    """Public id of the browser session; empty for keys."""
    identity: str = field(repr=False)
    """Signed statement of who they are, for the other services."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A session just opened."""

    visitor: Visitor
    """Who."""
    secret: str = field(repr=False)
    """What the cookie carries."""
    expires: float
    """When it ends by itself, in seconds since 1970."""


def _visitor(user: auth_pb2.User, session_id: str, identity: str) -> Visitor:
    return Visitor(
        user_id=user.user_id,
        email=user.email,
        username=user.username,
        staff=user.role == auth_pb2.ROLE_STAFF,
        tokens=user.tokens,
        session_id=session_id,
        identity=identity,
    )


def _opened(opened: auth_pb2.OpenedSession) -> Opened:
    return Opened(
        visitor=_visitor(opened.user, opened.session.session_id, opened.identity_token.token),
        secret=opened.session_secret,
        expires=opened.session.expire_time.ToMilliseconds() / 1000,
    )


SignUpMode = Literal["open", "code", "closed"]

_SIGN_UP_MODES: Final[dict[int, SignUpMode]] = {
    auth_pb2.SIGN_UP_MODE_OPEN: "open",
    auth_pb2.SIGN_UP_MODE_CODE: "code",
    auth_pb2.SIGN_UP_MODE_CLOSED: "closed",
}


@dataclass(frozen=True, kw_only=True)
class SignUpTerms:
    """On what terms an account is made."""

    mode: SignUpMode
    """Who may make one by themselves."""
    tokens: int | None
    """What it begins with; None while nobody has said."""


class Accounts:
    """auth: sessions, keys, the purse."""

    def __init__(self, channel: grpc.aio.Channel, ourselves: client.ServiceIdentity) -> None:
        """`ourselves` gives the service token that sessions and keys are resolved with."""
        self._auth = auth_pb2_grpc.AuthServiceStub(channel)
        self._purse = auth_pb2_grpc.PurseServiceStub(channel)
        self._standing = accounts_pb2_grpc.AccountServiceStub(channel)
        self._health = health_pb2_grpc.HealthStub(channel)
        self._ourselves = ourselves

    async def sign_up_terms(self) -> SignUpTerms:
        """Who may make an account by themselves, and what it begins with."""
        request = auth_pb2.GetSignUpModeRequest()
        answer = await self._in_our_name(lambda ours: self._auth.GetSignUpMode(request, metadata=ours))
        return SignUpTerms(mode=_SIGN_UP_MODES.get(answer.mode, "open"), tokens=answer.sign_up_tokens)

    async def sign_up(self, *, email: str, password: str, code: str, user_agent: str) -> Opened:
        """Make an account and open its first session; `code` counts where sign-up is by code.

        Raises AlreadyExists, InvalidInput, NotAllowed, NotFound CODE_NOT_VALID.
        """
        request = auth_pb2.SignUpRequest(email=email, password=password, code=code, user_agent=user_agent)
        answer = await self._in_our_name(lambda ours: self._auth.SignUp(request, metadata=ours))
        return _opened(answer.opened)

    async def sign_in(self, *, email: str, password: str, stay: bool, user_agent: str) -> Opened:
        """Open a session. Raises NotAuthenticated WRONG_CREDENTIALS, NotAllowed, TooMuch."""
        request = auth_pb2.SignInRequest(email=email, password=password, stay_signed_in=stay, user_agent=user_agent)
        answer = await self._in_our_name(lambda ours: self._auth.SignIn(request, metadata=ours))
        return _opened(answer.opened)

    async def sign_out(self, secret: str) -> None:
        """End the session; ending it twice is no error."""
        request = auth_pb2.SignOutRequest(session_secret=secret)
        await self._in_our_name(lambda ours: self._auth.SignOut(request, metadata=ours))

    async def reset_password(self, *, secret: str, password: str) -> None:
        """Set a new password for a reset link's secret and end all sessions. Raises NotFound, InvalidInput, TooMuch."""
        request = accounts_pb2.ResetPasswordRequest(secret=secret, new_password=password)
        await self._in_our_name(lambda ours: self._standing.ResetPassword(request, metadata=ours))

    async def of_session(self, secret: str) -> Visitor | None:
        """Whose session this is; None when it is over or never was."""
        request = auth_pb2.ResolveSessionRequest(session_secret=secret)
        try:
            answer = await self._in_our_name(lambda ours: self._auth.ResolveSession(request, metadata=ours))
        except (errors.NotAuthenticated, errors.NotAllowed, errors.InvalidInput):
            return None
        return _visitor(answer.user, answer.session.session_id, answer.identity_token.token)

    async def of_key(self, key: str) -> Visitor:
        """Whose API key this is. Raises NotAuthenticated."""
        request = auth_pb2.ResolveApiKeyRequest(api_key=key)
        answer = await self._in_our_name(lambda ours: self._auth.ResolveApiKey(request, metadata=ours))
        return _visitor(answer.user, "", answer.identity_token.token)

    async def balance(self, visitor: Visitor) -> auth_pb2.GetBalanceResponse:
        """What the purse holds now."""
        with client.translated():
            return await self._purse.GetBalance(auth_pb2.GetBalanceRequest(), metadata=client.bearer(visitor.identity))

    async def ready(self) -> bool:
        """Whether auth answers and says it serves."""
        return await serving(self._health)

    async def _in_our_name(self, ask: Callable[[grpc.aio.Metadata], Awaitable[T]]) -> T:
        # A wrong secret or a key that auth no longer knows is our trouble: nobody's password is wrong because of it.
        try:
            return await self._believed(ask)
        except _NotBelieved:
            # auth may sign with another key since the token was made. What was not believed was not done either.
            self._ourselves.forget()
        try:
            return await self._believed(ask)
        except _NotBelieved as error:
            log.exception("auth does not believe this service", reason=error.detail_reason)
            raise AuthUnavailable from error

    async def _believed(self, ask: Callable[[grpc.aio.Metadata], Awaitable[T]]) -> T:
        try:
            ours = await self._ourselves.metadata()
        except errors.Unavailable as error:
            raise AuthUnavailable from error
        except errors.DaydreamError as error:
            log.exception("auth does not know this service", reason=error.detail_reason)
            raise AuthUnavailable from error
        try:
            with client.translated():
                return await ask(ours)
        except (errors.NotAuthenticated, errors.NotAllowed) as error:
            if error.detail_reason in _OUR_FAULT:
                raise _NotBelieved(error.message, reason=error.detail_reason) from error
            raise
        except errors.Unavailable as error:
            raise AuthUnavailable from error
