"""The ledger's tables.

`task` and `image` hold all that the studio's first schema held, under its names, and what a queue that loses nothing
needs beside it. Ids that leave this service are the `uuid` columns; the integers stay inside.
"""

import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.foundation import inbox_table, outbox_table
from services.foundation.database import UtcDateTime

# SQLite numbers rows by itself only where the key is exactly INTEGER.
Key = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Base(DeclarativeBase):
    """The tables of this service."""


class Task(Base):
    """One generation, from the moment its owner asked for it."""

    __tablename__ = "task"
    __table_args__ = (
        sa.UniqueConstraint("user_id", "request_id", name="uq_task_request"),
        sa.Index("ix_task_line", "state", "place"),
        sa.Index("ix_task_revision", "user_id", "revision"),
        sa.Index("ix_task_session", "user_id", "sessionid", "id"),
        sa.Index(
            "ix_task_left",
            "left_worker",
            "left_at",
            postgresql_where=sa.text("left_worker IS NOT NULL"),
            sqlite_where=sa.text("left_worker IS NOT NULL"),
        ),
        sa.Index(
            "ix_task_imported",
            "user_id",
            "date",
            postgresql_where=sa.text("imported_from IS NOT NULL"),
            sqlite_where=sa.text("imported_from IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    uuid: Mapped[str] = mapped_column(sa.String(42), unique=True)
    user_id: Mapped[str] = mapped_column(sa.String(42))
    sessionid: Mapped[str] = mapped_column(sa.String(42))
    request_id: Mapped[str] = mapped_column(sa.String(64))
    digest: Mapped[str] = mapped_column(sa.String(64))
    prompt: Mapped[str] = mapped_column(sa.String(512))
    negative_prompt: Mapped[str] = mapped_column(sa.String(512))
    model: Mapped[str] = mapped_column(sa.String(128))
    sampler: Mapped[str] = mapped_column(sa.String(64))
    imgw: Mapped[int] = mapped_column()
    imgh: Mapped[int] = mapped_column()
    samples: Mapped[int] = mapped_column()
    steps: Mapped[int] = mapped_column()
    guide: Mapped[float] = mapped_column(sa.Double)
    # NULL until it is drawn: 0 is a seed like any other and must never stand for "none".
    seed: Mapped[int | None] = mapped_column(sa.BigInteger)
    state: Mapped[str] = mapped_column(sa.String(32))
    price: Mapped[int] = mapped_column(sa.BigInteger)
    charged: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    place: Mapped[int] = mapped_column(sa.BigInteger)
    revision: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    lost: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    lease_owner: Mapped[str | None] = mapped_column(sa.String(64))
    lease_until: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    worker: Mapped[str | None] = mapped_column(sa.String(256))
    # The worker that it last left unfinished, and when: what became of what a silent one held.
    left_worker: Mapped[str | None] = mapped_column(sa.String(256))
    left_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    step: Mapped[int] = mapped_column(default=0)
    steps_total: Mapped[int] = mapped_column(default=0)
    blame: Mapped[str | None] = mapped_column(sa.String(16))
    error_reason: Mapped[str | None] = mapped_column(sa.String(64))
    error_message: Mapped[str | None] = mapped_column(sa.String(1024))
    date: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    started: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    finished: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    timer: Mapped[int | None] = mapped_column(sa.BigInteger)
    settled: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    # The studio page submitted it, so it may be cancelled when its owner leaves.
    from_studio: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    # A bit for each image that was delivered and that its owner has deleted since: bit n for image n.
    deleted: Mapped[int] = mapped_column(default=0, server_default="0")
    # At most one of the two. No foreign keys: an ended task remembers what may be gone.
    start_upload: Mapped[str | None] = mapped_column(sa.String(42))
    start_image: Mapped[str | None] = mapped_column(sa.String(42))
    mask_upload: Mapped[str | None] = mapped_column(sa.String(42))
    strength: Mapped[float | None] = mapped_column(sa.Double)
    variation_seed: Mapped[int | None] = mapped_column(sa.BigInteger)
    variation_strength: Mapped[float] = mapped_column(sa.Double, default=0.0, server_default="0")
    guidance_rescale: Mapped[float] = mapped_column(sa.Double, default=0.0, server_default="0")
    clip_skip: Mapped[int] = mapped_column(default=0, server_default="0")
    # Pairs of name and weight.
    adapters: Mapped[list[tuple[str, float]]] = mapped_column(sa.JSON, default=list, server_default="[]")
    # What made the picture, where it was not drawn here; then nothing but prompt, size and samples means anything.
    imported_from: Mapped[str | None] = mapped_column(sa.String(64))
    # The plugin's task in whose delegation it was submitted.
    reference: Mapped[str | None] = mapped_column(sa.String(64))
    images: Mapped[list["Image"]] = relationship(order_by="Image.index", lazy="selectin", passive_deletes=True)


class Image(Base):
    """A finished image of a task; the file came first."""

    __tablename__ = "image"
    __table_args__ = (sa.UniqueConstraint("task_id", "index", name="uq_image_index"),)

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    task_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("task.id", ondelete="CASCADE"))
    index: Mapped[int] = mapped_column()
    path: Mapped[str] = mapped_column(sa.String(512), unique=True)
    uuid: Mapped[str] = mapped_column(sa.String(42), unique=True)
    seed: Mapped[int] = mapped_column(sa.BigInteger)
    width: Mapped[int] = mapped_column()
    height: Mapped[int] = mapped_column()
    bytes: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    date: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    entry: Mapped["GalleryEntry | None"] = relationship(lazy="joined", viewonly=True)


class Found(Base):
    """A file that lies in the data folder's gallery, as the last look at it left it."""

    __tablename__ = "found"

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    path: Mapped[str] = mapped_column(sa.String(512), unique=True)
    # Another stamp means that the file has changed since.
    stamp: Mapped[str] = mapped_column(sa.String(128))
    # Why it is not shown; the columns below are then empty.
    refused: Mapped[str | None] = mapped_column(sa.String(256))
    # The PNG that was made from it, which is what is shown, never the file itself.
    kept: Mapped[str | None] = mapped_column(sa.String(512), unique=True)
    width: Mapped[int] = mapped_column(default=0)
    height: Mapped[int] = mapped_column(default=0)
    bytes: Mapped[int] = mapped_column(sa.BigInteger, default=0)
    sha256: Mapped[str] = mapped_column(sa.String(64), default="")
    date: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    # What it was made with, by the names of `Parameters`, where it is one of ours and says so.
    settings: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON(none_as_null=True))


class GalleryEntry(Base):
    """Something in the gallery: an image of a task, or a picture that was found. Later ones have larger ids."""

    __tablename__ = "gallery"
    __table_args__ = (
        sa.CheckConstraint("(image_id IS NULL) <> (found_id IS NULL)", name="ck_gallery_one"),
        sa.Index("ix_gallery_sha256", "sha256"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    uuid: Mapped[str] = mapped_column(sa.String(42), unique=True)
    image_id: Mapped[int | None] = mapped_column(Key, sa.ForeignKey("image.id", ondelete="CASCADE"), unique=True)
    found_id: Mapped[int | None] = mapped_column(Key, sa.ForeignKey("found.id", ondelete="CASCADE"), unique=True)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    published: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    ruling: Mapped["Ruling | None"] = relationship(
        primaryjoin="foreign(GalleryEntry.sha256) == Ruling.sha256", lazy="joined", viewonly=True
    )


class Ruling(Base):
    """What staff last said of a picture: of its content, so that no new name or entry escapes it."""

    __tablename__ = "ruling"

    sha256: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    hidden: Mapped[bool] = mapped_column()
    staff_id: Mapped[str | None] = mapped_column(sa.String(42))
    reason: Mapped[str] = mapped_column(sa.String(200))
    date: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Deed(Base):
    """What somebody of the staff did. Only a deleted account's name is ever taken out of it."""

    __tablename__ = "deed"
    __table_args__ = (sa.Index("ix_deed_staff", "staff_id"), sa.Index("ix_deed_user", "user_id"))

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    uuid: Mapped[str] = mapped_column(sa.String(42), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(32))
    staff_id: Mapped[str] = mapped_column(sa.String(42))
    user_id: Mapped[str] = mapped_column(sa.String(42))
    task_id: Mapped[str] = mapped_column(sa.String(42))
    gallery_id: Mapped[str] = mapped_column(sa.String(42))
    detail: Mapped[str] = mapped_column(sa.String(200))
    date: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Upload(Base):
    """A picture somebody brought; the file came first."""

    __tablename__ = "upload"
    __table_args__ = (sa.Index("ix_upload_owner", "user_id", "used"), sa.Index("ix_upload_used", "used"))

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    uuid: Mapped[str] = mapped_column(sa.String(42), unique=True)
    user_id: Mapped[str] = mapped_column(sa.String(42))
    path: Mapped[str] = mapped_column(sa.String(512), unique=True)
    width: Mapped[int] = mapped_column()
    height: Mapped[int] = mapped_column()
    bytes: Mapped[int] = mapped_column(sa.BigInteger)
    sha256: Mapped[str] = mapped_column(sa.String(64))
    date: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    # When a task last asked for it, or when it came.
    used: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class ImageLink(Base):
    """A way to one image for whoever has the secret, of which only this hash is kept."""

    __tablename__ = "image_link"
    __table_args__ = (
        sa.Index("ix_image_link_image", "image_id"),
        sa.Index("ix_image_link_owner", "user_id", "id"),
        sa.Index("ix_image_link_until", "until"),
    )

    id: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    hash: Mapped[str] = mapped_column(sa.String(64), unique=True)
    image_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("image.id", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(sa.String(42))
    until: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Owner(Base):
    """A person's counter of changes. Its row lock puts the changes of one owner in the order they commit in."""

    __tablename__ = "owner"

    user_id: Mapped[str] = mapped_column(sa.String(42), primary_key=True)
    revision: Mapped[int] = mapped_column(sa.BigInteger)
    # What they chose for their tasks when they leave the studio.
    cancel_on_leave: Mapped[bool] = mapped_column(default=False, server_default=sa.false())


class Presence(Base):
    """A session in which the studio is open, or was until a moment ago; removed once it was seen that it is no more."""

    __tablename__ = "presence"
    __table_args__ = (sa.Index("ix_presence_until", "until"), sa.Index("ix_presence_user", "user_id"))

    session_id: Mapped[str] = mapped_column(sa.String(42), primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.String(42))
    until: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Queue(Base):
    """The one row that admission goes through: how many wait, and the place that was given last."""

    __tablename__ = "queue"
    __table_args__ = (sa.CheckConstraint("waiting >= 0", name="ck_queue_waiting"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    waiting: Mapped[int] = mapped_column(sa.BigInteger)
    last_place: Mapped[int] = mapped_column(sa.BigInteger)


class Worker(Base):
    """A worker as it was last seen, so that a restart knows its limits and claims can be counted against its slots."""

    __tablename__ = "worker"

    target: Mapped[str] = mapped_column(sa.String(256), primary_key=True)
    capabilities: Mapped[bytes] = mapped_column(sa.LargeBinary)
    seen: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class Settlement(outbox_table.Waiting, Base):
    """A hold that auth must still be told the end of; removed once it acknowledged."""

    __tablename__ = "settlement"
    __table_args__ = (sa.Index("ix_settlement_due", "due"),)

    hold_id: Mapped[str] = mapped_column(sa.String(42), primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.String(42))
    charge: Mapped[int] = mapped_column(sa.BigInteger)
    reason: Mapped[str] = mapped_column(sa.String(200))


class Event(outbox_table.Waiting, Base):
    """A completion event that JetStream must still store; removed once it acknowledged."""

    __tablename__ = "outbox"
    __table_args__ = (sa.Index("ix_outbox_due", "due"),)

    event_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    payload: Mapped[bytes] = mapped_column(sa.LargeBinary)


class Inbox(inbox_table.Done, Base):
    """An event of another service's that was acted on."""

    __tablename__ = "inbox"
    __table_args__ = (sa.Index("ix_inbox_done", "done"),)
