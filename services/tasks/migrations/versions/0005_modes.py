"""Start images, masks and everything else that a worker can be told beside text and size."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NAMES = ("start_upload", "start_image", "mask_upload")
ADDED = (
    *NAMES, "strength", "variation_seed", "variation_strength", "guidance_rescale", "clip_skip", "adapters",
)  # fmt: skip


def upgrade() -> None:
    """Add columns that a version without them leaves at what draws as it always did."""
    for name in NAMES:
        op.add_column("task", sa.Column(name, sa.String(42), nullable=True))
    op.add_column("task", sa.Column("strength", sa.Double, nullable=True))
    op.add_column("task", sa.Column("variation_seed", sa.BigInteger, nullable=True))
    op.add_column("task", sa.Column("variation_strength", sa.Double, nullable=False, server_default="0"))
    op.add_column("task", sa.Column("guidance_rescale", sa.Double, nullable=False, server_default="0"))
    op.add_column("task", sa.Column("clip_skip", sa.Integer, nullable=False, server_default="0"))
    op.add_column("task", sa.Column("adapters", sa.JSON, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Remove the columns."""
    for name in ADDED:
        op.drop_column("task", name)
