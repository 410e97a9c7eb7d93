"""Whole tokens: a balance that is never below 0, a ledger that only grows, holds that are settled once.

Every change of a balance and its ledger entry stand in one transaction, which begins by locking the person's purse. So
a call that is repeated, be it at the same moment, finds what the first one wrote and answers the same. Ids are unique
across people too: where two calls use one id for two people, the second is undone and looks again.
"""

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Final

import shortuuid

from services.auth import audit, fields, paging
from services.auth.errors import HoldSettled, NotEnoughTokens, UserNotFound
from services.auth.ownership import able, check_acting, whose
from services.auth.storage import Conflict, Storage, Work
from services.auth.values import Balance, DeedKind, Direction, Entry, EntryKind, Hold, Page, Spending
from services.foundation import errors
from services.foundation.identity import Caller

# Grants may not lift a balance above this: every sum stays exact in 64 bits and in JavaScript.
LARGEST_BALANCE: Final = 10**15
_LIST: Final = "entries"


class Purse:
    """Everything about tokens."""

    def __init__(self, storage: Storage, *, now: Callable[[], dt.datetime]) -> None:
        """`now` is the clock, aware."""
        self._storage, self._now = storage, now

    async def balance(self, caller: Caller, user_id: str) -> Balance:
        """A balance; an empty id means the caller's. Raises UserNotFound, also for another's."""
        async with self._storage.read() as work:
            balance = await work.purse.balance(whose(caller, user_id))
        if balance is None:
            raise UserNotFound
        return balance

    async def spending(self, caller: Caller, user_id: str, since: dt.datetime | None) -> Spending:
        """What tasks submitted since then have cost; an empty id means the caller's. Raises UserNotFound."""
        user_id = whose(caller, user_id)
        async with self._storage.read() as work:
            if await work.users.get(user_id) is None:
                raise UserNotFound
            return await work.purse.spending(user_id, since)

    async def entries(
        self, caller: Caller, user_id: str, *, page_size: int, page_token: str, direction: Direction | None = None
    ) -> Page[Entry]:
        """A ledger, newest first, or of it what lifted or lowered the balance; an empty id means the caller's.

        Raises UserNotFound, also for another's.
        """
        user_id = whose(caller, user_id)
        limit, before = paging.limit(page_size), paging.cursor(page_token, _LIST)
        async with self._storage.read() as work:
            if await work.users.get(user_id) is None:
                raise UserNotFound
            found = await work.purse.entries(user_id, before=before, limit=limit, direction=direction)
        return paging.page(found, _LIST)

    async def hold(self, *, hold_id: str, user_id: str, tokens: int, reason: str) -> int:
        """Take tokens aside for a task; gives the balance after it, the first one on a repeat.

        Raises InvalidInput, RequestIdReused, NotEnoughTokens, HoldSettled, UserNotFound,
        AccountSuspended.
        """
        with fields.checked() as given:
            hold_id = given.id("hold_id", hold_id)
            tokens = given.whole("tokens", tokens, at_least=1)
            reason = given.text("reason", reason, at_most=fields.REASON_CHARACTERS)
        if not fields.is_id(user_id):
            raise UserNotFound
        wanted = Hold(hold_id=hold_id, user_id=user_id, tokens=tokens, reason=reason, created_time=self._now())
        try:
            return await self._hold(wanted)
        except Conflict:
            return await self._hold(wanted)

    async def _hold(self, wanted: Hold) -> int:
        async with self._storage.write() as work:
            user = await work.users.lock(wanted.user_id)
            first = await work.purse.find_hold(wanted.hold_id) if user is not None else None
            if first is not None:
                return await _repeated_hold(work, first, wanted)
            able(user)
            balance = await work.purse.change_balance(wanted.user_id, -wanted.tokens)
            if balance is None:
                raise await _not_enough(work, wanted.user_id, wanted.tokens)
            await work.purse.add_hold(wanted)
            await work.purse.add_entry(
                Entry(
                    entry_id=shortuuid.uuid(),
                    user_id=wanted.user_id,
                    kind=EntryKind.HOLD,
                    amount=-wanted.tokens,
                    balance_after=balance,
                    task_id=wanted.hold_id,
                    reason=wanted.reason,
                    created_time=wanted.created_time,
                )
            )
            return balance

    async def settle(self, *, hold_id: str, user_id: str, charge: int, reason: str) -> int:
        """End a hold, keeping `charge` tokens; gives how many went back, the first answer on a repeat.

        A hold that never arrived is noted as released. Raises InvalidInput, RequestIdReused.
        """
        with fields.checked() as given:
            hold_id = given.id("hold_id", hold_id)
            charge = given.whole("charge", charge, at_least=0)
            reason = given.text("reason", reason, at_most=fields.REASON_CHARACTERS)
            user_id = given.id("user_id", user_id)
        try:
            return await self._settle(hold_id, user_id, charge, reason)
        except Conflict:
            return await self._settle(hold_id, user_id, charge, reason)

    async def _settle(self, hold_id: str, user_id: str, charge: int, reason: str) -> int:
        now = self._now()
        async with self._storage.write() as work:
            # A deleted account still has one, for its tasks that end later.
            there_is_a_purse = await work.users.lock(user_id) is not None
            hold = await work.purse.find_hold(hold_id)
            if hold is None:
                if charge:
                    raise _charge_too_high(0)
                # Where there is no such person, a late hold is refused without a note.
                if there_is_a_purse:
                    await work.purse.add_hold(
                        Hold(hold_id=hold_id, user_id=user_id, tokens=0, charge=0, reason=reason, created_time=now)
                    )
                return 0
            if hold.user_id != user_id or hold.charge not in (None, charge):
                raise errors.RequestIdReused("This hold was settled before with other content.")
            if charge > hold.tokens:
                raise _charge_too_high(hold.tokens)
            returned = hold.tokens - charge
            if hold.charge is not None:
                return returned
            await work.purse.settle_hold(hold_id, charge, now)
            if returned:
                balance = await work.purse.change_balance(user_id, returned)
                if balance is None:
                    raise errors.Unexpected(f"the tokens of hold {hold_id} cannot be given back")
                await work.purse.add_entry(
                    Entry(
                        entry_id=shortuuid.uuid(),
                        user_id=user_id,
                        kind=EntryKind.RETURN,
                        amount=returned,
                        balance_after=balance,
                        task_id=hold_id,
                        reason=reason,
                        created_time=now,
                    )
                )
            return returned

    async def grant(self, caller: Caller, *, request_id: str, user_id: str, amount: int, reason: str) -> Entry:
        """Add tokens, or take them when negative; gives the entry, the first one on a repeat by the same caller.

        Taking more than there is is refused, not cut down to what there is: the reason speaks of the amount that was
        meant, and tokens held for running tasks may come back a moment later. Raises InvalidInput,
        RequestIdReused, NotEnoughTokens, UserNotFound, AccountSuspended.
        """
        with fields.checked() as given:
            request_id = given.id("request_id", request_id)
            amount = given.whole("amount", amount, at_least=-fields.MOST_TOKENS_AT_ONCE)
            reason = given.text("reason", reason, at_least=1, at_most=fields.REASON_CHARACTERS)
            if amount == 0:
                given.refuse("amount", "The amount is not 0.")
        if not fields.is_id(user_id):
            raise UserNotFound
        wanted = Entry(
            entry_id=shortuuid.uuid(),
            user_id=user_id,
            kind=EntryKind.GRANT,
            amount=amount,
            balance_after=0,
            reason=reason,
            created_time=self._now(),
        )
        try:
            return await self._grant(caller.subject, request_id, wanted)
        except Conflict:
            return await self._grant(caller.subject, request_id, wanted)

    async def _grant(self, granted_by: str, request_id: str, wanted: Entry) -> Entry:
        async with self._storage.write() as work:
            user = await work.users.lock(wanted.user_id)
            first = await work.purse.find_grant(granted_by, request_id)
            if first is not None:
                if (first.user_id, first.amount, first.reason) != (wanted.user_id, wanted.amount, wanted.reason):
                    raise errors.RequestIdReused
                return first
            if user is None or user.deleted:
                raise UserNotFound
            await check_acting(work, granted_by)
            balance = await work.purse.change_balance(wanted.user_id, wanted.amount, at_most=LARGEST_BALANCE)
            if balance is None and wanted.amount < 0:
                raise await _not_enough(work, wanted.user_id, -wanted.amount)
            if balance is None:
                raise balance_too_large("amount")
            entry = dataclasses.replace(wanted, balance_after=balance)
            await work.purse.add_entry(entry, granted_by=granted_by, request_id=request_id)
            # Staff may give themselves tokens, too, and that is to be seen.
            await work.audit.add(
                audit.deed(
                    DeedKind.TOKENS_GRANTED,
                    by=granted_by,
                    now=wanted.created_time,
                    user_id=wanted.user_id,
                    detail=f"{wanted.amount:+} tokens: {wanted.reason}",
                )
            )
            return entry


def balance_too_large(field: str) -> errors.InvalidInput:
    """What a field is refused with that would lift a balance out of bounds."""
    return errors.InvalidInput.of(
        errors.FieldViolation(field=field, description=f"A balance is at most {LARGEST_BALANCE}.")
    )


async def _repeated_hold(work: Work, first: Hold, wanted: Hold) -> int:
    if first.is_tombstone and first.user_id == wanted.user_id:
        raise HoldSettled
    if (first.user_id, first.tokens, first.reason) != (wanted.user_id, wanted.tokens, wanted.reason):
        raise errors.RequestIdReused("This hold was made before with other content.")
    entry = await work.purse.hold_entry(wanted.hold_id)
    if entry is None:
        raise errors.Unexpected(f"hold {wanted.hold_id} has no ledger entry")
    return entry.balance_after


async def _not_enough(work: Work, user_id: str, price: int) -> NotEnoughTokens:
    balance = await work.purse.balance(user_id)
    return NotEnoughTokens(price=price, balance=balance.tokens if balance else 0)


def _charge_too_high(held: int) -> errors.InvalidInput:
    return errors.InvalidInput.of(
        errors.FieldViolation(field="charge", description=f"The charge is at most what is held, {held}.")
    )
