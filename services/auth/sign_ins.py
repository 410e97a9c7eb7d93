"""Sign-ins at the plugin host: a browser brings it a code that works once, and it gets a sign-in of its own for that.

The host's pages are others' code on another origin, so it never sees a person's session, nor a token that any other
service believes. A sign-in belongs to its session, and is gone with it.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from services.auth.errors import SessionEnded, SignInCodeNotValid
from services.auth.ownership import able, check_believed
from services.auth.secret_text import hash_secret, new_secret
from services.auth.storage import Storage
from services.auth.tokens import Signer, scopes_of
from services.auth.values import IdentityToken, Session, User
from services.foundation import errors
from services.foundation.identity import Caller

# A browser follows the link at once; whoever finds it later in a history or a log finds nothing.
CODE_LIFETIME: Final = dt.timedelta(seconds=30)
# The host's cookie is one a browser, so older sign-ins are of no use. Pages that are opened at one moment may each have
# brought a code, and any of theirs may be the one whose cookie stays.
KEPT: Final = 16


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Who a sign-in is."""

    user: User
    """The account."""
    identity_token: IdentityToken
    """Says it to the plugin host, and to nobody else."""


@dataclass(frozen=True, kw_only=True)
class SignedIn(Resolved):
    """A new sign-in."""

    secret: str = field(repr=False)
    """What the host's cookie carries; only its hash is kept."""
    expire_time: dt.datetime
    """When the session, and the sign-in with it, ends by itself."""


class SignIns:
    """Everything about sign-ins and their codes, and the tokens that programs show the host instead."""

    def __init__(self, storage: Storage, signer: Signer, *, now: Callable[[], dt.datetime]) -> None:
        """`now` is the clock, aware."""
        self._storage, self._signer, self._now = storage, signer, now

    async def issue_code(self, caller: Caller) -> tuple[str, dt.datetime]:
        """A code for the caller's browser, and when it stops working. Raises NotAllowed for a key, SessionEnded."""
        if not caller.session_id:
            raise errors.NotAllowed("A key may not do this; sign in with a browser.")
        now, code = self._now(), new_secret()
        expire_time = now + CODE_LIFETIME
        async with self._storage.write() as work:
            # An identity token outlives its session by minutes; what was issued then would not end with it.
            if not await work.sessions.hold_open(caller.subject, caller.session_id, now):
                raise SessionEnded
            await work.sign_ins.remove_expired_codes(caller.session_id, now)
            await work.sign_ins.add_code(caller.session_id, hash_secret(code), expire_time)
        return code, expire_time

    async def redeem_code(self, code: str) -> SignedIn:
        """Use up a code for a sign-in. Raises SignInCodeNotValid, whatever is wrong with it."""
        now, secret, code_hash = self._now(), new_secret(), hash_secret(code)
        async with self._storage.write() as work:
            # The session first, as whoever ends it does: ended meanwhile, it takes the code with it.
            found = await work.sign_ins.hold_session_of_code(code_hash)
            if found is None or not _is_good(*found, now):
                raise SignInCodeNotValid
            session, user = found
            # Of those who bring one code at once the others wait here, and find it used.
            if not await work.sign_ins.use_code(code_hash, now):
                raise SignInCodeNotValid
            await work.sign_ins.add(session.session_id, hash_secret(secret), now)
            await work.sign_ins.keep_newest(session.session_id, KEPT)
        token = self._token(session, user)
        return SignedIn(user=user, identity_token=token, secret=secret, expire_time=session.expire_time)

    async def resolve(self, secret: str) -> Resolved:
        """Who a sign-in is. Raises SessionEnded, also while the account is suspended."""
        async with self._storage.read() as work:
            found = await work.sign_ins.find(hash_secret(secret))
        if found is None or not _is_good(*found, self._now()):
            raise SessionEnded
        session, user = found
        return Resolved(user=user, identity_token=self._token(session, user))

    async def issue_token(self, caller: Caller) -> IdentityToken:
        """A token that a program shows the plugin host: the caller's own scopes, and their session or key.

        Raises UserNotFound, AccountSuspended, SessionEnded, UnknownApiKey: the caller's token outlives what it was
        given for, and must not be exchanged for one that does so still longer.
        """
        async with self._storage.read() as work:
            user = able(await work.users.get(caller.subject))
            await check_believed(work, caller, self._now())
        return self._signer.for_plugins(user, caller.scopes, session_id=caller.session_id, key_id=caller.key_id)

    def _token(self, session: Session, user: User) -> IdentityToken:
        return self._signer.for_plugins(user, scopes_of(user.role), session_id=session.session_id)


def _is_good(session: Session, user: User, now: dt.datetime) -> bool:
    return session.expire_time > now and user.active
