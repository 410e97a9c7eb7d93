"""Tasks as their owners deal with them: admission, cancelling, reading. A `reference` leaves only the tasks of that.

A PENDING row is no accepted task yet: owners see it only once its price is held.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from services.foundation.errors import Unavailable
from services.foundation.shielding import whole
from services.tasks import models, values
from services.tasks.asking import ingredients
from services.tasks.asking.ingredients import Shapes, StartImage
from services.tasks.states import State
from services.tasks.store import rows, sources
from services.tasks.store.base import QUEUE_ID, Database
from services.tasks.store.owned import owned

ACCEPTED: Final = models.Task.state != State.PENDING
ADMIT_TRIES: Final = 5


class Tasks:
    """Reads and writes tasks for their owners."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def find_request(self, user_id: str, request_id: str) -> values.Task | None:
        """The task an earlier call with this request_id made, PENDING ones included."""
        async with self._database.read() as session:
            found = await session.scalar(
                sa.select(models.Task).where(models.Task.user_id == user_id, models.Task.request_id == request_id)
            )
            return None if found is None else rows.to_task(found)

    @whole
    async def admit(self, new: values.NewTask, *, limit: int, limit_each: int | None = None) -> values.Task | None:
        """Insert a PENDING task if fewer than `limit` wait, and fewer than `limit_each` of this owner's; else None.

        The place in the queue is taken by one conditional statement in the insert's own transaction, so both bounds
        hold however many submit at once. A request_id that is there already gives its task. Raises Unavailable when
        others submit and undo the same request_id all the time, and InvalidInput when an upload it needs is gone.
        """
        for _ in range(ADMIT_TRIES):
            try:
                if (admitted := await self._insert(new, limit, limit_each)) is not None:
                    return admitted
                full = True
            except IntegrityError:
                # The unique request_id: the rollback gave the place back.
                full = False
            existing = await self.find_request(new.user_id, new.request_id)
            if full or existing is not None:
                return existing
            # Whoever had the request_id has undone it since, so that it is free again.
        raise Unavailable(retry_after=1)

    async def _insert(self, new: values.NewTask, limit: int, limit_each: int | None) -> values.Task | None:
        async with self._database.write() as session:
            room = [models.Queue.id == QUEUE_ID, models.Queue.waiting < limit]
            if limit_each is not None:
                # The owner before the queue, as everywhere. Behind this lock no other submission of the owner's is
                # under way, so that the count in the statement below, which begins after it, is exact.
                await self._database.lock_owner(session, new.user_id)
                room.append(_waiting_of(new.user_id) < limit_each)
            await sources.use(self._database, session, new)
            place = await session.scalar(
                sa.update(models.Queue)
                .where(*room)
                .values(waiting=models.Queue.waiting + 1, last_place=models.Queue.last_place + 1)
                .returning(models.Queue.last_place)
            )
            if place is None:
                return None
            row = rows.from_new(new)
            row.place, row.date = place, await self._database.now(session)
            session.add(row)
            await session.flush()
            return rows.to_task(row)

    @whole
    async def shapes(
        self, user_id: str, start: StartImage | None, mask_upload_id: str, *, reference: str = ""
    ) -> Shapes:
        """The sizes of the pictures that are named; None for what this owner does not have."""
        async with self._database.read() as session:
            return await sources.shapes(session, user_id, start, mask_upload_id, reference=reference)

    @whole
    async def confirm(self, task_id: str) -> values.Task | None:
        """Queue a task whose price is held; as it stands when that was done before; None when it was undone."""
        async with self._database.write() as session:
            row = await self._lock(session, models.Task.uuid == task_id)
            if row is None or State(row.state) is not State.PENDING:
                return None if row is None else rows.to_task(row)
            await self._database.touch(session, row)
            await self._database.move(session, row, State.QUEUED)
            return rows.to_task(row)

    @whole
    async def undo(self, task_id: str) -> bool:
        """Remove a PENDING task and see to it that its hold, should it exist or still arrive, is released.

        One that is being confirmed at this moment stays.
        """
        async with self._database.write() as session:
            # The queue first, as in an admission, which would wait with the queue locked for the request_id that is
            # being removed here. Who has the task locked is passed over, so this never waits with the queue locked.
            await session.execute(sa.select(models.Queue.id).where(models.Queue.id == QUEUE_ID).with_for_update())
            row = await session.scalar(
                sa.select(models.Task)
                .where(models.Task.uuid == task_id, models.Task.state == State.PENDING)
                .with_for_update(skip_locked=True)
            )
            if row is None:
                return False
            session.add(
                models.Settlement(
                    hold_id=row.uuid,
                    user_id=row.user_id,
                    charge=0,
                    reason="not accepted",
                    due=await self._database.now(session),
                )
            )
            await session.delete(row)
            await session.execute(
                sa.update(models.Queue).where(models.Queue.id == QUEUE_ID).values(waiting=models.Queue.waiting - 1)
            )
            return True

    @whole
    async def waiting_of(self, user_id: str) -> int:
        """How many tasks of this owner's take up a place in the queue."""
        async with self._database.read() as session:
            return await session.scalar(sa.select(_waiting_of(user_id))) or 0

    @whole
    async def abandoned(self, *, older_than: dt.timedelta) -> Sequence[str]:
        """Tasks that have been PENDING for longer: whoever submitted them is gone."""
        async with self._database.read() as session:
            before = await self._database.now(session) - older_than
            found = await session.scalars(
                sa.select(models.Task.uuid).where(models.Task.state == State.PENDING, models.Task.date < before)
            )
            return found.all()

    @whole
    async def cancel(self, user_id: str, task_id: str, *, reference: str = "") -> values.Task | None:
        """End a waiting task, or note on a running one that it is to stop; None when it is not this owner's."""
        async with self._database.write() as session:
            row = await self._lock(session, models.Task.uuid == task_id, owned(user_id, reference), ACCEPTED)
            if row is None:
                return None
            return await self._database.stop(session, row) or rows.to_task(row)

    @whole
    async def get(self, user_id: str, task_id: str, *, reference: str = "") -> values.Task | None:
        """An accepted task of this owner's."""
        async with self._database.read() as session:
            row = await session.scalar(
                sa.select(models.Task).where(models.Task.uuid == task_id, owned(user_id, reference), ACCEPTED)
            )
            return None if row is None else rows.to_task(row)

    @whole
    async def image(self, user_id: str, image_id: str, *, reference: str = "") -> values.Image | None:
        """An image of a task of this owner's."""
        async with self._database.read() as session:
            row = await session.scalar(
                sa.select(models.Image)
                .join(models.Task, models.Task.id == models.Image.task_id)
                .where(models.Image.uuid == image_id, owned(user_id, reference))
            )
            return None if row is None else rows.to_image(row)

    @whole
    async def page(
        self,
        user_id: str,
        *,
        session_id: str,
        states: Sequence[State],
        words: str = "",
        only: Collection[str] = (),
        before: int | None,
        size: int,
    ) -> tuple[tuple[values.Task, ...], int | None]:
        """Up to `size` accepted tasks, newest first, and what to give as `before` for the next page.

        Only those whose prompt contains `words`, any case, and of those whose ids are `only` these where there are any.
        """
        query = sa.select(models.Task).where(models.Task.user_id == user_id, ACCEPTED)
        if session_id:
            query = query.where(models.Task.sessionid == session_id)
        if states:
            query = query.where(models.Task.state.in_(states))
        if words:
            query = query.where(models.Task.prompt.icontains(words, autoescape=True))
        if only:
            query = query.where(models.Task.uuid.in_(only))
        if before is not None:
            query = query.where(models.Task.id < before)
        async with self._database.read() as session:
            found = (await session.scalars(query.order_by(models.Task.id.desc()).limit(size + 1))).all()
        following = found[size - 1].id if len(found) > size else None
        return tuple(rows.to_task(row) for row in found[:size]), following

    @whole
    async def changes(self, user_id: str, *, session_id: str, after: int, limit: int) -> values.Changes:
        """The accepted tasks that changed after a revision, at most `limit`; for 0, the newest `limit`.

        A revision that was never reached, from another database or made up, counts as 0.
        """
        query = sa.select(models.Task).where(models.Task.user_id == user_id, ACCEPTED)
        if session_id:
            query = query.where(models.Task.sessionid == session_id)
        async with self._database.read() as session:
            # Read before the tasks: a change between the two is told twice rather than never.
            revision = await session.scalar(sa.select(models.Owner.revision).where(models.Owner.user_id == user_id))
            revision = revision or 0
            if not 0 < after <= revision:
                newest = await session.scalars(query.order_by(models.Task.id.desc()).limit(limit))
                tasks = sorted((rows.to_task(row) for row in newest), key=lambda task: task.revision)
                return values.Changes(revision=revision, tasks=tuple(tasks), more=False)
            found = await session.scalars(
                query.where(models.Task.revision > after).order_by(models.Task.revision).limit(limit + 1)
            )
            tasks = [rows.to_task(row) for row in found]
        if len(tasks) > limit:
            return values.Changes(revision=tasks[limit - 1].revision, tasks=tuple(tasks[:limit]), more=True)
        return values.Changes(revision=max(revision, after), tasks=tuple(tasks), more=False)

    @whole
    async def in_line(self) -> tuple[values.InLine, ...]:
        """Every task that waits or runs, in queue order."""
        task = models.Task
        # Asked for often, of a queue that may be long: the columns that count, and no objects made of them.
        query = (
            sa.select(
                task.uuid, task.state, task.place, task.attempt, task.model, task.imgw, task.imgh, task.guide,
                task.samples, task.steps, task.strength, task.step, task.steps_total,
            )
            .where(task.state.in_((State.QUEUED, State.RUNNING)))
            .order_by(task.place)
        )  # fmt: skip
        async with self._database.read() as session:
            return tuple(
                values.InLine(
                    task_id=row.uuid,
                    state=State(row.state),
                    place=row.place,
                    attempt=row.attempt,
                    model=row.model,
                    width=row.imgw,
                    height=row.imgh,
                    guidance=row.guide,
                    samples=row.samples,
                    steps_run=ingredients.steps_run(row.steps, row.strength),
                    step=row.step,
                    steps_total=row.steps_total,
                )
                for row in await session.execute(query)
            )

    @whole
    async def has_images(self) -> bool:
        """Whether any image was ever stored with this database, of the tasks that it still knows."""
        async with self._database.read() as session:
            for trace in (sa.select(models.Image.id), sa.select(models.Task.id).where(models.Task.deleted != 0)):
                if await session.scalar(trace.limit(1)) is not None:
                    return True
            return False

    @whole
    async def known_files(self, paths: Sequence[str]) -> frozenset[str]:
        """Which of these files some row speaks of."""
        async with self._database.read() as session:
            images = await session.scalars(sa.select(models.Image.path).where(models.Image.path.in_(paths)))
            uploads = await session.scalars(sa.select(models.Upload.path).where(models.Upload.path.in_(paths)))
            found = await session.scalars(sa.select(models.Found.kept).where(models.Found.kept.in_(paths)))
            return frozenset((*images, *uploads, *(path for path in found if path)))

    @staticmethod
    async def _lock(session: AsyncSession, *conditions: sa.ColumnElement[bool]) -> models.Task | None:
        return await session.scalar(sa.select(models.Task).where(*conditions).with_for_update())


def _waiting_of(user_id: str) -> sa.ScalarSelect[int]:
    return (
        sa.select(sa.func.count())
        .select_from(models.Task)
        .where(models.Task.user_id == user_id, models.Task.state.in_((State.PENDING, State.QUEUED)))
        .scalar_subquery()
    )
