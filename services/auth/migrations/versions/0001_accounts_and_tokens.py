"""Accounts, sessions, API keys, the token ledger and holds."""

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

# SQLite numbers rows by itself only where the key is a plain INTEGER.
ROW_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "users",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("uuid", sa.String(length=42), nullable=False),
        sa.Column("session_id", sa.String(length=42), nullable=True),
        sa.Column("email", sa.String(length=128), nullable=False),
        sa.Column("mobile", sa.String(length=12), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=32), nullable=False),
        sa.Column("first_name", sa.String(length=32), nullable=False),
        sa.Column("last_name", sa.String(length=32), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("state", sa.Boolean(), nullable=False),
        sa.Column("subscription", sa.Integer(), nullable=False),
        sa.Column("created_time", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("tokens >= 0", name=op.f("ck_users_tokens_not_negative")),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
        sa.UniqueConstraint("session_id", name="uq_users_session_id"),
        sa.UniqueConstraint("uuid", name="uq_users_uuid"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("api_key_id", sa.String(length=42), nullable=False),
        sa.Column("user_id", sa.String(length=42), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("created_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_time", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.uuid"], name="fk_api_keys_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("api_key_id", name="uq_api_keys_api_key_id"),
        sa.UniqueConstraint("secret_hash", name="uq_api_keys_secret_hash"),
    )
    op.create_index("ix_api_keys_user_id", "api_keys", ["user_id"])
    op.create_table(
        "holds",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("hold_id", sa.String(length=64), nullable=False),
        sa.Column("user_id", sa.String(length=42), nullable=False),
        sa.Column("tokens", sa.BigInteger(), nullable=False),
        sa.Column("charge", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_time", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("charge >= 0 AND charge <= tokens", name=op.f("ck_holds_charge_within_tokens")),
        sa.CheckConstraint("tokens >= 0", name=op.f("ck_holds_tokens_not_negative")),
        sa.ForeignKeyConstraint(["user_id"], ["users.uuid"], name="fk_holds_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_holds"),
        sa.UniqueConstraint("hold_id", name="uq_holds_hold_id"),
    )
    op.create_index(
        "ix_holds_open",
        "holds",
        ["user_id"],
        postgresql_where=sa.text("charge IS NULL"),
        sqlite_where=sa.text("charge IS NULL"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("session_id", sa.String(length=42), nullable=False),
        sa.Column("user_id", sa.String(length=42), nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=False),
        sa.Column("user_agent", sa.String(length=256), nullable=False),
        sa.Column("created_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expire_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.uuid"], name="fk_sessions_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("secret_hash", name="uq_sessions_secret_hash"),
        sa.UniqueConstraint("session_id", name="uq_sessions_session_id"),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "entries",
        sa.Column("id", ROW_NUMBER, nullable=False),
        sa.Column("entry_id", sa.String(length=42), nullable=False),
        sa.Column("user_id", sa.String(length=42), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("balance_after", sa.BigInteger(), nullable=False),
        sa.Column("hold_id", sa.String(length=64), nullable=True),
        sa.Column("granted_by", sa.String(length=42), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("created_time", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["granted_by"], ["users.uuid"], name="fk_entries_granted_by"),
        sa.ForeignKeyConstraint(["hold_id"], ["holds.hold_id"], name="fk_entries_hold_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.uuid"], name="fk_entries_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_entries"),
        sa.UniqueConstraint("entry_id", name="uq_entries_entry_id"),
        sa.UniqueConstraint("granted_by", "request_id", name="uq_entries_granted_by_request_id"),
        sa.UniqueConstraint("hold_id", "kind", name="uq_entries_hold_id_kind"),
    )
    op.create_index("ix_entries_user_id", "entries", ["user_id"])


def downgrade() -> None:
    """Remove every table, with all that is in it."""
    op.drop_table("entries")
    op.drop_table("sessions")
    op.drop_table("holds")
    op.drop_table("api_keys")
    op.drop_table("users")
