"""Sign-ins at the plugin host, and delegations.

New tables only. The version still running ends a session by removing its row, and what hangs on that goes with it.
"""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"

ROW_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "sign_in_codes",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("session_id", sa.String(length=42), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.session_id"], name="fk_sign_in_codes_session_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sign_in_codes"),
        sa.UniqueConstraint("secret_hash", name="uq_sign_in_codes_secret_hash"),
    )
    op.create_index("ix_sign_in_codes_session_id", "sign_in_codes", ["session_id"])
    op.create_table(
        "sign_ins",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("session_id", sa.String(length=42), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.session_id"], name="fk_sign_ins_session_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sign_ins"),
        sa.UniqueConstraint("secret_hash", name="uq_sign_ins_secret_hash"),
    )
    op.create_index("ix_sign_ins_session_id", "sign_ins", ["session_id"])
    op.create_table(
        "delegations",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("delegation_id", sa.String(length=42), nullable=False),
        sa.Column("user_id", sa.String(length=42), nullable=False),
        sa.Column("session_id", sa.String(length=42), nullable=False),
        sa.Column("reference", sa.String(length=48), nullable=False),
        sa.Column("created_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_time", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.uuid"], name="fk_delegations_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_delegations"),
        sa.UniqueConstraint("delegation_id", name="uq_delegations_delegation_id"),
        sa.UniqueConstraint("user_id", "reference", name="uq_delegations_user_id_reference"),
    )


def downgrade() -> None:
    """Remove the tables; whoever was signed in at the plugin host signs in anew, and what plugins began stops."""
    op.drop_table("delegations")
    op.drop_table("sign_ins")
    op.drop_table("sign_in_codes")
