"""Uploads in SQL."""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa

from services.foundation.shielding import whole
from services.tasks import models, values
from services.tasks.store import sources
from services.tasks.store.base import Database


class Uploads:
    """Reads and writes uploads."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def add(self, upload: values.Upload, *, most: int) -> Sequence[str]:
        """Add an upload whose file is there; the files of those that it takes the place of, now without rows.

        What an unended task needs stays, even where there are more than `most` of it.
        """
        async with self._database.write() as session:
            # Behind this lock no submission of the owner's is under way, so that what it needs is seen below.
            await self._database.lock_owner(session, upload.user_id)
            session.add(
                models.Upload(
                    uuid=upload.upload_id,
                    user_id=upload.user_id,
                    path=upload.path,
                    width=upload.width,
                    height=upload.height,
                    bytes=upload.bytes,
                    sha256=upload.sha256,
                    date=upload.created,
                    used=upload.used,
                )
            )
            await session.flush()
            kept = (
                sa.select(models.Upload.id)
                .where(models.Upload.user_id == upload.user_id)
                .order_by(models.Upload.used.desc(), models.Upload.id.desc())
                .limit(most)
            )
            surplus = (
                sa.delete(models.Upload)
                .where(models.Upload.user_id == upload.user_id, models.Upload.id.not_in(kept), ~sources.needed())
                .returning(models.Upload.path)
            )
            return (await session.scalars(surplus)).all()

    @whole
    async def find(self, user_id: str, upload_id: str) -> values.Upload | None:
        """An upload of this owner's."""
        async with self._database.read() as session:
            row = await session.scalar(
                sa.select(models.Upload).where(models.Upload.uuid == upload_id, models.Upload.user_id == user_id)
            )
        if row is None:
            return None
        return values.Upload(
            upload_id=row.uuid,
            user_id=row.user_id,
            path=row.path,
            width=row.width,
            height=row.height,
            bytes=row.bytes,
            sha256=row.sha256,
            created=row.date,
            used=row.used,
        )

    @whole
    async def remove_unused(self, older_than: dt.timedelta) -> Sequence[str]:
        """Remove the rows of uploads that no unended task needs, not used for so long; the files now without."""
        async with self._database.write() as session:
            before = await self._database.now(session) - older_than
            # Whoever has an upload locked is about to use it. Passing over it also means never to wait for two at once.
            unused = sa.select(models.Upload.id).where(models.Upload.used < before, ~sources.needed())
            removed = sa.delete(models.Upload).where(models.Upload.id.in_(unused.with_for_update(skip_locked=True)))
            return (await session.scalars(removed.returning(models.Upload.path))).all()
