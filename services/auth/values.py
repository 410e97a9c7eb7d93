"""The things auth speaks of, as plain values; knows nothing of tables or messages."""

import datetime as dt
import enum
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.foundation.identity import Role, Scope

T = TypeVar("T")


class EntryKind(enum.StrEnum):
    """Why a ledger entry was written."""

    SIGN_UP = "sign_up"
    HOLD = "hold"
    RETURN = "return"
    GRANT = "grant"


@dataclass(frozen=True, kw_only=True)
class User:
    """A person's account."""

    user_id: str
    """Opaque, never reused."""
    email: str
    """The address that signs in, in lower case."""
    username: str = ""
    """Shown name."""
    first_name: str = ""
    """Given name."""
    last_name: str = ""
    """Family name."""
    mobile: str = ""
    """Phone number."""
    role: Role = Role.USER
    """USER or STAFF."""
    active: bool = True
    """False while the account is suspended."""
    subscription: int = 0
    """Number of the plan; 0 is the free one."""
    tokens: int
    """Tokens free to spend, whole."""
    created_time: dt.datetime
    """When the account was made."""
    latest_session_id: str = ""
    """The session opened last; empty if there never was one."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A signed-in browser."""

    session_id: str
    """Public id."""
    user_id: str
    """Whose it is."""
    created_time: dt.datetime
    """When it was opened."""
    last_seen_time: dt.datetime
    """When it was last used, to about a minute."""
    expire_time: dt.datetime
    """When it ends by itself."""
    user_agent: str = ""
    """What the browser called itself."""


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key with which programs act for a person."""

    api_key_id: str
    """Opaque id."""
    user_id: str
    """Whose it is."""
    name: str
    """What the person called it."""
    scopes: frozenset[Scope]
    """What it may be used for."""
    prefix: str
    """First characters of the secret."""
    created_time: dt.datetime
    """When it was made."""
    last_used_time: dt.datetime | None = None
    """When it was last used, to about a minute; None if never."""


@dataclass(frozen=True, kw_only=True)
class IdentityToken:
    """A signed statement of who calls."""

    token: str = field(repr=False)
    """Compact JWS."""
    expire_time: dt.datetime
    """When it stops being believed."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A session as its owner's browser gets it."""

    session: Session
    """The session."""
    secret: str = field(repr=False)
    """What the cookie carries; only its hash is kept."""
    user: User
    """The account."""
    identity_token: IdentityToken
    """For the request that opened it."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the token ledger."""

    entry_id: str
    """Opaque id."""
    user_id: str
    """Whose ledger."""
    kind: EntryKind
    """Why it was written."""
    amount: int
    """Change of the balance, whole tokens; negative when spent."""
    balance_after: int
    """Balance after it."""
    task_id: str = ""
    """The task (which is the hold's id) it belongs to, if any."""
    reason: str = ""
    """In words, for people."""
    created_time: dt.datetime
    """When it was written."""


@dataclass(frozen=True, kw_only=True)
class Hold:
    """Tokens taken aside for a task."""

    hold_id: str
    """The task's id."""
    user_id: str
    """Whose tokens."""
    tokens: int
    """How many; 0 marks a hold that was released before it arrived."""
    charge: int | None = None
    """How many were kept in the end; None while the hold is open."""
    reason: str = ""
    """In words, for the ledger."""
    created_time: dt.datetime
    """When it was noted."""

    @property
    def is_tombstone(self) -> bool:
        """Whether it stands only to refuse a hold that comes late."""
        return self.tokens == 0


@dataclass(frozen=True, kw_only=True)
class Balance:
    """A person's tokens."""

    tokens: int
    """Free to spend."""
    held: int
    """Taken aside for tasks that have not ended."""


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """A part of a list, newest first."""

    items: tuple[T, ...]
    """What is on it."""
    next_page_token: str = ""
    """Asks for the next one; empty on the last."""
