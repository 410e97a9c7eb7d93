"""Workers as they were last seen."""

import datetime as dt
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from services.foundation.shielding import whole
from services.tasks import models
from services.tasks.store.base import Database


class Workers:
    """Keeps what each worker said of itself, so that submissions are checked while none is up."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def load(self) -> Mapping[str, bytes]:
        """Target → serialised capabilities, the one seen last first."""
        async with self._database.read() as session:
            found = await session.scalars(sa.select(models.Worker).order_by(models.Worker.seen.desc()))
            return {row.target: row.capabilities for row in found}

    @whole
    async def seen_within(self, length: dt.timedelta) -> Sequence[bytes]:
        """Serialised capabilities of every worker that answered some replica so lately."""
        async with self._database.read() as session:
            after = await self._database.now(session) - length
            found = await session.scalars(sa.select(models.Worker.capabilities).where(models.Worker.seen > after))
            return found.all()

    @whole
    async def save(self, target: str, capabilities: bytes) -> None:
        """Keep what a worker said just now."""
        async with self._database.write() as session:
            seen = await self._database.now(session)
            await session.merge(models.Worker(target=target, capabilities=capabilities, seen=seen))
