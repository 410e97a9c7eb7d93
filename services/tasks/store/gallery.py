"""The gallery in SQL."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import lazyload

from services.foundation.shielding import whole
from services.tasks import models, values
from services.tasks.asking import ingredients
from services.tasks.errors import GalleryImageNotFound, ImageNotFound
from services.tasks.files.gallery import Entry, Ruling
from services.tasks.machine.deeds import DeedKind
from services.tasks.store import deeds, rows
from services.tasks.store.base import Database

# All that an entry is made of is read by one statement, so nothing needs to be loaded after it.
_ENTRIES: Final = (
    sa.select(models.GalleryEntry, models.Image, models.Task, models.Found, models.Ruling)
    .outerjoin(models.Image, models.Image.id == models.GalleryEntry.image_id)
    .outerjoin(models.Task, models.Task.id == models.Image.task_id)
    .outerjoin(models.Found, models.Found.id == models.GalleryEntry.found_id)
    .outerjoin(models.Ruling, models.Ruling.sha256 == models.GalleryEntry.sha256)
    .options(lazyload("*"))
)


class Gallery:
    """Reads and writes entries."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def publish(self, user_id: str, image_id: str, *, gallery_id: str) -> tuple[Entry, values.Task | None]:
        """Add an entry for an image; one that is there stays. With it comes the task, unless nothing changed.

        Raises ImageNotFound when the image is not this owner's.
        """
        async with self._database.write() as session:
            task, image = await lock_image(session, user_id, image_id)
            changed = None
            if image.entry is None:
                now = await self._database.now(session)
                session.add(models.GalleryEntry(uuid=gallery_id, image_id=image.id, sha256=image.sha256, published=now))
                await session.flush()
                await session.refresh(image, ["entry"])
                changed = await self._database.touch(session, task)
            assert image.entry is not None
            return await _one(session, image.entry.uuid), changed

    @whole
    async def unpublish(self, user_id: str, image_id: str) -> values.Task | None:
        """Remove an image's entry; the task, or None when there was no entry.

        Raises ImageNotFound when the image is not this owner's.
        """
        async with self._database.write() as session:
            task, image = await lock_image(session, user_id, image_id)
            if image.entry is None:
                return None
            await session.execute(sa.delete(models.GalleryEntry).where(models.GalleryEntry.image_id == image.id))
            await session.refresh(image, ["entry"])
            return await self._database.touch(session, task)

    @whole
    async def page(self, *, before: int | None, size: int, include_hidden: bool) -> tuple[Sequence[Entry], int | None]:
        """Up to `size` entries, newest first, and what to give as `before` for the next page."""
        query = _ENTRIES
        if not include_hidden:
            query = query.where(models.Ruling.hidden.is_not(True))
        if before is not None:
            query = query.where(models.GalleryEntry.id < before)
        async with self._database.read() as session:
            found = (await session.execute(query.order_by(models.GalleryEntry.id.desc()).limit(size + 1))).all()
        following = found[size - 1][0].id if len(found) > size else None
        return [_entry(*each) for each in found[:size]], following

    @whole
    async def find(self, gallery_id: str) -> Entry | None:
        """An entry, hidden or not."""
        async with self._database.read() as session:
            found = (await session.execute(_ENTRIES.where(models.GalleryEntry.uuid == gallery_id))).one_or_none()
        return None if found is None else _entry(*found)

    @whole
    async def rule(
        self, gallery_id: str, *, hidden: bool, staff_id: str, reason: str
    ) -> tuple[Entry, Sequence[values.Task]]:
        """Hide the entry's picture, or show it again; what is so already stays.

        With the entry come the tasks, whoever's, that have the picture in the gallery, unless nothing changed; what
        does is written down. Raises GalleryImageNotFound.
        """
        async with self._database.write() as session:
            sha256 = await session.scalar(
                sa.select(models.GalleryEntry.sha256).where(models.GalleryEntry.uuid == gallery_id)
            )
            if sha256 is None:
                raise GalleryImageNotFound
            now = await self._database.now(session)
            if not await self._ruled(session, sha256, hidden=hidden, staff_id=staff_id, reason=reason, now=now):
                return await _one(session, gallery_id), ()
            # The order of locks is that of everybody else: tasks, then their owners. The ruling's comes before both
            # and nobody waits for it who holds one of them.
            holders = await session.scalars(
                sa.select(models.Task)
                .where(
                    models.Task.id.in_(
                        sa.select(models.Image.task_id)
                        .join(models.GalleryEntry, models.GalleryEntry.image_id == models.Image.id)
                        .where(models.GalleryEntry.sha256 == sha256)
                    )
                )
                .order_by(models.Task.id)
                .with_for_update()
            )
            tasks = sorted(holders.all(), key=lambda task: task.user_id)
            changed = [await self._database.touch(session, task) for task in tasks]
            entry = await _one(session, gallery_id)
            await deeds.note(
                self._database,
                session,
                DeedKind.PICTURE_HIDDEN if hidden else DeedKind.PICTURE_RESTORED,
                by=staff_id,
                user_id=entry.user_id,
                gallery_id=gallery_id,
                detail=reason,
            )
            return entry, changed

    async def _ruled(
        self, session: AsyncSession, sha256: str, *, hidden: bool, staff_id: str, reason: str, now: dt.datetime
    ) -> bool:
        """Write the ruling; whether it says anything new."""
        table = models.Ruling
        said: dict[Any, Any] = {"hidden": hidden, "staff_id": staff_id, "reason": reason, "date": now}
        if not hidden:
            # What was never hidden needs no ruling to be shown.
            updated = sa.update(table).where(table.sha256 == sha256, table.hidden).values(said).returning(table.sha256)
            return await session.scalar(updated) is not None
        insert = (postgresql.insert if self._database.is_postgresql else sqlite.insert)(table)
        written = (
            insert.values(sha256=sha256, **said)
            .on_conflict_do_update(index_elements=[table.sha256], set_=said, where=~table.hidden)
            .returning(table.sha256)
        )
        return await session.scalar(written) is not None


