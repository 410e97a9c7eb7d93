"""Whose things a caller may look at: their own; staff, everyone's."""

from services.auth.errors import UserNotFound
from services.auth.fields import is_id
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
