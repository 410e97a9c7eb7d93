"""Alembic's entry; the connection and its lock come from the foundation."""

from alembic import context
from qhana_plugin_runner.db.models.tasks import ProcessingTask

from services.foundation import migrations

# Importing one of the models imports them all.
migrations.run(context, ProcessingTask.metadata)
