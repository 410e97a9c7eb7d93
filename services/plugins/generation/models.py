"""What is asked of the ledger for a processing task, kept from the request on until nothing is left to be done.

A row has no foreign key to its processing task on purpose: that one may be deleted while its pictures are being drawn,
and then the row is what remembers that they are to be cancelled.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from qhana_plugin_runner.db.db import Base, UtcTime
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from services.plugins.generation.clock import ANY_TIME


class Stage:
    """How far a drawing is. A class of strings rather than an enum: they are compared in SQL alone."""

    FETCHING = "fetching"
    """A worker reads the picture that it begins from."""
    DRAWING = "drawing"
    """The ledger is asked, or is to be."""
    ENDED = "ended"
    """The processing task has ended by us; who subscribed to it is to be told, and the delegation to be ended."""


class Drawing(MappedAsDataclass, Base, eq=False, repr=False):
    """Everything that one processing task has drawn."""

    __tablename__ = "drawing"

    task_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The processing task's number, which is never used twice."""
    reference: Mapped[str] = mapped_column(sa.String(40), unique=True)
    """The processing task's public id: request ids at the ledger begin with it."""
    owner: Mapped[str] = mapped_column(sa.String(64))
    """In whose name, and at whose cost."""
    delegation: Mapped[str] = mapped_column(sa.String(100))
    """auth's id of the right to do so."""
    stage: Mapped[str] = mapped_column(sa.String(20))
    start_url: Mapped[str | None] = mapped_column(sa.Text, default=None)
    """Where the picture is that it begins from."""
    start_file: Mapped[int | None] = mapped_column(default=None)
    """The temporary file with it, once it was fetched."""
    upload: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    """The ledger's id of it, once it was uploaded."""
    listed: Mapped[bool] = mapped_column(default=False)
    """Whether a file of entities is put out as well: prompt, seed and file of each picture."""
    holder: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    """Which process follows it, under a lease."""
    due: Mapped[dt.datetime] = mapped_column(UtcTime, default=ANY_TIME)
    """When the lease is over, by the database's clock: from then on anybody may take it."""
    news: Mapped[int] = mapped_column(default=0)
    """Grows with every event that came of it: whoever follows it looks again."""

    __table_args__ = (sa.Index("ix_drawing_due", "due"),)


class DrawingPart(MappedAsDataclass, Base, eq=False, repr=False):
    """One task of the ledger."""

    __tablename__ = "drawing_part"

    task_id: Mapped[int] = mapped_column(sa.ForeignKey("drawing.task_id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Counts from 0."""
    parameters: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    """Fields of the ledger's Parameters by their names; what is left out takes the model's defaults."""
    asked: Mapped[bool] = mapped_column(default=False)
    """The ledger may know of it: the request was about to be sent."""
    ledger_task: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    """The ledger's id of it, once that has answered."""
