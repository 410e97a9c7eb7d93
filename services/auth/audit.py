"""The log of what staff did: written with the deed, in its transaction, and never changed.

It names accounts and codes by their ids alone, so that a deleted account leaves nothing in it that says who it was.
"""

import datetime as dt
from collections.abc import Collection
from typing import Final

import shortuuid

from services.auth import fields, paging
from services.auth.storage import Storage, Work
from services.auth.values import Deed, DeedKind, Page

_LIST: Final = "deeds"


class Audit:
    """Reads the log."""

    def __init__(self, storage: Storage) -> None:
        """Where it is."""
        self._storage = storage

    async def listing(
        self, *, page_size: int, page_token: str, user_id: str, staff_id: str, kinds: Collection[DeedKind] = ()
    ) -> Page[Deed]:
        """What staff did, newest first; only to `user_id`, by `staff_id` and of `kinds`, where those are given.

        Raises InvalidInput.
        """
        limit, before = paging.limit(page_size), paging.cursor(page_token, _LIST)
        if not all(fields.is_id(each) for each in (user_id, staff_id) if each):
            return Page(items=())
        async with self._storage.read() as work:
            found = await work.audit.listing(
                user_id=user_id, staff_id=staff_id, kinds=kinds, before=before, limit=limit
            )
        return paging.page(found, _LIST)


async def note(
    work: Work,
    kind: DeedKind,
    *,
    by: str,
    now: dt.datetime,
    user_id: str = "",
    code_id: str = "",
    detail: str = "",
) -> None:
    """Write down what staff do within a transaction, save what they do to their own accounts as everybody may."""
    if not by or by != user_id:
        await work.audit.add(deed(kind, by=by, now=now, user_id=user_id, code_id=code_id, detail=detail))


def deed(kind: DeedKind, *, by: str, now: dt.datetime, user_id: str = "", code_id: str = "", detail: str = "") -> Deed:
    """A line of the log."""
    return Deed(
        deed_id=shortuuid.uuid(),
        kind=kind,
        staff_id=by,
        user_id=user_id,
        code_id=code_id,
        detail=detail,
        created_time=now,
    )
