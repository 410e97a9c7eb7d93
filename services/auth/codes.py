"""Codes that staff hand out: worth tokens to people, or a way in for a new one.

A code is kept only as a hash of its 125 random bits, so no rate limit stands here: at a million tries a second, with a
million codes about, the first hit would take some 10¹⁷ years.
"""

import datetime as dt
from collections.abc import Callable
from typing import Final

import shortuuid

from services.auth import audit, fields, paging
from services.auth.errors import CodeNotFound, CodeNotValid, CodeRedeemed
from services.auth.ownership import check_acting, lock_account
from services.auth.purse import LARGEST_BALANCE, balance_too_large
from services.auth.secret_text import GROUP_CHARACTERS, hash_secret, new_code, normal_code
from services.auth.storage import Storage, Work
from services.auth.values import Code, CodeKind, DeedKind, Entry, EntryKind, Page
from services.foundation.identity import Caller

# With its prefix in front it is still a reason that the ledger takes.
REASON_CHARACTERS: Final = 150
MOST_REDEMPTIONS: Final = 100_000
_LIST: Final = "codes"


class Codes:
    """Everything about codes."""

    def __init__(self, storage: Storage, *, now: Callable[[], dt.datetime]) -> None:
        """`now` is the clock, aware."""
        self._storage, self._now = storage, now

    async def issue(
        self,
        issued_by: str,
        *,
        kind: CodeKind | None,
        tokens: int,
        reason: str,
        max_redemptions: int,
        expire_time: dt.datetime | None,
    ) -> tuple[Code, str]:
        """Make a code; gives it with its text. `issued_by` is empty for the command line.

        Raises InvalidInput, UserNotFound, AccountSuspended.

        `max_redemptions` 0 means 1: a code that gets about must not cost more than was meant.
        """
        now = self._now()
        with fields.checked() as given:
            if kind is None:
                given.refuse("kind", "A code is for tokens or an invitation.")
            elif kind is CodeKind.TOKENS:
                tokens = given.whole("tokens", tokens, at_least=1)
            else:
                tokens = given.whole("tokens", tokens, at_least=0, at_most=0)
            reason = given.text("reason", reason, at_least=1, at_most=REASON_CHARACTERS)
            max_redemptions = given.whole("max_redemptions", max_redemptions, at_least=0, at_most=MOST_REDEMPTIONS)
            if expire_time is not None and expire_time <= now:
                given.refuse("expire_time", "A code expires in the future.")
        assert kind is not None
        text = new_code()
        code = Code(
            code_id=shortuuid.uuid(),
            kind=kind,
            prefix=text[:GROUP_CHARACTERS],
            tokens=tokens,
            reason=reason,
            max_redemptions=max_redemptions or 1,
            created_by=issued_by,
            created_time=now,
            expire_time=expire_time,
        )
        async with self._storage.write() as work:
            await check_acting(work, issued_by)
            await work.codes.add(code, _hash(text))
            worth = f"{code.tokens} tokens" if kind is CodeKind.TOKENS else "an invitation"
            await audit.note(
                work, DeedKind.CODE_ISSUED, by=issued_by, now=now, code_id=code.code_id, detail=f"{worth}: {reason}"
            )
        return code, text

    async def listing(self, *, page_size: int, page_token: str) -> Page[Code]:
        """Every code, newest first."""
        limit, before = paging.limit(page_size), paging.cursor(page_token, _LIST)
        async with self._storage.read() as work:
            found = await work.codes.listing(before=before, limit=limit)
        return paging.page(found, _LIST)

    async def withdraw(self, withdrawn_by: str, code_id: str) -> Code:
        """Make a code worthless from now on. Raises CodeNotFound, UserNotFound, AccountSuspended."""
        if not fields.is_id(code_id):
            raise CodeNotFound
        now = self._now()
        async with self._storage.write() as work:
            await check_acting(work, withdrawn_by)
            code = await work.codes.withdraw(code_id, now)
            if code is None:
                raise CodeNotFound
            await audit.note(
                work, DeedKind.CODE_WITHDRAWN, by=withdrawn_by, now=now, code_id=code_id, detail=code.reason
            )
        return code

    async def redeem(self, caller: Caller, text: str) -> Entry:
        """Add a code's tokens to the caller's balance; gives the line in the ledger.

        Raises CodeNotValid, CodeRedeemed, InvalidInput when the balance would be too large, UserNotFound,
        AccountSuspended.
        """
        now = self._now()
        async with self._storage.write() as work:
            # Whoever sends a code twice at once waits here, and then finds it redeemed.
            await lock_account(work, caller.subject)
            code = await take(work, text, CodeKind.TOKENS, caller.subject, now)
            balance = await work.purse.change_balance(caller.subject, code.tokens, at_most=LARGEST_BALANCE)
            if balance is None:
                raise balance_too_large("text")
            entry = Entry(
                entry_id=shortuuid.uuid(),
                user_id=caller.subject,
                kind=EntryKind.CODE,
                amount=code.tokens,
                balance_after=balance,
                reason=f"code {code.prefix}-…: {code.reason}",
                created_time=now,
            )
            await work.purse.add_entry(entry)
            return entry


async def check(work: Work, text: str, kind: CodeKind, now: dt.datetime) -> Code:
    """The code of a kind that a text is, as far as can be told before it is taken. Raises CodeNotValid."""
    code = await work.codes.find(_hash(text))
    if code is None or code.kind is not kind or not code.is_valid(now):
        raise CodeNotValid
    return code


async def take(work: Work, text: str, kind: CodeKind, user_id: str, now: dt.datetime) -> Code:
    """Redeem a code of a kind within a transaction; the transaction must give what it is worth.

    Raises CodeNotValid, and CodeRedeemed for the person's second time, whatever became of the code since.
    """
    code = await work.codes.find(_hash(text))
    if code is None or code.kind is not kind:
        raise CodeNotValid
    if await work.codes.is_redeemed(code.code_id, user_id):
        raise CodeRedeemed
    if not await work.codes.redeem(code.code_id, user_id, now):
        raise CodeNotValid
    return code


def _hash(text: str) -> str:
    # What cannot be a code has the hash of nothing, which no code has.
    return hash_secret(normal_code(text) or "")
