"""The statements on drawings. They wait for the database, so the follower calls them in threads.

Who follows a drawing holds a lease on its row. What is written here may be written twice, by a process that was held up
and the one that took over: each write is of a kind that does no harm then, or says whether it was the first.
"""

import time
from collections.abc import Callable, Collection, Sequence
from typing import IO, Any, Final, cast

import sqlalchemy as sa
from celery.exceptions import CeleryError
from flask import Flask
from kombu.exceptions import KombuError
from qhana_plugin_runner import identity
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.db.models.files import TaskFile
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, tell_change

from services.plugins.generation.clock import later, now
from services.plugins.generation.models import Drawing, DrawingPart, Stage
from services.plugins.generation.start_images import fetch_start_image
from services.plugins.generation.values import Held, Part, Standing

MOST_AT_ONCE: Final = 50
"""Drawings that one process begins to follow in one look."""
DatabaseAway: Final = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
"""What a statement raises that may work the next time."""


class Drawings:
    """Every drawing of the host, as one process sees them."""

    def __init__(self, flask: Flask, *, holder: str, lease_seconds: float) -> None:
        """`holder` is this process's name, which no other ever had."""
        self._flask, self._holder, self._lease = flask, holder, lease_seconds
        self._renewed = 0.0

    def look(self, held: Collection[int]) -> tuple[Sequence[Held], dict[int, Standing]]:
        """Take drawings that nobody follows, and see how those stand that are `held`; who is missing there is lost."""
        with self._flask.app_context():
            taken = [drawing for task_id in self._unfollowed(held) if (drawing := self._take(task_id)) is not None]
            if held and time.monotonic() - self._renewed >= self._lease / 3:
                self._change(Drawing.task_id.in_(held), Drawing.holder == self._holder, due=later(self._lease))
                self._renewed = time.monotonic()
            return taken, self._standings([*held, *(each.task_id for each in taken)])

    def release(self) -> None:
        """Follow nothing any longer; another process may take it all at once."""
        with self._flask.app_context():
            self._change(Drawing.holder == self._holder, holder=None, due=now())

    def fetch(self, task_id: int) -> None:
        """Have a worker fetch the picture that it begins from. Asked again, this is the same message."""
        with self._flask.app_context():
            drawing = DB.session.scalar(sa.select(Drawing).where(Drawing.task_id == task_id))
            if drawing is None:
                return
            work = fetch_start_image.s(db_id=task_id)
            work.link_error(save_task_error.s(db_id=task_id))
            try:
                with identity.on_behalf_of(drawing.owner):
                    work.apply_async(task_id=f"start-image-{drawing.reference}")
            except (CeleryError, KombuError) as error:
                # It is kept in the database, from where a worker's keeper sends it.
                self._flask.logger.warning("the broker is away: %r", error)

    def start_image(self, file_id: int) -> IO[bytes] | None:
        """The picture that was fetched, opened; None when it is gone."""
        with self._flask.app_context():
            file = TaskFile.get_by_id(file_id)
            return None if file is None else STORE.open(file)

    def uploaded(self, task_id: int, upload: str) -> str:
        """The ledger has the picture; the id of the upload that counts, which is the first."""
        with self._flask.app_context():
            self._change(Drawing.task_id == task_id, Drawing.upload.is_(None), upload=upload)
            found = DB.session.scalar(sa.select(Drawing.upload).where(Drawing.task_id == task_id))
            return found or upload

    def asked(self, task_id: int, number: int) -> None:
        """The ledger is about to be asked for this part."""
        self._change_part(task_id, number, asked=True)

    def submitted(self, task_id: int, number: int, ledger_task: str) -> None:
        """The ledger has accepted it."""
        self._change_part(task_id, number, ledger_task=ledger_task)

    def progress(self, task_id: int, value: int, target: int) -> None:
        """So many steps are done, of so many; fewer than were told before are not told."""

        def note(task: ProcessingTask) -> None:
            task.progress_start, task.progress_target, task.progress_unit = 0, target, "steps"
            task.progress_value = min(target, max(value, task.progress_value or 0))

        self._note(task_id, note)

    def say(self, task_id: int, sentence: str) -> None:
        """A line for the processing task's log."""
        self._note(task_id, lambda task: task.add_task_log_entry(sentence))

    def fail(self, task_id: int, sentence: str) -> None:
        """The processing task ends as failed with this sentence, unless it has ended."""
        with self._flask.app_context():
            if not self._end_drawing(task_id):
                return
            task = self._open_task(task_id)
            if task is not None:
                task.task_status, task.finished_at = "FAILURE", utc_now()
                task.clear_previous_step()
                task.add_task_log_entry(sentence)
            DB.session.commit()

    def is_settled(self, task_id: int) -> bool:
        """Whether its processing task has ended, or is gone, and it is this process that follows it."""
        with self._flask.app_context():
            standing = self._standings([task_id]).get(task_id)
            return standing is not None and (standing.over or standing.stage == Stage.ENDED)

    def tell(self, task_id: int) -> None:
        """Tell who subscribed that the processing task has ended, if it was ended here; possibly a second time."""
        with self._flask.app_context():
            if DB.session.scalar(sa.select(Drawing.stage).where(Drawing.task_id == task_id)) == Stage.ENDED:
                self._tell(task_id, "status", "details")

    def forget(self, task_id: int) -> None:
        """Nothing is left to be done; nothing happens where that is not so, or another process follows it."""
        goes_on = sa.exists().where(ProcessingTask.id == Drawing.task_id, ProcessingTask.finished_at.is_(None))
        with self._flask.app_context(), DB.engine.begin() as connection:
            # Its parts go with it.
            connection.execute(
                sa.delete(Drawing).where(
                    Drawing.task_id == task_id,
                    Drawing.holder == self._holder,
                    (Drawing.stage == Stage.ENDED) | ~goes_on,
                )
            )

    def hear(self, reference: str) -> None:
        """An event came of a ledger task with this reference."""
        with self._flask.app_context():
            self._change(Drawing.reference == reference, news=Drawing.news + 1)

    def end_well(self, task_id: int) -> ProcessingTask | None:
        """In the caller's app context and transaction: the drawing ends with its processing task.

        None where somebody else has ended it, or this process follows it no longer; the caller then rolls back.
        """
        return self._open_task(task_id) if self._end_drawing(task_id) else None

    def _end_drawing(self, task_id: int) -> bool:
        # The row's lock: of two processes that think they follow it, the second finds it ended.
        done = sa.update(Drawing).where(
            Drawing.task_id == task_id, Drawing.holder == self._holder, Drawing.stage != Stage.ENDED
        )
        result = DB.session.execute(done.values(stage=Stage.ENDED).execution_options(synchronize_session=False))
        return cast(sa.CursorResult[Any], result).rowcount > 0

    def _open_task(self, task_id: int) -> ProcessingTask | None:
        found = sa.select(ProcessingTask).where(ProcessingTask.id == task_id).with_for_update()
        task = DB.session.scalar(found.execution_options(populate_existing=True))
        return None if task is None or task.is_finished else task

    def _unfollowed(self, held: Collection[int]) -> Sequence[int]:
        due = sa.select(Drawing.task_id).where(Drawing.due <= now(), Drawing.task_id.not_in(held))
        return DB.session.scalars(due.order_by(Drawing.due, Drawing.task_id).limit(MOST_AT_ONCE)).all()

    def _take(self, task_id: int) -> Held | None:
        ours = self._change(
            Drawing.task_id == task_id, Drawing.due <= now(), holder=self._holder, due=later(self._lease)
        )
        row = DB.session.scalar(sa.select(Drawing).where(Drawing.task_id == task_id)) if ours else None
        if row is None:
            return None
        parts = sa.select(DrawingPart).where(DrawingPart.task_id == task_id).order_by(DrawingPart.number)
        return Held(
            task_id=row.task_id, reference=row.reference, delegation=row.delegation, stage=row.stage,
            upload=row.upload, start_file=row.start_file, listed=row.listed,
            parts=[
                Part(number=each.number, parameters=each.parameters, asked=each.asked, ledger_task=each.ledger_task)
                for each in DB.session.scalars(parts)
            ],
        )  # fmt: skip

    def _standings(self, held: Collection[int]) -> dict[int, Standing]:
        if not held:
            return {}
        asked = (
            sa.select(
                Drawing.task_id, Drawing.stage, Drawing.start_file, Drawing.news,
                ProcessingTask.id.is_(None) | ProcessingTask.finished_at.is_not(None),
            )
            .outerjoin(ProcessingTask, ProcessingTask.id == Drawing.task_id)
            .where(Drawing.task_id.in_(held), Drawing.holder == self._holder)
        )  # fmt: skip
        return {
            task_id: Standing(stage=stage, start_file=start_file, news=news, over=bool(over))
            for task_id, stage, start_file, news, over in DB.session.execute(asked)
        }

    def _note(self, task_id: int, note: Callable[[ProcessingTask], object]) -> None:
        with self._flask.app_context():
            # SQLite locks no row that is read: without this a line could be written over that of the end.
            followed = sa.update(Drawing).where(
                Drawing.task_id == task_id, Drawing.holder == self._holder, Drawing.stage != Stage.ENDED
            )
            DB.session.execute(followed.values(news=Drawing.news).execution_options(synchronize_session=False))
            task = self._open_task(task_id)
            if task is None:
                return
            note(task)
            DB.session.commit()
            self._tell(task_id, "details")

    @staticmethod
    def _tell(task_id: int, *kinds: str) -> None:
        task = ProcessingTask.get_by_id(task_id)
        if task is not None:
            # What is sent to a worker for it is sent for its owner.
            with identity.on_behalf_of(task.owner):
                tell_change(task_id, *kinds)

    def _change(self, *which: sa.ColumnElement[bool], **values: Any) -> bool:
        with DB.engine.begin() as connection:
            return connection.execute(sa.update(Drawing).where(*which).values(**values)).rowcount > 0

    def _change_part(self, task_id: int, number: int, **values: Any) -> None:
        with self._flask.app_context(), DB.engine.begin() as connection:
            which = (DrawingPart.task_id == task_id, DrawingPart.number == number)
            connection.execute(sa.update(DrawingPart).where(*which).values(**values))
