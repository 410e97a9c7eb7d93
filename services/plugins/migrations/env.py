"""Alembic's entry; the connection and its lock come from the foundation."""

from alembic import context

from services.foundation import migrations
from services.plugins.generation.models import Drawing

# The host's own tables and those of this service share one metadata; importing one of the models imports the host's.
migrations.run(context, Drawing.metadata)
