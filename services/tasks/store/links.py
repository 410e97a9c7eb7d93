"""Links to images, in SQL. A link goes with its image, and so with its owner."""

import datetime as dt

import sqlalchemy as sa

from services.foundation.shielding import whole
from services.tasks import models, values
from services.tasks.store import rows
from services.tasks.store.base import Database
from services.tasks.store.gallery import lock_image


class Links:
    """Reads and writes links."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def add(self, user_id: str, image_id: str, *, link_hash: str, lasts: dt.timedelta, most: int) -> dt.datetime:
        """Add a link to an image, in the place of the oldest where the owner has more than `most`; when it ends.

        Raises ImageNotFound when the image is not this owner's.
        """
        link = models.ImageLink
        async with self._database.write() as session:
            _, image = await lock_image(session, user_id, image_id)
            # The owner after the task, as everywhere: no two of theirs at once count, or remove, the same links.
            await self._database.lock_owner(session, user_id)
            until = await self._database.now(session) + lasts
            session.add(link(hash=link_hash, image_id=image.id, user_id=user_id, until=until))
            await session.flush()
            oldest = sa.select(link.id).where(link.user_id == user_id).order_by(link.id.desc()).offset(most).limit(1)
            await session.execute(sa.delete(link).where(link.user_id == user_id, link.id <= oldest.scalar_subquery()))
            return until

    @whole
    async def find(self, link_hash: str) -> values.Image | None:
        """The image that a link leads to; None where it has ended or never was."""
        link = models.ImageLink
        async with self._database.read() as session:
            now = await self._database.now(session)
            image = await session.scalar(
                sa.select(models.Image)
                .join(link, link.image_id == models.Image.id)
                .where(link.hash == link_hash, link.until > now)
            )
            return None if image is None else rows.to_image(image)

    @whole
    async def remove_ended(self) -> None:
        """Remove the rows of links that have ended."""
        async with self._database.write() as session:
            now = await self._database.now(session)
            await session.execute(sa.delete(models.ImageLink).where(models.ImageLink.until <= now))
