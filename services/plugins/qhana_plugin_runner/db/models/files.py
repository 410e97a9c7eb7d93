"""Files of processing tasks: what they put out, and what they hold between their own steps."""

import datetime as dt
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa
from qhana_plugin_runner.db.db import DB, Base, UtcTime, utc_now
from qhana_plugin_runner.db.models.saving import Saved, row_number
from sqlalchemy.orm import Mapped, mapped_column, relationship

if TYPE_CHECKING:
    from qhana_plugin_runner.db.models.tasks import ProcessingTask

TEMPORARY: Final = "temp-file"
"""The type of a file that is no result."""


class TaskFile(Saved, Base, eq=False, repr=False):
    """Where a file of a task is; the file itself is in the store that `storage_provider` names."""

    __tablename__ = "task_file"

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    task: Mapped["ProcessingTask"] = relationship(back_populates="outputs")
    security_tag: Mapped[str] = mapped_column(sa.String(64))
    """Whoever knows it may read the file."""
    storage_provider: Mapped[str] = mapped_column(sa.String(64))
    file_name: Mapped[str] = mapped_column(sa.String(500), index=True)
    file_storage_data: Mapped[str] = mapped_column(sa.Text)
    """What the store needs to find it again: a path, or a URL."""
    file_type: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    """Its data type, such as `entity/list`."""
    mimetype: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    created_at: Mapped[dt.datetime] = mapped_column(UtcTime, default_factory=utc_now)
    task_id: Mapped[int] = mapped_column(
        sa.ForeignKey("processing_task.id", ondelete="CASCADE"), index=True, init=False, default=None
    )

    @classmethod
    def get_task_result_files(cls, task: "int | str | ProcessingTask") -> list["TaskFile"]:
        """What the task has put out, in the order of its making; nothing temporary."""
        task_id = row_number(task) if isinstance(task, int | str) else task.id
        ours = sa.select(cls).where(cls.task_id == task_id, cls.file_type != TEMPORARY).order_by(cls.id)
        return list(DB.session.scalars(ours))
