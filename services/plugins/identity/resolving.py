"""Who a cookie or a token stands for. auth is asked about a sign-in twice a minute at most, however much it is used."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol, TypeVar

from services.foundation import errors, logs
from services.foundation.identity import Caller, Role, UnknownToken
from services.foundation.shielding import Shared

log = logs.logger(__name__)
T = TypeVar("T")
KEPT_SECONDS: Final = 30.0
"""For so long an answer of auth is believed; a session that ends is heard of sooner, while NATS is there."""
REFUSED_SECONDS: Final = 5.0
"""For so long a sign-in that auth does not know stays unknown: a page asks for a dozen things at once."""
MOST_KEPT: Final = 10_000
MOST_REFUSED: Final = 1_000
"""Anybody can make up secrets, so what is kept of those takes no room from people's."""
REMEMBERED_SECONDS: Final = 400.0
"""Longer than any identity token lives: a session that ended before that has none left."""


class SignIns(Protocol):
    """What is asked of auth; `peers.grants.Grants` says what each call does."""

    async def resolve_sign_in(self, secret: str) -> str: ...


class Verifies(Protocol):
    """A `foundation.identity.Verifier` whose audience is this host."""

    async def verify(self, token: str) -> Caller: ...


@dataclass(frozen=True, kw_only=True)
class _Kept:
    caller: Caller
    until: float


class Resolver:
    """Knows callers; one a process, on the event loop."""

    def __init__(
        self,
        sign_ins: SignIns,
        verifier: Verifies,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`clock` measures how long answers are kept, `wall` how long tokens are good."""
        self._sign_ins, self._verifier = sign_ins, verifier
        self._clock, self._wall = clock, wall
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._asking: dict[bytes, Shared[Caller | None]] = {}
        self._ended: dict[tuple[str, str], float] = {}

    async def of_sign_in(self, secret: str) -> Caller | None:
        """Whose sign-in this is; None for nobody's. Raises AuthUnavailable."""
        # The secret itself stays in nobody's memory for longer than it takes.
        key = hashlib.sha256(secret.encode()).digest()
        kept = self._kept.get(key)
        if kept is not None and kept.until > self._clock():
            return None if self.is_over(kept.caller) else kept.caller
        if self._refused.get(key, 0.0) > self._clock():
            return None
        asking = self._asking.setdefault(key, Shared(partial(self._ask, key, secret)))
        try:
            return await asking()
        finally:
            self._asking.pop(key, None)

    async def of_token(self, token: str) -> Caller:
        """Whom an identity token names. Raises UnknownToken, or Unavailable when it cannot be checked."""
        caller = await self._verifier.verify(token)
        if caller.role is Role.SERVICE or caller.actor or self.is_over(caller):
            raise UnknownToken
        return caller

    def is_over(self, caller: Caller) -> bool:
        """Whether the caller's session has ended, their account is gone, or their token is too old by now."""
        return (
            caller.believed_until <= self._wall()
            or (caller.subject, caller.session_id) in self._ended
            or (caller.subject, "") in self._ended
        )

    def ended(self, user_id: str, session_id: str) -> None:
        """A session is over; an empty one stands for the whole account."""
        now = self._clock()
        self._ended = {each: until for each, until in self._ended.items() if until > now}
        self._ended[user_id, session_id] = now + REMEMBERED_SECONDS

    async def _ask(self, key: bytes, secret: str) -> Caller | None:
        try:
            caller: Caller | None = await self.of_token(await self._sign_ins.resolve_sign_in(secret))
        except UnknownToken:
            # auth has just made it: its keys or its clock differ from what is known here, or the session ended now.
            log.warning("a token that auth gave for a sign-in is not believed")
            caller = None
        except (errors.NotAuthenticated, errors.NotAllowed, errors.InvalidInput):
            caller = None
        if caller is None:
            self._kept.pop(key, None)
            _put(self._refused, key, self._clock() + REFUSED_SECONDS, most=MOST_REFUSED)
        else:
            _put(self._kept, key, _Kept(caller=caller, until=self._clock() + KEPT_SECONDS), most=MOST_KEPT)
        return caller


def _put(kept: OrderedDict[bytes, T], key: bytes, value: T, *, most: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > most:
        kept.popitem(last=False)
