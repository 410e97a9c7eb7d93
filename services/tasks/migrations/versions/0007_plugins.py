"""What plugins need: tasks that hold a brought picture, whose delegation a task was submitted in, links to images."""

import sqlalchemy as sa
from alembic import op

from services.foundation.database import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make a table, and two columns that a version without them leaves empty, as for a task like any other."""
    op.add_column("task", sa.Column("imported_from", sa.String(64), nullable=True))
    op.add_column("task", sa.Column("reference", sa.String(64), nullable=True))
    # Counted whenever somebody imports; of those who do not, there is nothing in it.
    there = sa.text("imported_from IS NOT NULL")
    op.create_index("ix_task_imported", "task", ["user_id", "date"], postgresql_where=there, sqlite_where=there)
    op.create_table(
        "image_link",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("hash", sa.String(64), nullable=False, unique=True),
        sa.Column("image_id", KEY, sa.ForeignKey("image.id", ondelete="CASCADE"), nullable=False),
        sa.Column("user_id", sa.String(42), nullable=False),
        sa.Column("until", UtcDateTime, nullable=False),
    )
    op.create_index("ix_image_link_image", "image_link", ["image_id"])
    op.create_index("ix_image_link_owner", "image_link", ["user_id", "id"])
    op.create_index("ix_image_link_until", "image_link", ["until"])


def downgrade() -> None:
    """Remove them; links stop working, and an imported picture looks like one that was drawn."""
    op.drop_table("image_link")
    op.drop_index("ix_task_imported", "task")
    op.drop_column("task", "reference")
    op.drop_column("task", "imported_from")
