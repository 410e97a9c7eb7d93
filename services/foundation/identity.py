"""Who calls: identity tokens, the keys they are verified with, and who may call what.

auth signs compact JWS tokens with Ed25519; everybody else verifies them here with auth's public keys. Nobody believes
plain metadata. Nothing here signs: that is auth's alone.
"""

import contextvars
import enum
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from services.foundation import errors, shielding

ISSUER: Final = "daydream-auth"
ALGORITHM: Final = "EdDSA"
# Clocks of machines that keep time differ by less.
LEEWAY_SECONDS: Final = 10
# Anybody can name a key that there is not; auth is asked about such names no more often than this.
KEYS_FETCHED_EVERY_SECONDS: Final = 5.0


class Role(enum.StrEnum):
    """What a caller is."""

    USER = "user"
    STAFF = "staff"
    SERVICE = "service"


class Scope(enum.StrEnum):
    """What an API key may be used for; a browser session has them all, save admin for who is not staff."""

    GENERATE = "generate"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who makes the current call, as a verified token says."""

    subject: str
    """A user's id, or a service's name."""
    role: Role
    session_id: str = ""
    """The browser session; empty for API keys and services."""
    key_id: str = ""
    """The API key; empty for sessions, for services, and under a delegation."""
    scopes: frozenset[Scope] = frozenset()
    """What the token may be used for; a service needs none."""
    actor: str = ""
    """The service that acts in the subject's name under a delegation; empty where the subject calls."""
    reference: str = ""
    """What the delegation is for; empty where nobody acts for the subject."""
    token: str = field(default="", repr=False)
    """The token itself, to hand on in the caller's name."""
    believed_until: float = math.inf
    """When the token stops being believed, in seconds since 1970; what stays open for the caller ends by then."""

    @property
    def is_staff(self) -> bool:
        """Whether the staff role may be used: a key needs the admin scope for it."""
        return self.role is Role.STAFF and Scope.ADMIN in self.scopes


@dataclass(frozen=True, kw_only=True)
class Access:
    """Who may call a method. What is not listed for a server is refused."""

    public: bool = False
    """Open to callers without a token."""
    services: frozenset[str] = frozenset()
    """Services that may call it; `*` stands for every service."""
    scope: Scope | None = None
    """People may call it with this scope; None keeps people out unless it is public."""
    session: bool = False
    """Of people, only those signed in with a browser, and keys with the admin scope."""
    staff: bool = False
    """Of people, only staff."""
    delegated: bool = False
    """Also a service that acts in a person's name to generate; how far it reaches is for the method to see to."""

    def refuse(self, caller: Caller | None) -> errors.DaydreamError | None:
        """Why the caller may not call it; None if it may."""
        if self.public:
            return None
        if caller is None:
            return errors.NotAuthenticated()
        if caller.actor:
            # What was lent must open no method because somebody forgot that there is lending. A method that is marked
            # is a part of generating, such as fetching what was drawn, so the scope it asks of people is not asked.
            part = self.delegated and not (self.staff or self.session)
            allowed = part and Scope.GENERATE in caller.scopes
            return None if allowed else errors.NotAllowed("This may not be done in a person's name.")
        if caller.role is Role.SERVICE:
            allowed = "*" in self.services or caller.subject in self.services
        elif self.scope is None or self.scope not in caller.scopes:
            allowed = False
        else:
            in_person = bool(caller.session_id) or Scope.ADMIN in caller.scopes
            if self.session and not in_person:
                return errors.NotAllowed("A key may not do this; sign in with a browser.")
            allowed = caller.is_staff or not self.staff
        return None if allowed else errors.NotAllowed()


PUBLIC: Final = Access(public=True)


def services(*names: str) -> Access:
    """Access for the named services only."""
    return Access(services=frozenset(names))


def people(
    scope: Scope,
    *,
    staff: bool = False,
    session: bool = False,
    delegated: bool = False,
    also: frozenset[str] = frozenset(),
) -> Access:
    """Access for people whose token has the scope, for who acts for them if `delegated`, and for services in `also`."""
    return Access(scope=scope, staff=staff, session=session, delegated=delegated, services=also)


class UnknownToken(errors.NotAuthenticated):
    """The identity token is not valid."""

    reason = "INVALID_IDENTITY_TOKEN"


FetchKeys = Callable[[], Awaitable[Mapping[str, bytes]]]


class Verifier:
    """Checks identity tokens against auth's public keys, fetched when a key id is new and kept after that.

    So a service goes on believing good tokens while auth is away.
    """

    def __init__(self, *, audience: str, fetch_keys: FetchKeys, clock: Callable[[], float] = time.monotonic) -> None:
        """`audience` is this service's name; `fetch_keys` gives key id → raw 32-byte Ed25519 public key."""
        self._audience = audience
        self._fetch_keys, self._clock = fetch_keys, clock
        self._keys: dict[str, Ed25519PublicKey] = {}
        self._fetching = shielding.Shared(self._fetch)
        self._fetched_at: float | None = None

    async def verify(self, token: str) -> Caller:
        """The caller a token stands for. Raises UnknownToken, or Unavailable when its key cannot be fetched."""
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
        except jwt.InvalidTokenError as error:
            raise UnknownToken from error
        if not isinstance(key_id, str):
            raise UnknownToken
        if key_id not in self._keys and self._may_fetch():
            await self._fetching()
        if key_id not in self._keys:
            raise UnknownToken
        try:
            claims = jwt.decode(
                token,
                self._keys[key_id],
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=ISSUER,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
            return Caller(
                subject=str(claims["sub"]),
                role=Role(claims["role"]),
                session_id=str(claims.get("sid", "")),
                key_id=str(claims.get("key", "")),
                scopes=frozenset(Scope(scope) for scope in claims.get("scopes", ())),
                actor=_actor(claims),
                reference=str(claims.get("ref", "")),
                token=token,
                believed_until=float(claims["exp"]) + LEEWAY_SECONDS,
            )
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError) as error:
            raise UnknownToken from error

    def _may_fetch(self) -> bool:
        # Only an answer starts the pause: while auth is away, its first answer must count at once.
        return self._fetched_at is None or self._clock() - self._fetched_at >= KEYS_FETCHED_EVERY_SECONDS

    async def _fetch(self) -> None:
        fetched = await self._fetch_keys()
        self._keys = {each: Ed25519PublicKey.from_public_bytes(raw) for each, raw in fetched.items()}
        self._fetched_at = self._clock()


def _actor(claims: Mapping[str, Any]) -> str:
    """Who acts for the subject; a claim that names nobody is an error, not a token of the subject's own."""
    if "act" not in claims:
        return ""
    actor = claims["act"]["sub"]
    if not isinstance(actor, str) or not actor:
        raise ValueError("the claim act names nobody")
    return actor


_caller: contextvars.ContextVar[Caller | None] = contextvars.ContextVar("caller", default=None)


def set_caller(caller: Caller | None) -> None:
    """Bind who calls to everything the current task does from here on."""
    _caller.set(caller)


def caller() -> Caller:
    """Who makes the current call. Raises NotAuthenticated where nobody was verified."""
    current = _caller.get()
    if current is None:
        raise errors.NotAuthenticated
    return current
