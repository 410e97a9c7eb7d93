"""Everything of one person, in SQL, a batch at a time."""

from collections.abc import Sequence

import sqlalchemy as sa

from services.foundation.shielding import whole
from services.tasks import models
from services.tasks.people.erasure import Part
from services.tasks.states import State
from services.tasks.store.base import Database


class ErasureRows:
    """Reads and removes what a person has."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def unpublish(self, user_id: str, *, most: int) -> bool:
        """Take up to `most` of their images out of the gallery; whether there were any."""
        async with self._database.write() as session:
            entry = models.GalleryEntry
            of_theirs = (
                sa.select(entry.id)
                .join(models.Image, models.Image.id == entry.image_id)
                .join(models.Task, models.Task.id == models.Image.task_id)
                .where(models.Task.user_id == user_id)
                .limit(most)
            )
            removed = await session.execute(sa.delete(entry).where(entry.id.in_(of_theirs)).returning(entry.id))
            return bool(removed.all())

    @whole
    async def unlink(self, user_id: str) -> None:
        """Let every link to their images end."""
        async with self._database.write() as session:
            await session.execute(sa.delete(models.ImageLink).where(models.ImageLink.user_id == user_id))

    @whole
    async def forget_rulings(self, user_id: str) -> None:
        """Remove what staff said of their pictures, save of those that somebody else shows too."""
        async with self._database.write() as session:
            theirs = sa.select(models.Image.sha256).join(models.Task).where(models.Task.user_id == user_id)
            await session.execute(
                sa.delete(models.Ruling).where(
                    models.Ruling.sha256.in_(theirs),
                    ~sa.exists().where(models.GalleryEntry.sha256 == models.Ruling.sha256),
                )
            )

    @whole
    async def unended(self, user_id: str) -> Sequence[tuple[str, State]]:
        """Their tasks that wait or run; as many as one person may have waiting, and those that run."""
        async with self._database.read() as session:
            unended = models.Task.state.in_([state for state in State if not state.ended])
            found = sa.select(models.Task.uuid, models.Task.state).where(models.Task.user_id == user_id, unended)
            return [(task_id, State(state)) for task_id, state in await session.execute(found)]

    @whole
    async def finished(self, user_id: str, *, most: int) -> Sequence[Part]:
        """Up to `most` of their tasks that have ended and of which nobody must be told any more."""
        async with self._database.read() as session:
            tasks = await session.scalars(
                sa.select(models.Task)
                .where(models.Task.user_id == user_id, models.Task.state.in_([each for each in State if each.ended]))
                .where(~sa.exists().where(models.Settlement.hold_id == models.Task.uuid))
                .where(~sa.exists().where(models.Event.event_id == sa.literal("ended-").concat(models.Task.uuid)))
                .order_by(models.Task.id)
                .limit(most)
            )
            return [Part(name=task.uuid, paths=tuple(image.path for image in task.images)) for task in tasks]

    @whole
    async def remove_tasks(self, user_id: str, task_ids: Sequence[str]) -> None:
        """Remove tasks that have ended, with their images' rows."""
        async with self._database.write() as session:
            await session.execute(
                sa.delete(models.Task).where(models.Task.user_id == user_id, models.Task.uuid.in_(task_ids))
            )

    @whole
    async def uploads(self, user_id: str, *, most: int) -> Sequence[Part]:
        """Up to `most` of their uploads."""
        async with self._database.read() as session:
            found = sa.select(models.Upload.uuid, models.Upload.path).where(models.Upload.user_id == user_id)
            rows = await session.execute(found.order_by(models.Upload.id).limit(most))
            return [Part(name=upload_id, paths=(path,)) for upload_id, path in rows]

    @whole
    async def remove_uploads(self, user_id: str, upload_ids: Sequence[str]) -> None:
        """Remove uploads, also those that a task needs which is to be stopped."""
        async with self._database.write() as session:
            await session.execute(
                sa.delete(models.Upload).where(models.Upload.user_id == user_id, models.Upload.uuid.in_(upload_ids))
            )

    @whole
    async def close(self, user_id: str) -> bool:
        """Once nothing else is left, remove the person's counter and their name from what staff did; whether it is."""
        async with self._database.write() as session:
            for table in (models.Task, models.Upload, models.Settlement):
                if await session.scalar(sa.select(table.user_id).where(table.user_id == user_id).limit(1)) is not None:
                    return False
            await session.execute(sa.delete(models.Presence).where(models.Presence.user_id == user_id))
            await session.execute(sa.delete(models.Owner).where(models.Owner.user_id == user_id))
            await session.execute(
                sa.update(models.Ruling).where(models.Ruling.staff_id == user_id).values(staff_id=None)
            )
            deed = models.Deed
            nobody = {"user_id": "", "task_id": "", "gallery_id": "", "detail": ""}
            await session.execute(sa.update(deed).where(deed.user_id == user_id).values(nobody))
            await session.execute(sa.update(deed).where(deed.staff_id == user_id).values(staff_id=""))
            return True
