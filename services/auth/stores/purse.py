"""Balances, ledger and holds in SQL. A balance changes by one conditional UPDATE, never by read and write back."""

import datetime as dt

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.auth.models import EntryRow, HoldRow, UserRow
from services.auth.storage import Listing
from services.auth.stores import rows
from services.auth.values import Balance, Direction, Entry, EntryKind, Hold, Spending


def _entry_of(row: EntryRow) -> Entry:
    return Entry(
        entry_id=row.entry_id,
        user_id=row.user_id,
        kind=EntryKind(row.kind),
        amount=row.amount,
        balance_after=row.balance_after,
        task_id=row.hold_id or "",
        reason=row.reason,
        created_time=row.created_time,
    )


class SqlPurse:
    """Tokens."""

    def __init__(self, session: AsyncSession) -> None:
        """Works within the session's transaction."""
        self._session = session

    async def balance(self, user_id: str) -> Balance | None:
        """A person's balance and what is held, as of one moment."""
        held = (
            sa.select(sa.func.coalesce(sa.func.sum(HoldRow.tokens), 0))
            .where(HoldRow.user_id == UserRow.uuid, HoldRow.charge.is_(None))
            .correlate(UserRow)
            .scalar_subquery()
        )
        found = (
            await self._session.execute(
                sa.select(UserRow.tokens, held).where(UserRow.uuid == user_id, UserRow.deleted_time.is_(None))
            )
        ).first()
        return None if found is None else Balance(tokens=found[0], held=int(found[1]))

    async def change_balance(self, user_id: str, amount: int, *, at_most: int | None = None) -> int | None:
        """Add to a balance unless it would leave 0…`at_most`."""
        statement = (
            sa.update(UserRow)
            .where(UserRow.uuid == user_id, UserRow.tokens >= -amount)
            .values(tokens=UserRow.tokens + amount)
            .returning(UserRow.tokens)
            .execution_options(synchronize_session=False)
        )
        if at_most is not None and amount > 0:
            statement = statement.where(UserRow.tokens <= at_most - amount)
        return await self._session.scalar(statement)

    async def add_entry(self, entry: Entry, *, granted_by: str | None = None, request_id: str | None = None) -> None:
        """Write a line of the ledger."""
        await self._session.execute(
            sa.insert(EntryRow).values(
                entry_id=entry.entry_id,
                user_id=entry.user_id,
                kind=entry.kind.value,
                amount=entry.amount,
                balance_after=entry.balance_after,
                hold_id=entry.task_id or None,
                granted_by=granted_by,
                request_id=request_id,
                reason=entry.reason,
                created_time=entry.created_time,
            )
        )

    async def find_grant(self, granted_by: str, request_id: str) -> Entry | None:
        """The line a grant wrote."""
        return await self._entry(EntryRow.granted_by == granted_by, EntryRow.request_id == request_id)

    async def hold_entry(self, hold_id: str) -> Entry | None:
        """The line a hold wrote."""
        return await self._entry(EntryRow.hold_id == hold_id, EntryRow.kind == EntryKind.HOLD.value)

    async def entries(
        self, user_id: str, *, before: int | None, limit: int, direction: Direction | None = None
    ) -> Listing[Entry]:
        """A person's ledger, or of it what lifted or lowered the balance."""
        wanted = [EntryRow.user_id == user_id]
        if direction is not None:
            wanted.append(EntryRow.amount > 0 if direction is Direction.ADDED else EntryRow.amount < 0)
        return await rows.listing(self._session, EntryRow, *wanted, before=before, limit=limit, value=_entry_of)

    async def spending(self, user_id: str, since: dt.datetime | None) -> Spending:
        """What holds came to, and how many are open."""
        # By way of the ledger, which is indexed by person; of holds only the open ones are.
        charged = (
            sa.select(sa.func.coalesce(sa.func.sum(HoldRow.charge), 0))
            .join_from(EntryRow, HoldRow, EntryRow.hold_id == HoldRow.hold_id)
            .where(EntryRow.user_id == user_id, EntryRow.kind == EntryKind.HOLD.value)
        )
        if since is not None:
            charged = charged.where(EntryRow.created_time >= since)
        open_holds = sa.select(sa.func.count()).where(HoldRow.user_id == user_id, HoldRow.charge.is_(None))
        found = (await self._session.execute(sa.select(charged.scalar_subquery(), open_holds.scalar_subquery()))).one()
        return Spending(charged=int(found[0]), open_holds=found[1])

    async def add_hold(self, hold: Hold) -> None:
        """Write a hold."""
        await self._session.execute(
            sa.insert(HoldRow).values(
                hold_id=hold.hold_id,
                user_id=hold.user_id,
                tokens=hold.tokens,
                charge=hold.charge,
                reason=hold.reason,
                created_time=hold.created_time,
                settled_time=hold.created_time if hold.charge is not None else None,
            )
        )

    async def find_hold(self, hold_id: str) -> Hold | None:
        """A hold."""
        row = await self._session.scalar(sa.select(HoldRow).where(HoldRow.hold_id == hold_id))
        if row is None:
            return None
        return Hold(
            hold_id=row.hold_id,
            user_id=row.user_id,
            tokens=row.tokens,
            charge=row.charge,
            reason=row.reason,
            created_time=row.created_time,
        )

    async def settle_hold(self, hold_id: str, charge: int, now: dt.datetime) -> None:
        """Write what an open hold came to."""
        statement = (
            sa.update(HoldRow)
            .where(HoldRow.hold_id == hold_id, HoldRow.charge.is_(None))
            .values(charge=charge, settled_time=now)
        )
        await rows.count_changed(self._session, statement)

    async def _entry(self, *conditions: sa.ColumnElement[bool]) -> Entry | None:
        row = await self._session.scalar(sa.select(EntryRow).where(*conditions))
        return None if row is None else _entry_of(row)
