"""Suspending, restoring and deleting accounts. One staff account that can sign in always stays.

A deleted account leaves its ledger behind, which is never changed: the entries and holds, under an id that no longer
leads to a person, with the balance as it was. So a task that still runs settles as ever, and the sums still add up.
Everything that says who it was goes: address, names, phone number, password, sessions, keys, reset link, delegations,
and which codes were redeemed.
"""

import datetime as dt
from collections.abc import Callable

import shortuuid

from services.auth import audit, sessions
from services.auth.errors import LastStaffAccount, UserNotFound, WrongCredentials
from services.auth.ownership import check_acting, whose
from services.auth.passwords import Passwords
from services.auth.storage import Storage, Work
from services.auth.values import DeedKind, User, UserDeleted
from services.foundation import logs
from services.foundation.identity import Caller

log = logs.logger(__name__)


class Standing:
    """Whether an account may be used, and whether it is there at all."""

    def __init__(self, storage: Storage, passwords: Passwords, *, now: Callable[[], dt.datetime]) -> None:
        """`now` is the clock, aware."""
        self._storage, self._passwords, self._now = storage, passwords, now

    async def suspend(self, caller: Caller, user_id: str) -> User:
        """Keep a person out until they are restored, and end their sessions; keys work again afterwards.

        Suspending twice is no error. Raises UserNotFound, LastStaffAccount, AccountSuspended.
        """
        user_id = whose(caller, user_id)
        async with self._storage.write() as work:
            await _keep_one_staff_account(work, caller, user_id)
            user = await work.users.set_active(user_id, False)
            if user is None:
                raise UserNotFound
            now = self._now()
            await work.resets.remove(user_id)
            await sessions.end_all(work, user_id, now)
            await audit.note(work, DeedKind.USER_SUSPENDED, by=caller.subject, now=now, user_id=user_id)
        log.info("account suspended", user_id=user_id, by=caller.subject)
        return user

    async def restore(self, caller: Caller, user_id: str) -> User:
        """Let a suspended person in again. Restoring twice is no error. Raises UserNotFound, AccountSuspended."""
        user_id = whose(caller, user_id)
        async with self._storage.write() as work:
            await check_acting(work, caller.subject)
            user = await work.users.set_active(user_id, True)
            if user is None:
                raise UserNotFound
            await audit.note(work, DeedKind.USER_RESTORED, by=caller.subject, now=self._now(), user_id=user_id)
        log.info("account restored", user_id=user_id, by=caller.subject)
        return user

    async def delete(self, caller: Caller, user_id: str, *, password: str) -> None:
        """Delete an account: anybody their own, for their password; staff everybody's.

        Raises UserNotFound, WrongCredentials, LastStaffAccount, AccountSuspended, TooManySignIns.
        """
        user_id = whose(caller, user_id)
        checked = await self._checked_hash(user_id, password) if user_id == caller.subject else None
        now = self._now()
        async with self._storage.write() as work:
            await _keep_one_staff_account(work, caller, user_id)
            found = await work.users.credentials(user_id=user_id)
            if found is None:
                raise UserNotFound
            if checked is not None and found.password_hash != checked:
                raise _wrong_password()
            await sessions.end_all(work, user_id, now)
            await work.keys.remove_all(user_id)
            await work.resets.remove(user_id)
            await work.codes.forget(user_id)
            await work.delegations.remove_all(user_id)
            await work.users.erase(user_id, now)
            await work.outbox.add(UserDeleted(event_id=shortuuid.uuid(), user_id=user_id, time=now))
            await audit.note(work, DeedKind.USER_DELETED, by=caller.subject, now=now, user_id=user_id)
        log.info("account deleted", user_id=user_id, by=caller.subject)

    async def _checked_hash(self, user_id: str, password: str) -> str:
        async with self._storage.read() as work:
            found = await work.users.credentials(user_id=user_id)
        if found is None:
            raise UserNotFound
        if not await self._passwords.verify(password, found.password_hash):
            raise _wrong_password()
        return found.password_hash


async def _keep_one_staff_account(work: Work, caller: Caller, user_id: str) -> None:
    """Lock the accounts that matter: of two staff who remove each other at once, the second one is gone."""
    staff = await work.users.lock_active_staff()
    await check_acting(work, caller.subject)
    if staff == [user_id]:
        raise LastStaffAccount
    await work.users.lock(user_id)


def _wrong_password() -> WrongCredentials:
    return WrongCredentials("The password is wrong.")
