"""Alembic's entry; the connection and its lock come from the foundation."""

from alembic import context

from services.foundation import migrations
from services.tasks import models

migrations.run(context, models.Base.metadata)
