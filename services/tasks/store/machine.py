"""Everybody's tasks, and what is known of workers, in SQL: what staff ask for."""

import datetime as dt
from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from services.foundation.shielding import whole
from services.tasks import models, values
from services.tasks.machine.crew import Known
from services.tasks.machine.deeds import DeedKind
from services.tasks.states import State
from services.tasks.store import deeds, rows
from services.tasks.store.base import Database
from services.tasks.store.tasks import ACCEPTED


class Machine:
    """Reads everybody's tasks, and stops one."""

    def __init__(self, database: Database) -> None:
        """Nothing connects yet."""
        self._database = database

    @whole
    async def page(
        self, *, task_id: str, user_id: str, states: Sequence[State], words: str, before: int | None, size: int
    ) -> tuple[tuple[values.Task, ...], int | None]:
        """Up to `size` accepted tasks, newest first, and what to give as `before` for the next page."""
        query = sa.select(models.Task).where(ACCEPTED)
        if task_id:
            query = query.where(models.Task.uuid == task_id)
        if user_id:
            query = query.where(models.Task.user_id == user_id)
        if states:
            query = query.where(models.Task.state.in_(states))
        if words:
            query = query.where(models.Task.prompt.icontains(words, autoescape=True))
        if before is not None:
            query = query.where(models.Task.id < before)
        async with self._database.read() as session:
            found = (await session.scalars(query.order_by(models.Task.id.desc()).limit(size + 1))).all()
        following = found[size - 1].id if len(found) > size else None
        return tuple(rows.to_task(row) for row in found[:size]), following

    @whole
    async def cancel(self, task_id: str, *, staff_id: str, reason: str) -> tuple[values.Task, bool] | None:
        """End a waiting task, or note on a running one that it is to stop, and write down who did it.

        With the task comes whether anything changed. None when there is no such task.
        """
        async with self._database.write() as session:
            row = await session.scalar(
                sa.select(models.Task).where(models.Task.uuid == task_id, ACCEPTED).with_for_update()
            )
            if row is None:
                return None
            stopped = await self._database.stop(session, row)
            if stopped is None:
                return rows.to_task(row), False
            await deeds.note(
                self._database,
                session,
                DeedKind.TASK_CANCELLED,
                by=staff_id,
                user_id=row.user_id,
                task_id=task_id,
                detail=reason,
            )
            return stopped, True

    @whole
    async def line(self, *, most_waiting: int) -> Sequence[values.Task]:
        """The tasks that run, in the order they were taken in, then the first of those that wait, in theirs."""
        task = models.Task
        running = sa.select(task).where(task.state == State.RUNNING).order_by(task.place)
        waiting = sa.select(task).where(task.state == State.QUEUED).order_by(task.place).limit(most_waiting)
        async with self._database.read() as session:
            found = {row.uuid: rows.to_task(row) for row in await session.scalars(running)}
            # One that was taken between the two reads stands where the later one found it.
            found |= {row.uuid: rows.to_task(row) for row in await session.scalars(waiting)}
        return tuple(found.values())

    @whole
    async def count_images(self, user_ids: Sequence[str]) -> Mapping[str, int]:
        """How many images each of them keeps; who has none is not there."""
        counted = (
            sa.select(models.Task.user_id, sa.func.count(models.Image.id).label("number"))
            .join(models.Image, models.Image.task_id == models.Task.id)
            .where(models.Task.user_id.in_(user_ids))
            .group_by(models.Task.user_id)
        )
        async with self._database.read() as session:
            return {row.user_id: row.number for row in await session.execute(counted)}

    @whole
    async def known_workers(self) -> Mapping[str, Known]:
        """Every worker that was ever seen, by its address."""
        async with self._database.read() as session:
            found = await session.scalars(sa.select(models.Worker))
            return {row.target: Known(capabilities=row.capabilities, seen=row.seen) for row in found}

    @whole
    async def held(self) -> Mapping[str, Sequence[str]]:
        """The running tasks' ids, by the worker that each is on, in the order they were taken in."""
        query = (
            sa.select(models.Task.worker, models.Task.uuid)
            .where(models.Task.state == State.RUNNING)
            .order_by(models.Task.place)
        )
        held: dict[str, list[str]] = {}
        async with self._database.read() as session:
            for worker, task_id in await session.execute(query):
                held.setdefault(worker or "", []).append(task_id)
        return held

    @whole
    async def left(self, target: str, *, since: dt.datetime) -> Mapping[State, int]:
        """Where tasks are now that left a worker unfinished since a moment: how many in which state."""
        query = (
            sa.select(models.Task.state, sa.func.count())
            .where(models.Task.left_worker == target, models.Task.left_at >= since)
            .group_by(models.Task.state)
        )
        async with self._database.read() as session:
            return {State(state): number for state, number in await session.execute(query)}
