"""A new password for who forgot theirs: by a link that is good once and for a day, handed on by staff.

There is no mail server here, so nobody asks for a link by themselves; nor can anybody be found out to have an account,
or be flooded with mail, by asking.
"""

import datetime as dt
from collections.abc import Callable
from typing import Final

from services.auth import audit, fields
from services.auth.errors import ResetLinkNotValid, UserNotFound
from services.auth.ownership import check_acting
from services.auth.passwords import Passwords
from services.auth.secret_text import hash_secret, new_secret
from services.auth.sessions import end_all
from services.auth.storage import Storage
from services.auth.values import DeedKind, ResetLink

LIFETIME: Final = dt.timedelta(hours=24)


class Resets:
    """Everything about reset links."""

    def __init__(self, storage: Storage, passwords: Passwords, *, now: Callable[[], dt.datetime]) -> None:
        """`now` is the clock, aware."""
        self._storage, self._passwords, self._now = storage, passwords, now

    async def create(self, issued_by: str, *, user_id: str) -> tuple[ResetLink, str]:
        """Make the person's link, in place of an earlier one; gives it with its secret.

        `issued_by` is empty for the command line. Raises UserNotFound, AccountSuspended.
        """
        if not fields.is_id(user_id):
            raise UserNotFound
        now, secret = self._now(), new_secret()
        link = ResetLink(user_id=user_id, issued_by=issued_by, created_time=now, expire_time=now + LIFETIME)
        async with self._storage.write() as work:
            # Two links made at once for one person wait for each other here; the later one holds.
            user = await work.users.lock(user_id)
            if user is None or user.deleted:
                raise UserNotFound
            await check_acting(work, issued_by)
            await work.resets.remove(user_id)
            await work.resets.add(link, hash_secret(secret))
            await audit.note(work, DeedKind.RESET_LINK_CREATED, by=issued_by, now=now, user_id=user_id)
        return link, secret

    async def redeem(self, secret: str, new_password: str) -> int:
        """Set a new password and end every session of the person's; says how many.

        Raises ResetLinkNotValid, InvalidInput, TooManySignIns.
        """
        with fields.checked() as given:
            given.password("new_password", new_password)
        secret_hash = hash_secret(secret)
        async with self._storage.read() as work:
            # Before the slow hash, which is for people with a link only.
            link = await work.resets.find(secret_hash)
        if link is None or link.expire_time <= self._now():
            raise ResetLinkNotValid
        user_id, new_hash = link.user_id, await self._passwords.hash(new_password)
        now = self._now()
        async with self._storage.write() as work:
            await work.users.lock(user_id)
            link, found = await work.resets.find(secret_hash), await work.users.credentials(user_id=user_id)
            if link is None or found is None or link.expire_time <= now:
                raise ResetLinkNotValid
            await work.resets.remove(user_id)
            await work.users.replace_password(user_id, old_hash=found.password_hash, new_hash=new_hash)
            return await end_all(work, user_id, now)
