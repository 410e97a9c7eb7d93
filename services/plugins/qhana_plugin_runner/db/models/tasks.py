"""Processing tasks: what somebody asked a plugin for, its steps, files and links, and who is told of its changes.

`id` is the number that plugins pass as `db_id`. Nobody outside is told it: URLs carry `public_id`, which cannot be
guessed. It is a number too, as programs in the wild take what follows `/tasks/` for digits. `revision` grows with every
change that is saved, so that who watches a task sees that there is news.
"""

import datetime as dt
import secrets
from collections.abc import Callable
from typing import Any, Final, Optional

import sqlalchemy as sa
from qhana_plugin_runner import identity
from qhana_plugin_runner.db.db import DB, Base, UtcTime, utc_now
from qhana_plugin_runner.db.models.files import TaskFile
from qhana_plugin_runner.db.models.mutable_json import JSON_LIKE, MutableJSON
from qhana_plugin_runner.db.models.saving import Saved, row_number
from sqlalchemy.ext.orderinglist import ordering_list
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

__all__ = ["ProcessingTask", "Step", "StepNotCleared", "TaskFile", "TaskLink", "TaskUpdateSubscription"]

FAILED: Final = frozenset({"FAILURE", "ERROR"})
"""`ERROR` is what the contract's text says; programs read `FAILURE`, and that is what they get."""
_NUMBERED: Final[Callable[..., Any]] = ordering_list("number")
_OWNED: Final = "all, delete-orphan"


def _reference() -> Mapped[int]:
    return mapped_column(sa.ForeignKey("processing_task.id", ondelete="CASCADE"), index=True, init=False, default=None)


def _unguessable() -> str:
    """36 digits, which are 118 bits of chance; longer than any `id`."""
    return str(10**35 + secrets.randbelow(9 * 10**35))


class StepNotCleared(AssertionError):
    """The step before was not cleared, so that another one cannot follow it."""


class Step(Saved, Base, eq=False, repr=False):
    """A step of a task that asks for input; steps are only ever added, and only the last may await its input."""

    __tablename__ = "step"

    id: Mapped[int] = mapped_column(sa.ForeignKey("processing_task.id", ondelete="CASCADE"), primary_key=True)
    """The task's."""
    step_id: Mapped[str] = mapped_column(sa.String(500))
    """A stable name of where in the computation this is, such as `step1.step2b`."""
    number: Mapped[int] = mapped_column(primary_key=True, init=False)
    """Counts from 0."""
    href: Mapped[str] = mapped_column(sa.Text)
    """Takes the step's input; an absolute URL."""
    ui_href: Mapped[str] = mapped_column(sa.Text)
    """Shows the step's form; an absolute URL."""
    cleared: Mapped[bool] = mapped_column(default=False)
    """Whether it has got its input."""

    @classmethod
    def get_by_id(cls, id_: int | str) -> list["Step"]:  # type: ignore[override]
        """Every step of the task with this id, in order."""
        return list(DB.session.scalars(sa.select(cls).where(cls.id == row_number(id_)).order_by(cls.number)))


