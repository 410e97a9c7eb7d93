"""Who is gone for good."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, unless `flask create-db` has made it before."""
    if sa.inspect(op.get_bind()).has_table("gone_owner"):
        return
    op.create_table("gone_owner", sa.Column("id", sa.String(64), nullable=False), sa.PrimaryKeyConstraint("id"))


def downgrade() -> None:
    """Drop it."""
    op.drop_table("gone_owner")
