"""Pictures that people bring for their own tasks."""

import sqlalchemy as sa
from alembic import op

from services.foundation.database import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table; nothing that is there changes."""
    op.create_table(
        "upload",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("uuid", sa.String(42), nullable=False, unique=True),
        sa.Column("user_id", sa.String(42), nullable=False),
        sa.Column("path", sa.String(512), nullable=False, unique=True),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("date", UtcDateTime, nullable=False),
        sa.Column("used", UtcDateTime, nullable=False),
    )
    op.create_index("ix_upload_owner", "upload", ["user_id", "used"])
    op.create_index("ix_upload_used", "upload", ["used"])


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("upload")
