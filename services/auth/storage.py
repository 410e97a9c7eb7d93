"""What the domain asks of a database, without saying which; `stores` answers with SQL.

Everything within one `write()` happens or none of it does. Lists come newest first: `before` is the cursor of the last
item seen, None for the start.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from services.auth.grant_storage import Delegations, SignIns
from services.auth.values import (
    ApiKey,
    Balance,
    Code,
    Deed,
    DeedKind,
    Direction,
    Entry,
    Event,
    Hold,
    ResetLink,
    Session,
    Spending,
    User,
)

T = TypeVar("T")


class Conflict(Exception):
    """Somebody else wrote what must be unique; the transaction is undone."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An account with what its password is checked against."""

    user: User
    """The account."""
    password_hash: str
    """argon2id, in its own text form."""


@dataclass(frozen=True, kw_only=True)
class Listing(Generic[T]):
    """Some items of a list."""

    items: tuple[T, ...]
    """At most as many as were asked for."""
    next_cursor: int | None
    """Where the rest begins; None when there is none."""


class Users(Protocol):
    """Accounts. One that was deleted is found by `lock` alone."""

    async def lock(self, user_id: str) -> User | None:
        """One account, deleted or not, which nobody else changes until the transaction ends, nor its tokens."""

    async def lock_active_staff(self) -> list[str]:
        """The ids of the staff accounts that may sign in, locked in the same way."""

    async def add(self, user: User, password_hash: str) -> None:
        """Write a new account. Raises Conflict when the email is taken."""

    async def get(self, user_id: str) -> User | None:
        """One account."""

    async def credentials(self, *, email: str | None = None, user_id: str | None = None) -> Credentials | None:
        """One account and its password hash, by the one of the two that is given."""

    async def listing(self, *, query: str, user_ids: Collection[str], before: int | None, limit: int) -> Listing[User]:
        """Accounts whose email, name or id contains the query, any case, and of these ids where any is given."""

    async def count(self, *, query: str, user_ids: Collection[str]) -> int:
        """How many accounts such a listing has over all its pages."""

    async def last_seen(self, user_ids: Collection[str]) -> Mapping[str, dt.datetime]:
        """When a session or key of each account was last used; one without any is left out."""

    async def change(self, user_id: str, changes: Mapping[str, str]) -> User | None:
        """Set profile fields by name. Raises Conflict when a new email is taken."""

    async def replace_password(self, user_id: str, *, old_hash: str, new_hash: str) -> bool:
        """Set the password hash if it is still the old one; says whether it was."""

    async def set_active(self, user_id: str, active: bool) -> User | None:
        """Suspend or restore; gives the account as it is then."""

    async def erase(self, user_id: str, now: dt.datetime) -> None:
        """Note that an account is deleted, and forget whose it was; its tokens stay."""

    async def note_session(self, user_id: str, *, password_hash: str, session_id: str) -> User | None:
        """Note the latest session if the password is still the checked one and the account active; None if not."""


class Sessions(Protocol):
    """Sessions; one that has ended is simply not there."""

    async def add(self, session: Session, secret_hash: str) -> None:
        """Write a new session."""

    async def find(self, secret_hash: str) -> tuple[Session, User] | None:
        """The session with this secret and its account, expired or not."""

    async def is_open(self, user_id: str, session_id: str, now: dt.datetime) -> bool:
        """Whether the person's session is there and has not expired."""

    async def hold_open(self, user_id: str, session_id: str, now: dt.datetime) -> bool:
        """The same; if it is, nobody ends it until the transaction ends."""

    async def touch(self, session_id: str, now: dt.datetime) -> None:
        """Note that it was used now."""

    async def listing(self, user_id: str, *, now: dt.datetime, before: int | None, limit: int) -> Listing[Session]:
        """A person's sessions that have not expired."""

    async def remove_by_secret(self, secret_hash: str) -> Session | None:
        """End the session with this secret; gives it, if there was one."""

    async def remove(self, user_id: str, session_id: str) -> bool:
        """End one of a person's sessions; says whether there was one."""

    async def remove_others(self, user_id: str, keep: str) -> list[str]:
        """End a person's sessions save one; gives the ids of those that it ended."""

    async def remove_expired(self, user_id: str, now: dt.datetime) -> None:
        """Forget a person's expired sessions."""


class ApiKeys(Protocol):
    """API keys; one that is revoked is simply not there."""

    async def add(self, key: ApiKey, secret_hash: str) -> None:
        """Write a new key."""

    async def find(self, secret_hash: str) -> tuple[ApiKey, User] | None:
        """The key with this secret and its account."""

    async def is_there(self, user_id: str, api_key_id: str) -> bool:
        """Whether a person has this key."""

    async def touch(self, api_key_id: str, now: dt.datetime) -> None:
        """Note that it was used now."""

    async def listing(self, user_id: str, *, before: int | None, limit: int) -> Listing[ApiKey]:
        """A person's keys."""

    async def remove(self, user_id: str, api_key_id: str) -> bool:
        """Revoke one of a person's keys; says whether there was one."""

    async def remove_all(self, user_id: str) -> None:
        """Revoke every key of a person's."""


