"""The tables of auth. What is unique, and that no balance is below 0, the database itself sees to."""

import datetime as dt
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.foundation import outbox_table
from services.foundation.database import UtcDateTime

# SQLite numbers rows by itself only where the key is a plain INTEGER.
RowNumber: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
UUID_CHARACTERS: Final = 42
HASH_CHARACTERS: Final = 64
REFERENCE_CHARACTERS: Final = 48


class Base(DeclarativeBase):
    """What every table shares: names of constraints that a later migration can count on."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class UserRow(Base):
    """An account."""

    __tablename__ = "users"
    __table_args__ = (sa.CheckConstraint("tokens >= 0", name="tokens_not_negative"),)

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    uuid: Mapped[str] = mapped_column(sa.String(UUID_CHARACTERS), unique=True)
    # The latest session, new at every sign-in; no account has one that another has.
    session_id: Mapped[str | None] = mapped_column(sa.String(UUID_CHARACTERS), unique=True)
    # Kept in lower case, so that unique means unique in any case.
    email: Mapped[str] = mapped_column(sa.String(128), unique=True)
    mobile: Mapped[str] = mapped_column(sa.String(12))
    password_hash: Mapped[str] = mapped_column(sa.String(255))
    tokens: Mapped[int] = mapped_column(sa.BigInteger)
    username: Mapped[str] = mapped_column(sa.String(32))
    first_name: Mapped[str] = mapped_column(sa.String(32))
    last_name: Mapped[str] = mapped_column(sa.String(32))
    role: Mapped[str] = mapped_column(sa.String(32))
    # False while the account is suspended.
    state: Mapped[bool] = mapped_column(sa.Boolean)
    subscription: Mapped[int] = mapped_column(sa.Integer)
    created_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    # Such an account stays for its ledger alone; nothing else in the row says whose it was.
    deleted_time: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class SessionRow(Base):
    """A signed-in browser; the row goes when the session ends."""

    __tablename__ = "sessions"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    session_id: Mapped[str] = mapped_column(sa.String(UUID_CHARACTERS), unique=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.uuid"), index=True)
    secret_hash: Mapped[str] = mapped_column(sa.String(HASH_CHARACTERS), unique=True)
    user_agent: Mapped[str] = mapped_column(sa.String(256))
    created_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    last_seen_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expire_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class ApiKeyRow(Base):
    """An API key; the row goes when the key is revoked."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    api_key_id: Mapped[str] = mapped_column(sa.String(UUID_CHARACTERS), unique=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.uuid"), index=True)
    name: Mapped[str] = mapped_column(sa.String(64))
    # Words with blanks between.
    scopes: Mapped[str] = mapped_column(sa.String(64))
    prefix: Mapped[str] = mapped_column(sa.String(16))
    secret_hash: Mapped[str] = mapped_column(sa.String(HASH_CHARACTERS), unique=True)
    created_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    last_used_time: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class HoldRow(Base):
    """Tokens taken aside for a task; `tokens` 0 marks one that was released before it arrived."""

    __tablename__ = "holds"
    __table_args__ = (
        sa.CheckConstraint("tokens >= 0", name="tokens_not_negative"),
        sa.CheckConstraint("charge >= 0 AND charge <= tokens", name="charge_within_tokens"),
        sa.Index(
            "ix_holds_open",
            "user_id",
            postgresql_where=sa.text("charge IS NULL"),
            sqlite_where=sa.text("charge IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    hold_id: Mapped[str] = mapped_column(sa.String(64), unique=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.uuid"))
    tokens: Mapped[int] = mapped_column(sa.BigInteger)
    # What was kept in the end; NULL while the hold is open.
    charge: Mapped[int | None] = mapped_column(sa.BigInteger)
    reason: Mapped[str] = mapped_column(sa.String(200))
    created_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    settled_time: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class EntryRow(Base):
    """A line of the token ledger; never changed, never removed."""

    __tablename__ = "entries"
    __table_args__ = (
        # One line for a hold and one for what it gave back; one line for a grant, however often it is sent.
        sa.UniqueConstraint("hold_id", "kind"),
        sa.UniqueConstraint("granted_by", "request_id"),
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    entry_id: Mapped[str] = mapped_column(sa.String(UUID_CHARACTERS), unique=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.uuid"), index=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    amount: Mapped[int] = mapped_column(sa.BigInteger)
    balance_after: Mapped[int] = mapped_column(sa.BigInteger)
    hold_id: Mapped[str | None] = mapped_column(sa.ForeignKey("holds.hold_id"))
    granted_by: Mapped[str | None] = mapped_column(sa.ForeignKey("users.uuid"))
    request_id: Mapped[str | None] = mapped_column(sa.String(64))
    reason: Mapped[str] = mapped_column(sa.String(200))
    created_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class CodeRow(Base):
    """A code that staff hand out; never more redeemed than allowed, which the database sees to as well."""

    __tablename__ = "codes"
    __table_args__ = (
        sa.CheckConstraint("tokens >= 0", name="tokens_not_negative"),
        sa.CheckConstraint("redemptions >= 0 AND redemptions <= max_redemptions", name="redemptions_within_bound"),
    )

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    code_id: Mapped[str] = mapped_column(sa.String(UUID_CHARACTERS), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(16))
    prefix: Mapped[str] = mapped_column(sa.String(16))
    secret_hash: Mapped[str] = mapped_column(sa.String(HASH_CHARACTERS), unique=True)
    tokens: Mapped[int] = mapped_column(sa.BigInteger)
    reason: Mapped[str] = mapped_column(sa.String(200))
    max_redemptions: Mapped[int] = mapped_column(sa.Integer)
    redemptions: Mapped[int] = mapped_column(sa.Integer)
    # NULL for the command line.
    created_by: Mapped[str | None] = mapped_column(sa.ForeignKey("users.uuid"))
    created_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expire_time: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    withdrawn_time: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class RedemptionRow(Base):
    """Who redeemed which code: each person each code once."""

    __tablename__ = "redemptions"
    __table_args__ = (sa.UniqueConstraint("code_id", "user_id"),)

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    code_id: Mapped[str] = mapped_column(sa.ForeignKey("codes.code_id"))
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.uuid"), index=True)
    created_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class DeedRow(Base):
    """What somebody of the staff did; never changed. Ids are no foreign keys: what they lead to may be gone."""

    __tablename__ = "deeds"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    deed_id: Mapped[str] = mapped_column(sa.String(UUID_CHARACTERS), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(32))
    staff_id: Mapped[str] = mapped_column(sa.String(UUID_CHARACTERS), index=True)
    user_id: Mapped[str] = mapped_column(sa.String(UUID_CHARACTERS), index=True)
    code_id: Mapped[str] = mapped_column(sa.String(UUID_CHARACTERS))
    detail: Mapped[str] = mapped_column(sa.String(300))
    created_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class ResetLinkRow(Base):
    """A link to set a new password with; the row goes when it is used or replaced."""

    __tablename__ = "reset_links"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.uuid"), unique=True)
    secret_hash: Mapped[str] = mapped_column(sa.String(HASH_CHARACTERS), unique=True)
    # NULL for the command line.
    issued_by: Mapped[str | None] = mapped_column(sa.ForeignKey("users.uuid"))
    created_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expire_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class SignInCodeRow(Base):
    """What a browser signs in with at the plugin host; the row goes when it is used, and with its session."""

    __tablename__ = "sign_in_codes"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    session_id: Mapped[str] = mapped_column(sa.ForeignKey("sessions.session_id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[str] = mapped_column(sa.String(HASH_CHARACTERS), unique=True)
    expire_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class SignInRow(Base):
    """A browser that is signed in at the plugin host; the row goes with its session."""

    __tablename__ = "sign_ins"

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    session_id: Mapped[str] = mapped_column(sa.ForeignKey("sessions.session_id", ondelete="CASCADE"), index=True)
    secret_hash: Mapped[str] = mapped_column(sa.String(HASH_CHARACTERS), unique=True)
    created_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)


class DelegationRow(Base):
    """A right to generate in a person's name; the row goes some time after it would have ended by itself."""

    __tablename__ = "delegations"
    __table_args__ = (sa.UniqueConstraint("user_id", "reference"),)

    id: Mapped[int] = mapped_column(RowNumber, primary_key=True)
    delegation_id: Mapped[str] = mapped_column(sa.String(UUID_CHARACTERS), unique=True)
    user_id: Mapped[str] = mapped_column(sa.ForeignKey("users.uuid"))
    # No foreign key: what was begun in a session goes on when it ends. Empty for a program.
    session_id: Mapped[str] = mapped_column(sa.String(UUID_CHARACTERS))
    reference: Mapped[str] = mapped_column(sa.String(REFERENCE_CHARACTERS))
    created_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    expire_time: Mapped[dt.datetime] = mapped_column(UtcDateTime)
    # NULL while it is not ended before its time.
    end_time: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)


class EventRow(outbox_table.Waiting, Base):
    """An event that JetStream must still store; the row goes once it has."""

    __tablename__ = "outbox"
    __table_args__ = (sa.Index("ix_outbox_due", "due"),)

    event_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    subject: Mapped[str] = mapped_column(sa.String(64))
    payload: Mapped[bytes] = mapped_column(sa.LargeBinary)
