"""The pictures that tasks begin from, in SQL: whose they are, and which uploads a task still needs."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.foundation.errors import InvalidInput
from services.tasks import models
from services.tasks.asking import modes
from services.tasks.asking.ingredients import Shape, Shapes, StartImage
from services.tasks.states import State
from services.tasks.store.base import Database
from services.tasks.store.owned import owned
from services.tasks.values import NewTask

UNENDED = models.Task.state.in_((State.PENDING, State.QUEUED, State.RUNNING))


def needed() -> sa.ColumnElement[bool]:
    """Whether a task of an upload's owner names it and has not ended."""
    named = sa.or_(models.Task.start_upload == models.Upload.uuid, models.Task.mask_upload == models.Upload.uuid)
    return sa.exists().where(UNENDED, models.Task.user_id == models.Upload.user_id, named)


async def shapes(
    session: AsyncSession, user_id: str, start: StartImage | None, mask_upload_id: str, *, reference: str
) -> Shapes:
    """The sizes of what is named; None for what this owner does not have, or the reference no task with."""
    begun = None
    if start is not None and start.upload_id:
        begun = await _upload(session, user_id, start.upload_id)
    elif start is not None:
        image = sa.select(models.Image.width, models.Image.height).join(models.Task)
        begun = await _shape(session, image.where(models.Image.uuid == start.image_id, owned(user_id, reference)))
    return Shapes(start=begun, mask=await _upload(session, user_id, mask_upload_id) if mask_upload_id else None)


async def use(database: Database, session: AsyncSession, new: NewTask) -> None:
    """Note that a task needs its uploads, in the transaction that inserts it. Raises InvalidInput when one is gone.

    Whoever forgets uploads does so behind the owner's lock, or passes over those that are locked.
    """
    start, mask = new.parameters.start_image, new.parameters.mask_upload_id
    named = {"start_image": "" if start is None else start.upload_id, "mask_upload_id": mask}
    if not any(named.values()):
        return
    await database.lock_owner(session, new.user_id)
    now = await database.now(session)
    for field, upload_id in named.items():
        own = sa.and_(models.Upload.uuid == upload_id, models.Upload.user_id == new.user_id)
        used = sa.update(models.Upload).where(own).values(used=now).returning(models.Upload.id)
        if upload_id and (await session.execute(used)).first() is None:
            raise InvalidInput.of(modes.not_there(field, upload_id))


async def _upload(session: AsyncSession, user_id: str, upload_id: str) -> Shape | None:
    upload = sa.select(models.Upload.width, models.Upload.height)
    return await _shape(session, upload.where(models.Upload.uuid == upload_id, models.Upload.user_id == user_id))


async def _shape(session: AsyncSession, query: sa.Select[int, int]) -> Shape | None:
    found = (await session.execute(query)).first()
    return None if found is None else Shape(width=found[0], height=found[1])
