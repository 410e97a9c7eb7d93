"""Tasks as dispatchers deal with them: claims, heartbeats, images, ends. Every write is fenced by its lease."""

import datetime as dt
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.foundation.shielding import whole
from services.tasks import models, states, values
from services.tasks.errors import LeaseLost
from services.tasks.states import State
from services.tasks.store import rows
from services.tasks.store.base import Database

WORKERS_LOST = values.Failure(
    blame=values.Blame.WORKER,
    reason="WORKER_LOST",
    message=f"The worker was lost {states.MAX_ATTEMPTS} times while drawing this.",
)


class Leases:
    """The dispatchers' side of the ledger."""

    def __init__(self, database: Database, *, owner: str, seconds: float) -> None:
        """`owner` names this dispatcher and no other that ever was; a lease not renewed for `seconds` is over."""
        self._database = database
        self._owner = owner
        self._length = dt.timedelta(seconds=seconds)

    @whole
    async def claim(
        self, target: str, *, model_names: Sequence[str], slots: int
    ) -> tuple[values.Lease, values.Task] | None:
        """Put the first waiting task the worker can run on it; None when there is none, or no slot is free.

        Claims for one worker go one by one behind its row, so that leases never exceed its slots, whoever claims.
        """
        async with self._database.write() as session:
            worker = models.Worker.target
            if await session.scalar(sa.select(worker).where(worker == target).with_for_update()) is None:
                return None
            running = await session.scalar(
                sa.select(sa.func.count())
                .select_from(models.Task)
                .where(models.Task.state == State.RUNNING, models.Task.worker == target)
            )
            if (running or 0) >= slots:
                return None
            row = await session.scalar(
                sa.select(models.Task)
                .where(models.Task.state == State.QUEUED, models.Task.model.in_(model_names))
                .order_by(models.Task.place)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if row is None:
                return None
            now = await self._database.now(session)
            row.attempt += 1
            row.lease_owner, row.lease_until, row.worker = self._owner, now + self._length, target
            row.started = row.started or now
            row.step = row.steps_total = 0
            await self._database.touch(session, row)
            await self._database.move(session, row, State.RUNNING)
            return values.Lease(task_id=row.uuid, owner=self._owner, attempt=row.attempt), rows.to_task(row)

    @whole
    async def beat(self, lease: values.Lease, *, step: int, steps_total: int) -> bool:
        """Renew the lease and keep the progress; whether the task is to stop. Raises LeaseLost."""
        async with self._database.write() as session:
            row = await self._held(session, lease)
            row.lease_until = await self._database.now(session) + self._length
            if (row.step, row.steps_total) != (step, steps_total):
                row.step, row.steps_total = step, steps_total
                await self._database.touch(session, row)
            return row.cancel_requested

    @whole
    async def admitted(self, lease: values.Lease, *, seed: int) -> values.Task:
        """Keep the seed the worker drew, so that a later attempt goes on with the same. Raises LeaseLost."""
        async with self._database.write() as session:
            row = await self._held(session, lease)
            if row.seed is None:
                row.seed = seed
            return await self._database.touch(session, row)

    @whole
    async def deliver(self, lease: values.Lease, image: values.Image) -> values.Task:
        """Add an image whose file is safely stored; a repeat changes nothing. Raises LeaseLost."""
        async with self._database.write() as session:
            row = await self._held(session, lease)
            # A repeat whose image was deleted in the meantime must not bring it back.
            if any(there.path == image.path for there in row.images) or row.deleted >> image.index & 1:
                return rows.to_task(row)
            row.images.append(rows.from_image(image))
            return await self._database.touch(session, row)

    @whole
    async def end(self, lease: values.Lease, state: State, failure: values.Failure | None = None) -> values.Task:
        """End the task. Raises LeaseLost, and ValueError for a success without every image."""
        async with self._database.write() as session:
            row = await self._held(session, lease)
            if state is State.SUCCEEDED and rows.delivered(row) != row.samples:
                raise ValueError(
                    f"task {row.uuid} cannot have succeeded with {rows.delivered(row)} of {row.samples} images"
                )
            return await self._database.end(session, row, state, failure)

    @whole
    async def give_back(self, lease: values.Lease, *, lost: bool) -> values.Task:
        """Put the task back at the head of the line; `lost` spends one of its attempts. Raises LeaseLost."""
        async with self._database.write() as session:
            return await self._return(session, await self._held(session, lease), lost=lost)

    @whole
    async def expire_one(self) -> values.Task | None:
        """Put back one task whose dispatcher stopped renewing its lease; None when there is none."""
        async with self._database.write() as session:
            now = await self._database.now(session)
            row = await session.scalar(
                sa.select(models.Task)
                .where(models.Task.state == State.RUNNING, models.Task.lease_until < now)
                .order_by(models.Task.place)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            return None if row is None else await self._return(session, row, lost=True)

    @whole
    async def waiting_models(self) -> frozenset[str]:
        """The models of the tasks that wait."""
        async with self._database.read() as session:
            waiting = sa.select(models.Task.model).where(models.Task.state == State.QUEUED).distinct()
            return frozenset(await session.scalars(waiting))

    @whole
    async def fail_one(self, model_name: str, failure: values.Failure) -> values.Task | None:
        """End one task that waits for a model; None when there is none."""
        async with self._database.write() as session:
            row = await session.scalar(
                sa.select(models.Task)
                .where(models.Task.state == State.QUEUED, models.Task.model == model_name)
                .order_by(models.Task.place)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            return None if row is None else await self._database.end(session, row, State.FAILED, failure)

    async def _return(self, session: AsyncSession, row: models.Task, *, lost: bool) -> values.Task:
        row.lost += int(lost)
        row.left_worker, row.left_at = row.worker, await self._database.now(session)
        if row.cancel_requested:
            return await self._database.end(session, row, State.CANCELLED)
        if rows.delivered(row) == row.samples:
            # Lost between the last image and the end: all was delivered, nothing is left to draw.
            return await self._database.end(session, row, State.SUCCEEDED)
        if row.lost >= states.MAX_ATTEMPTS:
            return await self._database.end(session, row, State.FAILED, WORKERS_LOST)
        row.lease_owner = row.lease_until = row.worker = None
        row.step = row.steps_total = 0
        await self._database.touch(session, row)
        await self._database.move(session, row, State.QUEUED)
        return rows.to_task(row)

    @staticmethod
    async def _held(session: AsyncSession, lease: values.Lease) -> models.Task:
        row = await session.scalar(
            sa.select(models.Task)
            .where(
                models.Task.uuid == lease.task_id,
                models.Task.state == State.RUNNING,
                models.Task.lease_owner == lease.owner,
                models.Task.attempt == lease.attempt,
            )
            .with_for_update()
        )
        if row is None:
            raise LeaseLost
        return row
