"""Who has the studio open, what becomes of tasks when they leave, and which events of others were acted on."""

import sqlalchemy as sa
from alembic import op

from services.foundation.database import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make two tables, and two columns that a version without them leaves at their defaults."""
    op.add_column("task", sa.Column("from_studio", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("owner", sa.Column("cancel_on_leave", sa.Boolean, nullable=False, server_default=sa.false()))
    op.create_table(
        "presence",
        sa.Column("session_id", sa.String(42), primary_key=True),
        sa.Column("user_id", sa.String(42), nullable=False),
        sa.Column("until", UtcDateTime, nullable=False),
    )
    op.create_index("ix_presence_until", "presence", ["until"])
    op.create_index("ix_presence_user", "presence", ["user_id"])
    op.create_table(
        "inbox",
        sa.Column("event_id", sa.String(64), primary_key=True),
        sa.Column("done", UtcDateTime, nullable=False),
    )
    op.create_index("ix_inbox_done", "inbox", ["done"])


def downgrade() -> None:
    """Remove the tables and the columns."""
    op.drop_table("inbox")
    op.drop_table("presence")
    op.drop_column("owner", "cancel_on_leave")
    op.drop_column("task", "from_studio")
