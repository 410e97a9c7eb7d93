"""The gallery: images that were published, pictures found in the data folder, what staff said; and deleted images."""

import sqlalchemy as sa
from alembic import op

from services.foundation.database import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make three tables, and a column that a version without it leaves at its default."""
    op.add_column("task", sa.Column("deleted", sa.Integer, nullable=False, server_default="0"))
    op.create_table(
        "found",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("path", sa.String(512), nullable=False, unique=True),
        sa.Column("stamp", sa.String(128), nullable=False),
        sa.Column("refused", sa.String(256)),
        sa.Column("kept", sa.String(512), unique=True),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("date", UtcDateTime, nullable=False),
        sa.Column("settings", sa.JSON),
    )
    op.create_table(
        "gallery",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("uuid", sa.String(42), nullable=False, unique=True),
        sa.Column("image_id", KEY, sa.ForeignKey("image.id", ondelete="CASCADE"), unique=True),
        sa.Column("found_id", KEY, sa.ForeignKey("found.id", ondelete="CASCADE"), unique=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("published", UtcDateTime, nullable=False),
        sa.CheckConstraint("(image_id IS NULL) <> (found_id IS NULL)", name="ck_gallery_one"),
    )
    op.create_index("ix_gallery_sha256", "gallery", ["sha256"])
    op.create_table(
        "ruling",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("hidden", sa.Boolean, nullable=False),
        sa.Column("staff_id", sa.String(42)),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("date", UtcDateTime, nullable=False),
    )


def downgrade() -> None:
    """Remove the tables and the column."""
    for table in ("ruling", "gallery", "found"):
        op.drop_table(table)
    op.drop_column("task", "deleted")
