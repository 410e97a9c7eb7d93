"""Browser sessions: opened at sign-in under a new id, exchanged for identity tokens, ended by owner or by time."""

import dataclasses
import datetime as dt
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import shortuuid

from services.auth import fields, paging, values
from services.auth.errors import SessionEnded, SessionNotFound
from services.auth.noting import Notes
from services.auth.secret_text import hash_secret, new_secret
from services.auth.storage import Storage, Work
from services.auth.tokens import Signer, scopes_of
from services.auth.values import IdentityToken, Opened, Page, Session, User
from services.foundation.identity import Caller

LIFETIME: Final = dt.timedelta(hours=12)
LONG_LIFETIME: Final = dt.timedelta(days=30)
# Noting every use would turn each page view into a write.
SEEN_EVERY: Final = dt.timedelta(minutes=1)
_LIST: Final = "sessions"


@dataclass(frozen=True, kw_only=True)
class NewSession:
    """A session that is still to be written."""

    session: Session
    """What is kept."""
    secret: str = field(repr=False)
    """What the browser gets."""

    @property
    def secret_hash(self) -> str:
        """What is kept of the secret."""
        return hash_secret(self.secret)


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """Who a session is."""

    session: Session
    """The session."""
    user: User
    """The account."""
    identity_token: IdentityToken
    """Says it to the other services."""


class Sessions:
    """Everything about sessions but the password check that opens them."""

    def __init__(self, storage: Storage, signer: Signer, *, now: Callable[[], dt.datetime]) -> None:
        """`now` is the clock, aware."""
        self._storage, self._signer, self._now = storage, signer, now
        self._notes = Notes()

    def draw(self, user_id: str, *, user_agent: str, stay_signed_in: bool = False) -> NewSession:
        """A new session with an id and a secret nobody has seen: 12 hours long, or 30 days."""
        now = self._now()
        session = Session(
            session_id=shortuuid.uuid(),
            user_id=user_id,
            created_time=now,
            last_seen_time=now,
            expire_time=now + (LONG_LIFETIME if stay_signed_in else LIFETIME),
            user_agent=fields.cut_user_agent(user_agent),
        )
        return NewSession(session=session, secret=new_secret())

    def opened(self, new: NewSession, user: User) -> Opened:
        """What the browser gets once the session is written."""
        token = self._signer.for_user(user, scopes_of(user.role), session_id=new.session.session_id)
        return Opened(session=new.session, secret=new.secret, user=user, identity_token=token)

    async def resolve(self, secret: str) -> Resolved:
        """Who a session is. Raises SessionEnded, also while the account is suspended."""
        now = self._now()
        async with self._storage.read() as work:
            found = await work.sessions.find(hash_secret(secret))
        if found is None:
            raise SessionEnded
        session, user = found
        if session.expire_time <= now or not user.active:
            raise SessionEnded
        if now - session.last_seen_time >= SEEN_EVERY and await self._notes.write(
            functools.partial(self._note_seen, session.session_id, now)
        ):
            session = dataclasses.replace(session, last_seen_time=now)
        token = self._signer.for_user(user, scopes_of(user.role), session_id=session.session_id)
        return Resolved(session=session, user=user, identity_token=token)

    async def _note_seen(self, session_id: str, now: dt.datetime) -> None:
        async with self._storage.write() as work:
            await work.sessions.touch(session_id, now)

    async def sign_out(self, secret: str) -> None:
        """End the session with this secret, if it is still there."""
        async with self._storage.write() as work:
            session = await work.sessions.remove_by_secret(hash_secret(secret))
            if session is not None:
                await _tell(work, session.user_id, session.session_id, self._now())

    async def listing(self, caller: Caller, *, page_size: int, page_token: str) -> Page[Session]:
        """The caller's open sessions, newest first."""
        limit, before = paging.limit(page_size), paging.cursor(page_token, _LIST)
        async with self._storage.read() as work:
            found = await work.sessions.listing(caller.subject, now=self._now(), before=before, limit=limit)
        return paging.page(found, _LIST)

    async def end(self, caller: Caller, session_id: str) -> None:
        """End one of the caller's sessions. Raises SessionNotFound."""
        if not fields.is_id(session_id):
            raise SessionNotFound
        async with self._storage.write() as work:
            if not await work.sessions.remove(caller.subject, session_id):
                raise SessionNotFound
            await _tell(work, caller.subject, session_id, self._now())


async def end_all(work: Work, user_id: str, now: dt.datetime, *, but: str = "") -> int:
    """End a person's sessions, save one, within a transaction; says how many of them were open."""
    # These are over already, and whoever keeps a stream open for one knew when it would be.
    await work.sessions.remove_expired(user_id, now)
    ended = await work.sessions.remove_others(user_id, but)
    for session_id in ended:
        await _tell(work, user_id, session_id, now)
    return len(ended)


async def _tell(work: Work, user_id: str, session_id: str, now: dt.datetime) -> None:
    await work.outbox.add(
        values.SessionEnded(event_id=shortuuid.uuid(), user_id=user_id, session_id=session_id, time=now)
    )
