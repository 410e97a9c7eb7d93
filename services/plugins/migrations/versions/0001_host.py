"""Processing tasks with all that is theirs, kept messages, and what plugins keep for themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "data_blob", "kept_message", "plugin_state", "virtual_plugin", "step", "task_file", "task_link",
    "task_update_subscription", "processing_task",
)  # fmt: skip


def upgrade() -> None:
    """Make every table, unless `flask create-db` has made them before."""
    if sa.inspect(op.get_bind()).has_table("processing_task"):
        return
    op.create_table(
        "data_blob",
        sa.Column("plugin_id", sa.String(550), nullable=False),
        sa.Column("key", sa.String(500), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("plugin_id", "key"),
    )
    op.create_table(
        "kept_message",
        sa.Column("id", sa.String(255), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("queue", sa.String(255), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("content_type", sa.String(100), nullable=False),
        sa.Column("content_encoding", sa.String(100), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("properties", sa.JSON(), nullable=False),
        sa.Column("due", sa.DateTime(), nullable=False),
        sa.Column("db_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("losses", sa.Integer(), nullable=False),
        sa.Column("sendings", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(255), nullable=True),
        sa.Column("changed", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_kept_message_db_id", "kept_message", ["db_id"])
    op.create_index("ix_kept_message_state_due", "kept_message", ["state", "due"])
    op.create_table(
        "plugin_state",
        sa.Column("plugin_id", sa.String(550), nullable=False),
        sa.Column("key", sa.String(500), nullable=False),
        sa.Column("value", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("plugin_id", "key"),
    )
    op.create_table(
        "processing_task",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("task_name", sa.String(500), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=True),
        sa.Column("multi_step", sa.Boolean(), nullable=False),
        sa.Column("current_step", sa.Integer(), nullable=False),
        sa.Column("progress_value", sa.Double(), nullable=True),
        sa.Column("progress_start", sa.Double(), nullable=False),
        sa.Column("progress_target", sa.Double(), nullable=False),
        sa.Column("progress_unit", sa.String(100), nullable=False),
        sa.Column("task_status", sa.String(100), nullable=True),
        sa.Column("task_log", sa.Text(), nullable=True),
        sa.Column("public_id", sa.String(40), nullable=False),
        sa.Column("owner", sa.String(64), nullable=True),
        sa.Column("trace", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("public_id"),
        # Numbers are not used twice: what still works for a deleted task must not find another one.
        sqlite_autoincrement=True,
    )
    op.create_index("ix_processing_task_finished_at", "processing_task", ["finished_at"])
    op.create_index("ix_processing_task_owner", "processing_task", ["owner"])
    op.create_table(
        "virtual_plugin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.String(550), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("href", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_virtual_plugin_parent_id", "virtual_plugin", ["parent_id"])
    op.create_table(
        "step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.String(500), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("href", sa.Text(), nullable=False),
        sa.Column("ui_href", sa.Text(), nullable=False),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["processing_task.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", "number"),
    )
    op.create_table(
        "task_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("security_tag", sa.String(64), nullable=False),
        sa.Column("storage_provider", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(500), nullable=False),
        sa.Column("file_storage_data", sa.Text(), nullable=False),
        sa.Column("file_type", sa.String(255), nullable=True),
        sa.Column("mimetype", sa.String(255), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["processing_task.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_task_file_file_name", "task_file", ["file_name"])
    op.create_index("ix_task_file_task_id", "task_file", ["task_id"])
    op.create_table(
        "task_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(255), nullable=False),
        sa.Column("href", sa.Text(), nullable=False),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["processing_task.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_task_link_task_id", "task_link", ["task_id"])
    op.create_table(
        "task_update_subscription",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("webhook_href", sa.Text(), nullable=False),
        sa.Column("task_href", sa.Text(), nullable=False),
        sa.Column("event_type", sa.String(100), nullable=True),
        sa.Column("task_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["processing_task.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_task_update_subscription_task_id", "task_update_subscription", ["task_id"])


def downgrade() -> None:
    """Drop every table."""
    for name in TABLES:
        op.drop_table(name)