async def lock_image(session: AsyncSession, user_id: str, image_id: str) -> tuple[models.Task, models.Image]:
    """The task that an image belongs to, and the image: behind that lock nobody else publishes or deletes it.

    Raises ImageNotFound when it is not this owner's.
    """
    task = await session.scalar(
        sa.select(models.Task)
        .where(
            models.Task.user_id == user_id,
            models.Task.id.in_(sa.select(models.Image.task_id).where(models.Image.uuid == image_id)),
        )
        .with_for_update()
    )
    # Whoever had the lock before may have deleted the image.
    image = None if task is None else next((each for each in task.images if each.uuid == image_id), None)
    if task is None or image is None:
        raise ImageNotFound
    return task, image


async def _one(session: AsyncSession, gallery_id: str) -> Entry:
    return _entry(*(await session.execute(_ENTRIES.where(models.GalleryEntry.uuid == gallery_id))).one())


def _entry(
    row: models.GalleryEntry,
    image: models.Image | None,
    task: models.Task | None,
    found: models.Found | None,
    ruling: models.Ruling | None,
) -> Entry:
    parameters, user_id = None, ""
    if image is not None and task is not None:
        user_id = task.user_id
        # The start image and the mask are their owner's alone, and strength says nothing without them.
        if task.imported_from is None:
            drawn = rows.to_parameters(task).from_image(image.index)
            parameters = replace(drawn, seed=image.seed, samples=1, start_image=None, mask_upload_id="", strength=None)
    elif found is not None and found.settings is not None:
        parameters = ingredients.Parameters(**found.settings, samples=1)
    file = image or found
    assert file is not None  # the table's own check
    return Entry(
        gallery_id=row.uuid,
        user_id=user_id,
        image_id="" if image is None else image.uuid,
        image=values.Image(
            image_id=row.uuid,
            index=0,
            path=file.path if isinstance(file, models.Image) else file.kept or "",
            seed=0 if parameters is None else parameters.seed or 0,
            width=file.width,
            height=file.height,
            bytes=file.bytes,
            sha256=file.sha256,
            created=row.published,
            published=True,
        ),
        parameters=parameters,
        published=row.published,
        ruling=None
        if ruling is None
        else Ruling(hidden=ruling.hidden, staff_id=ruling.staff_id or "", reason=ruling.reason, ruled=ruling.date),
    )
