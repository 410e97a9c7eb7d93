"""Links to set a new password with. A new table only: the version still running does not notice."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

ROW_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "reset_links",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("user_id", sa.String(length=42), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("issued_by", sa.String(length=42), nullable=True),
        sa.Column("created_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["issued_by"], ["users.uuid"], name="fk_reset_links_issued_by"),
        sa.ForeignKeyConstraint(["user_id"], ["users.uuid"], name="fk_reset_links_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_reset_links"),
        sa.UniqueConstraint("secret_hash", name="uq_reset_links_secret_hash"),
        sa.UniqueConstraint("user_id", name="uq_reset_links_user_id"),
    )


def downgrade() -> None:
    """Remove the table; links that were handed out are void."""
    op.drop_table("reset_links")
