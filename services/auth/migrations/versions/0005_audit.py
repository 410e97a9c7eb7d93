"""What staff did. A new table only: the version still running does not notice."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"

ROW_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "deeds",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("deed_id", sa.String(length=42), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("staff_id", sa.String(length=42), nullable=False),
        sa.Column("user_id", sa.String(length=42), nullable=False),
        sa.Column("code_id", sa.String(length=42), nullable=False),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("created_time", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deeds"),
        sa.UniqueConstraint("deed_id", name="uq_deeds_deed_id"),
    )
    op.create_index("ix_deeds_staff_id", "deeds", ["staff_id"])
    op.create_index("ix_deeds_user_id", "deeds", ["user_id"])


def downgrade() -> None:
    """Remove the table, and with it what staff did."""
    op.drop_table("deeds")
