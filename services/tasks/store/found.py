"""Pictures found in the data folder, in SQL: a row for each file, an entry of the gallery for each that is shown."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.foundation.shielding import whole
from services.tasks import models
from services.tasks.asking.ingredients import Parameters
from services.tasks.files.found import Made
from services.tasks.store.base import Database

# What a file says of itself is said by these; the rest of `Parameters` would be the owner's own.
SETTINGS: Final = ("prompt", "negative_prompt", "model", "sampler", "steps", "guidance", "width", "height", "seed")


class FoundFiles:
    """Reads and writes what became of each file."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def now(self) -> dt.datetime:
        """The database's time, by which rows are dated."""
        async with self._database.read() as session:
            return await self._database.now(session)

    @whole
    async def stamps(self, paths: Sequence[str]) -> Mapping[str, str]:
        """The stamps that these files had when they were last looked at."""
        async with self._database.read() as session:
            known = sa.select(models.Found.path, models.Found.stamp).where(models.Found.path.in_(paths))
            return {row.path: row.stamp for row in await session.execute(known)}

    @whole
    async def show(self, path: str, stamp: str, made: Made) -> Sequence[str]:
        """Put a file's picture into the gallery in place of the one it had; what was made and is of no more use.

        A file that changed in nothing but its stamp keeps its entry.
        """
        try:
            async with self._database.write() as session:
                row = await self._row(session, path)
                if row.kept is not None and (row.stamp == stamp or row.sha256 == made.sha256):
                    # Touched, or another replica was quicker.
                    row.stamp = stamp
                    return [made.kept]
                old = await self._leave(session, row)
                row.stamp, row.refused, row.kept = stamp, None, made.kept
                row.width, row.height, row.bytes, row.sha256 = made.width, made.height, made.bytes, made.sha256
                row.settings = None if made.parameters is None else _settings(made.parameters)
                await session.flush()
                session.add(
                    models.GalleryEntry(uuid=made.gallery_id, found_id=row.id, sha256=made.sha256, published=row.date)
                )
                return old
        except IntegrityError:
            # Another replica has just found the same file.
            return [made.kept]

    @whole
    async def refuse(self, path: str, stamp: str, why: str) -> Sequence[str]:
        """Note that a file cannot be shown; what was made of it before."""
        try:
            async with self._database.write() as session:
                row = await self._row(session, path)
                old = await self._leave(session, row)
                row.stamp, row.refused, row.kept, row.settings = stamp, why, None, None
                row.width, row.height, row.bytes, row.sha256 = 0, 0, 0, ""
                return old
        except IntegrityError:
            return []

    @whole
    async def before(self, time: dt.datetime, *, after: str, size: int) -> Sequence[str]:
        """Up to `size` files, in order, that were last taken in or refused before a time."""
        async with self._database.read() as session:
            known = sa.select(models.Found.path).where(models.Found.date < time, models.Found.path > after)
            return (await session.scalars(known.order_by(models.Found.path).limit(size))).all()

    @whole
    async def forget(self, paths: Sequence[str]) -> Sequence[str]:
        """Remove files that are there no more, and their entries; what was made of them."""
        async with self._database.write() as session:
            gone = sa.delete(models.Found).where(models.Found.path.in_(paths)).returning(models.Found.kept)
            return [kept for kept in await session.scalars(gone) if kept is not None]

    async def _row(self, session: AsyncSession, path: str) -> models.Found:
        row = await session.scalar(sa.select(models.Found).where(models.Found.path == path).with_for_update())
        if row is None:
            row = models.Found(path=path)
            session.add(row)
        row.date = await self._database.now(session)
        return row

    @staticmethod
    async def _leave(session: AsyncSession, row: models.Found) -> Sequence[str]:
        if row.kept is None:
            return []
        await session.execute(sa.delete(models.GalleryEntry).where(models.GalleryEntry.found_id == row.id))
        return [row.kept]


def _settings(parameters: Parameters) -> dict[str, object]:
    every = asdict(parameters)
    return {name: every[name] for name in SETTINGS}
