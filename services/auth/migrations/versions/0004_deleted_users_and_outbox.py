"""When an account was deleted, and the events that say so.

The version still running writes no deleted account and reads no event, so it does not notice either.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"


def upgrade() -> None:
    """Add the column and the table."""
    op.add_column("users", sa.Column("deleted_time", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "outbox",
        sa.Column("event_id", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_due", "outbox", ["due"])


def downgrade() -> None:
    """Remove both; who was deleted stays without a name, and events that nobody was told are lost."""
    op.drop_table("outbox")
    op.drop_column("users", "deleted_time")
