"""What staff did, and which worker a task left unfinished."""

import sqlalchemy as sa
from alembic import op

from services.foundation.database import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make a table, and two columns that a version without them leaves empty."""
    op.create_table(
        "deed",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("uuid", sa.String(42), nullable=False, unique=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("staff_id", sa.String(42), nullable=False),
        sa.Column("user_id", sa.String(42), nullable=False),
        sa.Column("task_id", sa.String(42), nullable=False),
        sa.Column("gallery_id", sa.String(42), nullable=False),
        sa.Column("detail", sa.String(200), nullable=False),
        sa.Column("date", UtcDateTime, nullable=False),
    )
    op.create_index("ix_deed_staff", "deed", ["staff_id"])
    op.create_index("ix_deed_user", "deed", ["user_id"])
    op.add_column("task", sa.Column("left_worker", sa.String(256), nullable=True))
    op.add_column("task", sa.Column("left_at", UtcDateTime, nullable=True))
    # Of the few tasks that ever left a worker; the others cost it nothing.
    there = sa.text("left_worker IS NOT NULL")
    op.create_index("ix_task_left", "task", ["left_worker", "left_at"], postgresql_where=there, sqlite_where=there)


def downgrade() -> None:
    """Remove them, and with the table what staff did."""
    op.drop_index("ix_task_left", "task")
    op.drop_column("task", "left_at")
    op.drop_column("task", "left_worker")
    op.drop_table("deed")
