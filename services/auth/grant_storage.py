"""What the domain asks of a database about sign-ins at the plugin host and delegations; a part of `storage`."""

import datetime as dt
from typing import Protocol

from services.auth.values import Delegation, Session, User


class SignIns(Protocol):
    """Sign-ins and the codes that become them; when their session goes, they go."""

    async def add_code(self, session_id: str, secret_hash: str, expire_time: dt.datetime) -> None:
        """Write a new code."""

    async def remove_expired_codes(self, session_id: str, now: dt.datetime) -> None:
        """Forget a session's codes that nobody used in time."""

    async def hold_session_of_code(self, secret_hash: str) -> tuple[Session, User] | None:
        """Whose a code is, expired or not; nobody ends the session until the transaction ends."""

    async def use_code(self, secret_hash: str, now: dt.datetime) -> bool:
        """Take a code away; False, and nothing done, for one that is expired or gone."""

    async def add(self, session_id: str, secret_hash: str, now: dt.datetime) -> None:
        """Write a new sign-in."""

    async def keep_newest(self, session_id: str, number: int) -> None:
        """Forget a session's sign-ins save so many."""

    async def find(self, secret_hash: str) -> tuple[Session, User] | None:
        """The session of the sign-in with this secret, expired or not, and its account."""


class Delegations(Protocol):
    """Delegations; one that was ended stays until it would have ended by itself, so that it is not made again."""

    async def add(self, delegation: Delegation) -> None:
        """Write a new delegation. Raises Conflict when the person has one for this reference."""

    async def find(self, delegation_id: str) -> tuple[Delegation, User] | None:
        """A delegation, over or not, and its account."""

    async def find_by_reference(self, user_id: str, reference: str) -> Delegation | None:
        """A person's delegation for a reference, over or not."""

    async def end(self, delegation_id: str, now: dt.datetime) -> None:
        """Note that a delegation is ended, unless that is noted already or there is none."""

    async def remove_expired(self, user_id: str, now: dt.datetime) -> None:
        """Forget a person's delegations that ended by themselves, or would have by now."""

    async def remove_all(self, user_id: str) -> None:
        """Forget every delegation of a person's."""