class Purse(Protocol):
    """Balances, the append-only ledger and holds."""

    async def balance(self, user_id: str) -> Balance | None:
        """A person's balance; None if there is no such person."""

    async def change_balance(self, user_id: str, amount: int, *, at_most: int | None = None) -> int | None:
        """Add to a balance unless it would leave 0…`at_most`; gives the new one, or None if it was not changed."""

    async def add_entry(self, entry: Entry, *, granted_by: str | None = None, request_id: str | None = None) -> None:
        """Write a line of the ledger. Raises Conflict for a grant's request id used before by the same person."""

    async def find_grant(self, granted_by: str, request_id: str) -> Entry | None:
        """The line a grant wrote."""

    async def hold_entry(self, hold_id: str) -> Entry | None:
        """The line a hold wrote."""

    async def entries(
        self, user_id: str, *, before: int | None, limit: int, direction: Direction | None = None
    ) -> Listing[Entry]:
        """A person's ledger, or of it what lifted or lowered the balance."""

    async def spending(self, user_id: str, since: dt.datetime | None) -> Spending:
        """What holds made since then came to (all when it is None), and how many are open."""

    async def add_hold(self, hold: Hold) -> None:
        """Write a hold. Raises Conflict for an id used before."""

    async def find_hold(self, hold_id: str) -> Hold | None:
        """A hold."""

    async def settle_hold(self, hold_id: str, charge: int, now: dt.datetime) -> None:
        """Write what an open hold came to."""


class Codes(Protocol):
    """Codes and who redeemed them."""

    async def add(self, code: Code, secret_hash: str) -> None:
        """Write a new code."""

    async def find(self, secret_hash: str) -> Code | None:
        """The code with this text."""

    async def listing(self, *, before: int | None, limit: int) -> Listing[Code]:
        """Every code."""

    async def withdraw(self, code_id: str, now: dt.datetime) -> Code | None:
        """Note that a code is withdrawn, unless that is noted already; None if there is no such code."""

    async def is_redeemed(self, code_id: str, user_id: str) -> bool:
        """Whether the person has redeemed it."""

    async def redeem(self, code_id: str, user_id: str, now: dt.datetime) -> bool:
        """Count and note a redemption; False, and nothing done, for a code that is expired, withdrawn or used up.

        Raises Conflict for the person's second.
        """

    async def forget(self, user_id: str) -> None:
        """Forget which codes a person redeemed; how often each was stays."""


class ResetLinks(Protocol):
    """Reset links, one a person at most; one that was used is simply not there."""

    async def add(self, link: ResetLink, secret_hash: str) -> None:
        """Write a new link. Raises Conflict when the person has one."""

    async def find(self, secret_hash: str) -> ResetLink | None:
        """The link with this secret, expired or not."""

    async def remove(self, user_id: str) -> None:
        """Make a person's link void, if there is one."""


class Audit(Protocol):
    """What staff did; only ever added to."""

    async def add(self, deed: Deed) -> None:
        """Write a deed down."""

    async def listing(
        self, *, user_id: str, staff_id: str, kinds: Collection[DeedKind], before: int | None, limit: int
    ) -> Listing[Deed]:
        """Deeds, to an account, by an account and of some kinds where they are given."""


class Outbox(Protocol):
    """What other services are to be told."""

    async def add(self, event: Event) -> None:
        """Write down an event; it is published, once or more often, when the transaction is committed."""


class Work(Protocol):
    """One transaction."""

    @property
    def users(self) -> Users:
        """Accounts."""

    @property
    def sessions(self) -> Sessions:
        """Sessions."""

    @property
    def keys(self) -> ApiKeys:
        """API keys."""

    @property
    def purse(self) -> Purse:
        """Tokens."""

    @property
    def codes(self) -> Codes:
        """Codes."""

    @property
    def resets(self) -> ResetLinks:
        """Reset links."""

    @property
    def sign_ins(self) -> SignIns:
        """Sign-ins at the plugin host."""

    @property
    def delegations(self) -> Delegations:
        """Delegations."""

    @property
    def audit(self) -> Audit:
        """What staff did."""

    @property
    def outbox(self) -> Outbox:
        """Events."""


class Storage(Protocol):
    """The database."""

    def write(self) -> AbstractAsyncContextManager[Work]:
        """A transaction that may write; commits at the end, undoes everything on an exception."""

    def read(self) -> AbstractAsyncContextManager[Work]:
        """A transaction that only reads."""
