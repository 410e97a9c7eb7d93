"""The things auth speaks of, as plain values; knows nothing of tables or messages."""

import datetime as dt
import enum
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.foundation.identity import Role, Scope

T = TypeVar("T")


class SignUpMode(enum.StrEnum):
    """Who may make an account by themselves."""

    OPEN = "open"
    CODE = "code"
    CLOSED = "closed"


class EntryKind(enum.StrEnum):
    """Why a ledger entry was written."""

    SIGN_UP = "sign_up"
    HOLD = "hold"
    RETURN = "return"
    GRANT = "grant"
    CODE = "code"


class CodeKind(enum.StrEnum):
    """What a code is for."""

    TOKENS = "tokens"
    INVITATION = "invitation"


class DeedKind(enum.StrEnum):
    """What somebody of the staff did."""

    TOKENS_GRANTED = "tokens_granted"
    USER_SUSPENDED = "user_suspended"
    USER_RESTORED = "user_restored"
    USER_DELETED = "user_deleted"
    USER_CHANGED = "user_changed"
    RESET_LINK_CREATED = "reset_link_created"
    CODE_ISSUED = "code_issued"
    CODE_WITHDRAWN = "code_withdrawn"


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
    last_seen_time: dt.datetime | None = None
    """When an open session or a key was last used; read for staff alone, and None where there is none."""
    deleted: bool = False
    """Whether the account is gone, and only its ledger is left."""


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


class Direction(enum.StrEnum):
    """Which lines of a ledger are meant."""

    ADDED = "added"
    SPENT = "spent"


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
class Spending:
    """What a person's tasks have cost."""

    charged: int
    """Kept in the end, whole tokens, of the holds that were asked about."""
    open_holds: int
    """How many holds are not settled, of all."""


@dataclass(frozen=True, kw_only=True)
class Code:
    """A code that staff hand out; its text is kept only as a hash."""

    code_id: str
    """Opaque id."""
    kind: CodeKind
    """What it is for."""
    prefix: str
    """First characters of its text."""
    tokens: int = 0
    """What each redemption is worth; 0 for an invitation."""
    reason: str
    """Why it was issued, in words."""
    max_redemptions: int
    """How many redemptions there may be in all."""
    redemptions: int = 0
    """How many there were."""
    created_by: str = ""
    """Who issued it; empty for the command line."""
    created_time: dt.datetime
    """When it was issued."""
    expire_time: dt.datetime | None = None
    """When it stops being worth anything; None for never."""
    withdrawn_time: dt.datetime | None = None
    """When it was withdrawn; None if it was not."""

    def is_valid(self, now: dt.datetime) -> bool:
        """Whether somebody may redeem it now."""
        expired = self.expire_time is not None and self.expire_time <= now
        return self.redemptions < self.max_redemptions and self.withdrawn_time is None and not expired


@dataclass(frozen=True, kw_only=True)
class ResetLink:
    """What lets a person set a new password, once; its secret is kept only as a hash."""

    user_id: str
    """Whose password."""
    issued_by: str = ""
    """The staff account that made it; empty for the command line."""
    created_time: dt.datetime
    """When it was made."""
    expire_time: dt.datetime
    """When it stops being good."""


@dataclass(frozen=True, kw_only=True)
class Delegation:
    """A right to generate in a person's name, for one task of a plugin's."""

    delegation_id: str
    """Opaque id."""
    user_id: str
    """In whose name."""
    session_id: str = ""
    """The browser session that the task was started in; empty for a program."""
    reference: str
    """The plugin's task."""
    created_time: dt.datetime
    """When it was made."""
    expire_time: dt.datetime
    """When it ends by itself."""
    end_time: dt.datetime | None = None
    """When it was ended; None if it was not."""


@dataclass(frozen=True, kw_only=True)
class Deed:
    """What somebody of the staff did."""

    deed_id: str
    """Opaque id."""
    kind: DeedKind
    """What."""
    staff_id: str
    """Who; empty for the command line."""
    user_id: str = ""
    """Whose account it was done to; empty for a code."""
    code_id: str = ""
    """The code it was done to; empty otherwise."""
    detail: str = ""
    """In words."""
    created_time: dt.datetime
    """When."""


@dataclass(frozen=True, kw_only=True)
class SessionEnded:
    """A session was ended before its time."""

    event_id: str
    """Names the event."""
    user_id: str
    """Whose session."""
    session_id: str
    """Its public id."""
    time: dt.datetime
    """When it was ended."""


@dataclass(frozen=True, kw_only=True)
class UserDeleted:
    """An account is gone; what belongs to it elsewhere must go, too."""

    event_id: str
    """Names the event."""
    user_id: str
    """Whose account."""
    time: dt.datetime
    """When it was deleted."""


Event = SessionEnded | UserDeleted
"""What other services are told."""


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """A part of a list, newest first."""

    items: tuple[T, ...]
    """What is on it."""
    next_page_token: str = ""
    """Asks for the next one; empty on the last."""
    total: int = 0
    """How many there are over all pages; 0 where nobody counts them."""
