"""Codes that staff hand out, and who redeemed them. New tables only: the version still running does not notice."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

ROW_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "codes",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("code_id", sa.String(length=42), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("max_redemptions", sa.Integer(), nullable=False),
        sa.Column("redemptions", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.String(length=42), nullable=True),
        sa.Column("created_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_time", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("tokens >= 0", name=op.f("ck_codes_tokens_not_negative")),
        sa.CheckConstraint(
            "redemptions >= 0 AND redemptions <= max_redemptions", name=op.f("ck_codes_redemptions_within_bound")
        ),
        sa.ForeignKeyConstraint(["created_by"], ["users.uuid"], name="fk_codes_created_by"),
        sa.PrimaryKeyConstraint("id", name="pk_codes"),
        sa.UniqueConstraint("code_id", name="uq_codes_code_id"),
        sa.UniqueConstraint("secret_hash", name="uq_codes_secret_hash"),
    )
    op.create_table(
        "redemptions",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("code_id", sa.String(length=42), nullable=False),
        sa.Column("user_id", sa.String(length=42), nullable=False),
        sa.Column("created_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["code_id"], ["codes.code_id"], name="fk_redemptions_code_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.uuid"], name="fk_redemptions_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_redemptions"),
        sa.UniqueConstraint("code_id", "user_id", name="uq_redemptions_code_id_user_id"),
    )
    op.create_index("ix_redemptions_user_id", "redemptions", ["user_id"])


def downgrade() -> None:
    """Remove both tables; what was redeemed stays in the ledger."""
    op.drop_table("redemptions")
    op.drop_table("codes")
