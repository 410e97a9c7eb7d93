"""The ledger: tasks, images, the queue, and what others must be told."""

import sqlalchemy as sa
from alembic import op

from services.foundation.database import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make every table, and the one row of the queue."""
    op.create_table(
        "task",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("uuid", sa.String(42), nullable=False, unique=True),
        sa.Column("user_id", sa.String(42), nullable=False),
        sa.Column("sessionid", sa.String(42), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("prompt", sa.String(512), nullable=False),
        sa.Column("negative_prompt", sa.String(512), nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("sampler", sa.String(64), nullable=False),
        sa.Column("imgw", sa.Integer, nullable=False),
        sa.Column("imgh", sa.Integer, nullable=False),
        sa.Column("samples", sa.Integer, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("guide", sa.Double, nullable=False),
        sa.Column("seed", sa.BigInteger),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("price", sa.BigInteger, nullable=False),
        sa.Column("charged", sa.BigInteger, nullable=False),
        sa.Column("place", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("lost", sa.Integer, nullable=False),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("lease_owner", sa.String(64)),
        sa.Column("lease_until", UtcDateTime),
        sa.Column("worker", sa.String(256)),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("steps_total", sa.Integer, nullable=False),
        sa.Column("blame", sa.String(16)),
        sa.Column("error_reason", sa.String(64)),
        sa.Column("error_message", sa.String(1024)),
        sa.Column("date", UtcDateTime, nullable=False),
        sa.Column("started", UtcDateTime),
        sa.Column("finished", UtcDateTime),
        sa.Column("timer", sa.BigInteger),
        sa.Column("settled", UtcDateTime),
        sa.UniqueConstraint("user_id", "request_id", name="uq_task_request"),
    )
    op.create_index("ix_task_line", "task", ["state", "place"])
    op.create_index("ix_task_revision", "task", ["user_id", "revision"])
    op.create_index("ix_task_session", "task", ["user_id", "sessionid", "id"])
    op.create_table(
        "image",
        sa.Column("id", KEY, primary_key=True, autoincrement=True),
        sa.Column("task_id", KEY, sa.ForeignKey("task.id", ondelete="CASCADE"), nullable=False),
        sa.Column("index", sa.Integer, nullable=False),
        sa.Column("path", sa.String(512), nullable=False, unique=True),
        sa.Column("uuid", sa.String(42), nullable=False, unique=True),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("date", UtcDateTime, nullable=False),
        sa.UniqueConstraint("task_id", "index", name="uq_image_index"),
    )
    op.create_table(
        "owner",
        sa.Column("user_id", sa.String(42), primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
    )
    queue = op.create_table(
        "queue",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("waiting", sa.BigInteger, nullable=False),
        sa.Column("last_place", sa.BigInteger, nullable=False),
        sa.CheckConstraint("waiting >= 0", name="ck_queue_waiting"),
    )
    op.bulk_insert(queue, [{"id": 1, "waiting": 0, "last_place": 0}])
    op.create_table(
        "worker",
        sa.Column("target", sa.String(256), primary_key=True),
        sa.Column("capabilities", sa.LargeBinary, nullable=False),
        sa.Column("seen", UtcDateTime, nullable=False),
    )
    op.create_table(
        "settlement",
        sa.Column("hold_id", sa.String(42), primary_key=True),
        sa.Column("user_id", sa.String(42), nullable=False),
        sa.Column("charge", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", UtcDateTime, nullable=False),
    )
    op.create_index("ix_settlement_due", "settlement", ["due"])
    op.create_table(
        "outbox",
        sa.Column("event_id", sa.String(64), primary_key=True),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", UtcDateTime, nullable=False),
    )
    op.create_index("ix_outbox_due", "outbox", ["due"])


def downgrade() -> None:
    """Remove every table."""
    for table in ("outbox", "settlement", "worker", "queue", "owner", "image", "task"):
        op.drop_table(table)
