"""What plugins have the ledger draw."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables, unless `flask create-db` has made them before."""
    if sa.inspect(op.get_bind()).has_table("drawing"):
        return
    op.create_table(
        "drawing",
        sa.Column("task_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("reference", sa.String(40), nullable=False),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("delegation", sa.String(100), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("start_url", sa.Text(), nullable=True),
        sa.Column("start_file", sa.Integer(), nullable=True),
        sa.Column("upload", sa.String(64), nullable=True),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("holder", sa.String(64), nullable=True),
        sa.Column("due", sa.DateTime(), nullable=False),
        sa.Column("news", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("task_id"),
        sa.UniqueConstraint("reference"),
    )
    op.create_index("ix_drawing_due", "drawing", ["due"])
    op.create_table(
        "drawing_part",
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("asked", sa.Boolean(), nullable=False),
        sa.Column("ledger_task", sa.String(64), nullable=True),
        sa.ForeignKeyConstraint(["task_id"], ["drawing.task_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("task_id", "number"),
    )


def downgrade() -> None:
    """Drop both."""
    op.drop_table("drawing_part")
    op.drop_table("drawing")
