"""Events of other services that were acted on, each noted in the transaction of its effect."""

import sqlalchemy as sa

from services.foundation import inbox_table
from services.foundation.shielding import whole
from services.tasks import models
from services.tasks.store.base import Database


class Inbox:
    """Acts on events once."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def knows(self, event_id: str) -> bool:
        """Whether the event was acted on."""
        async with self._database.read() as session:
            known = sa.select(models.Inbox.event_id).where(models.Inbox.event_id == event_id)
            return await session.scalar(known) is not None

    @whole
    async def end_session(self, event_id: str, *, user_id: str, session_id: str) -> bool:
        """Let the session's lease lapse at once; whether there was one, and the event is new."""
        async with self._database.write() as session:
            now = await self._database.now(session)
            if not await inbox_table.first(session, models.Inbox, event_id, now):
                return False
            lapsed = (
                sa.update(models.Presence)
                .where(
                    models.Presence.session_id == session_id,
                    models.Presence.user_id == user_id,
                    models.Presence.until > now,
                )
                .values(until=now)
                .returning(models.Presence.session_id)
            )
            return await session.scalar(lapsed.execution_options(synchronize_session=False)) is not None

    @whole
    async def note(self, event_id: str) -> None:
        """Note an event whose effect takes many transactions, after the last; repeats of those do no harm."""
        async with self._database.write() as session:
            await inbox_table.first(session, models.Inbox, event_id, await self._database.now(session))
