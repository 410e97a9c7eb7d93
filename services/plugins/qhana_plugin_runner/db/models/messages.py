"""Celery's messages, kept until what they ask for has come to an end: some brokers forget one as soon as it is read.

Who runs a message holds a lease on it; `due` is when it runs out. While a message waits, `due` is when it is sent once
more, should it have been lost. `generation` grows with every sending that stands for a run of its own, and is on
the message: of two copies, only the one with the generation kept here runs.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from qhana_plugin_runner.db.db import Base, UtcTime, utc_now
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column


class State:
    """Where a message is. A class of strings rather than an enum: they are compared in SQL alone."""

    WAITING = "waiting"
    """Sent, or to be sent again at `due`."""
    RUNNING = "running"
    """A child runs it, under a lease that `due` is the end of."""
    ENDED = "ended"
    """It ran, or never will. Kept for a while, so that a copy of it that still comes does not run."""
    CANCELLED = "cancelled"
    """It must not run, or is to be stopped."""


class KeptMessage(MappedAsDataclass, Base, eq=False, repr=False):
    """One Celery task that was sent."""

    __tablename__ = "kept_message"

    id: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    """Celery's id of the task."""
    name: Mapped[str] = mapped_column(sa.String(500))
    """The task's name."""
    queue: Mapped[str] = mapped_column(sa.String(255))
    body: Mapped[str] = mapped_column(sa.Text)
    """Arguments, keyword arguments, callbacks, errbacks and the rest of the chain, serialised."""
    content_type: Mapped[str] = mapped_column(sa.String(100))
    content_encoding: Mapped[str] = mapped_column(sa.String(100))
    headers: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    properties: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    due: Mapped[dt.datetime] = mapped_column(UtcTime)
    db_id: Mapped[int | None] = mapped_column(default=None)
    """The processing task it works for, where its arguments name one."""
    state: Mapped[str] = mapped_column(sa.String(20), default=State.WAITING)
    generation: Mapped[int] = mapped_column(default=1)
    losses: Mapped[int] = mapped_column(default=0)
    """How often it lost its worker or child."""
    sendings: Mapped[int] = mapped_column(default=1)
    """How often it was sent since it last waited; the pauses between grow with it."""
    worker: Mapped[str | None] = mapped_column(sa.String(255), default=None)
    """Who holds the lease."""
    changed: Mapped[dt.datetime] = mapped_column(UtcTime, default_factory=utc_now)

    __table_args__ = (
        sa.Index("ix_kept_message_state_due", "state", "due"),
        sa.Index("ix_kept_message_db_id", "db_id"),
    )