class ProcessingTask(Saved, Base, eq=False, repr=False):
    """One request to a plugin, until long after it is finished."""

    __tablename__ = "processing_task"
    # Numbers are not used twice: what still works for a deleted task must not find another one.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy reads it as it is

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    task_name: Mapped[str] = mapped_column(sa.String(500))
    """What computes it: a Celery task's name."""
    started_at: Mapped[dt.datetime] = mapped_column(UtcTime, default_factory=utc_now)
    finished_at: Mapped[dt.datetime | None] = mapped_column(UtcTime, default=None, index=True)
    parameters: Mapped[str] = mapped_column(sa.Text, default="")
    """What was asked for, as the plugin wrote it."""
    data: Mapped[JSON_LIKE] = mapped_column(MutableJSON, default_factory=dict)
    """What a plugin keeps from one step to the next; changes at any depth are noticed."""
    multi_step: Mapped[bool] = mapped_column(default=False)
    steps: Mapped[list[Step]] = relationship(
        default_factory=_NUMBERED,
        order_by=Step.number,
        collection_class=_NUMBERED,
        cascade=_OWNED,
        passive_deletes=True,
    )
    current_step: Mapped[int] = mapped_column(default=-1)
    """The number of the step added last; -1 before the first."""
    progress_value: Mapped[float | None] = mapped_column(default=None)
    progress_start: Mapped[float] = mapped_column(default=0)
    progress_target: Mapped[float] = mapped_column(default=100)
    progress_unit: Mapped[str] = mapped_column(sa.String(100), default="%")
    task_status: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    """What it came to; counts once it is finished."""
    task_log: Mapped[str | None] = mapped_column(sa.Text, default="")
    outputs: Mapped[list[TaskFile]] = relationship(
        default_factory=list, back_populates="task", order_by=TaskFile.id, cascade=_OWNED, passive_deletes=True
    )
    links: Mapped[list["TaskLink"]] = relationship(
        default_factory=list, back_populates="task", cascade=_OWNED, passive_deletes=True
    )
    subscriptions: Mapped[list["TaskUpdateSubscription"]] = relationship(
        default_factory=list, back_populates="task", cascade=_OWNED, passive_deletes=True
    )
    public_id: Mapped[str] = mapped_column(sa.String(40), unique=True, init=False, default_factory=_unguessable)
    owner: Mapped[str | None] = mapped_column(
        sa.String(64), default_factory=identity.current_user_id, index=True, kw_only=True
    )
    """Daydream's user that it belongs to: who asked for it, in a request or by what runs for them in a worker.

    None where the host runs alone.
    """
    trace: Mapped[str | None] = mapped_column(sa.Text, default=None, init=False)
    """The traceback of what failed, for staff alone."""
    revision: Mapped[int] = mapped_column(default=0, init=False)

    @property
    def is_finished(self) -> bool:
        """Whether it has come to an end, well or not."""
        return self.finished_at is not None

    @property
    def is_ok(self) -> bool:
        """Whether it has ended well."""
        return self.task_status == "SUCCESS"

    @property
    def status(self) -> str:
        """`PENDING` until it is finished, then what it came to: `SUCCESS`, `FAILURE`, or `UNKNOWN` if nobody said."""
        if not self.is_finished:
            return "PENDING"
        return "FAILURE" if self.task_status in FAILED else self.task_status or "UNKNOWN"

    @property
    def has_uncleared_step(self) -> bool:
        """Whether a step awaits its input."""
        return any(not step.cleared for step in self.steps)

    def clear_previous_step(self, commit: bool = False) -> None:
        """The input of the last step is there; without a step this does nothing."""
        if not self.steps:
            return
        self.steps[-1].cleared = True
        self.save(commit=commit)

    def add_next_step(self, href: str, ui_href: str, step_id: str, commit: bool = False) -> None:
        """Ask for input. Raises StepNotCleared while the step before still awaits its own."""
        if self.has_uncleared_step:
            raise StepNotCleared(f"step {self.steps[-1].step_id!r} must be cleared before {step_id!r} is added")
        self.multi_step = True
        self.steps.append(Step(id=self.id, step_id=step_id, href=href, ui_href=ui_href))
        self.current_step = len(self.steps) - 1
        self.save(commit=commit)

    def add_task_log_entry(self, task_log: str, commit: bool = False) -> None:
        """Add lines to the log."""
        self.task_log = f"{self.task_log}\n{task_log}" if self.task_log else task_log
        self.save(commit=commit)

    @classmethod
    def get_by_public_id(cls, public_id: str) -> Optional["ProcessingTask"]:
        """The task that a URL names; None when there is none."""
        return DB.session.scalar(sa.select(cls).where(cls.public_id == public_id))


class TaskLink(Saved, Base, eq=False, repr=False):
    """A link that a task shows beside its results."""

    __tablename__ = "task_link"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    task: Mapped[ProcessingTask] = relationship(back_populates="links")
    type: Mapped[str] = mapped_column(sa.String(255))
    """What it leads to."""
    href: Mapped[str] = mapped_column(sa.Text)
    task_id: Mapped[int] = _reference()


class TaskUpdateSubscription(Saved, Base, eq=False, repr=False):
    """Somebody who is told of a task's changes by a POST."""

    __tablename__ = "task_update_subscription"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    task: Mapped[ProcessingTask] = relationship(back_populates="subscriptions")
    webhook_href: Mapped[str] = mapped_column(sa.Text)
    """Where to POST."""
    task_href: Mapped[str] = mapped_column(sa.Text)
    """The task's URL, as the subscriber knows it."""
    event_type: Mapped[str | None] = mapped_column(sa.String(100), default=None)
    """`status`, `steps` or `details`; None for all of them."""
    task_id: Mapped[int] = _reference()

    @classmethod
    def get_by_task_and_event(
        cls, task: ProcessingTask | int | str, event: str | None
    ) -> list["TaskUpdateSubscription"]:
        """Whom an event of this type concerns."""
        ours = cls.task_id == (task.id if isinstance(task, ProcessingTask) else row_number(task))
        asked = sa.true() if event is None else sa.or_(cls.event_type.is_(None), cls.event_type == event)
        return list(DB.session.scalars(sa.select(cls).where(ours, asked).order_by(cls.id)))

    @classmethod
    def get_by_task_and_subscriber(
        cls, task: ProcessingTask | int | str, webhook_href: str, event: Any = ...
    ) -> list["TaskUpdateSubscription"]:
        """What this webhook has subscribed to; with `event`, which may be None, for that alone."""
        ours = cls.task_id == (task.id if isinstance(task, ProcessingTask) else row_number(task))
        found = sa.select(cls).where(ours, cls.webhook_href == webhook_href)
        if event is not ...:
            found = found.where(cls.event_type.is_(None) if event is None else cls.event_type == event)
        return list(DB.session.scalars(found))


@sa.event.listens_for(DB.session, "before_flush")
def _count_changes(session: Session, _context: object, _instances: object) -> None:
    changed: set[ProcessingTask] = set()
    for each in (*session.new, *session.dirty, *session.deleted):
        if not session.is_modified(each) and each not in session.new and each not in session.deleted:
            continue
        if isinstance(each, ProcessingTask):
            changed.add(each)
        elif isinstance(each, TaskFile | TaskLink) and each.task is not None:
            changed.add(each.task)
        elif isinstance(each, Step) and each.id is not None:
            # Without a number its task is new as well, and counted as such.
            task = session.get(ProcessingTask, each.id)
            changed |= {task} if task is not None else set()
    for task in changed - set(session.deleted):
        task.revision = (task.revision or 0) + 1
