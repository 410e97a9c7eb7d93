"""Whose things a caller may look at: their own; staff, everyone's. And whether whoever a call acts for still may."""

import datetime as dt

from services.auth.errors import AccountSuspended, SessionEnded, UnknownApiKey, UserNotFound
from services.auth.fields import is_id
from services.auth.storage import Work
from services.auth.values import User
from services.foundation.identity import Caller


def whose(caller: Caller, asked: str) -> str:
    """The user id a call is about; empty means the caller.

    Raises UserNotFound for another's unless the caller is staff, before anybody looks whether there is such a person.
    """
    user_id = asked or caller.subject
    if user_id != caller.subject and not caller.is_staff:
        raise UserNotFound
    if not is_id(user_id):
        raise UserNotFound
    return user_id


async def lock_account(work: Work, user_id: str) -> User:
    """Lock the account that a call acts for: an identity token is believed for minutes after the account is not.

    Raises UserNotFound, also for one that was deleted, and AccountSuspended.
    """
    return able(await work.users.lock(user_id))


async def check_acting(work: Work, user_id: str) -> None:
    """The same for staff, who act on others' accounts: theirs is looked at, not locked; empty for the command line.

    Without it somebody who was suspended could restore themselves with the token that is left.
    """
    if user_id:
        able(await work.users.get(user_id))


async def check_believed(work: Work, caller: Caller, now: dt.datetime) -> None:
    """Check that the session or the key still is what the caller's token was given for, which outlives it by minutes.

    Asked before the token is exchanged for what lasts longer. Raises SessionEnded, UnknownApiKey.
    """
    if caller.session_id and not await work.sessions.is_open(caller.subject, caller.session_id, now):
        raise SessionEnded
    if caller.key_id and not await work.keys.is_there(caller.subject, caller.key_id):
        raise UnknownApiKey


def able(user: User | None) -> User:
    """An account that may be used. Raises UserNotFound, AccountSuspended."""
    if user is None or user.deleted:
        raise UserNotFound
    if not user.active:
        raise AccountSuspended
    return user
