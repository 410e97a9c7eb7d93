"""Alembic starts here."""

from alembic import context

from services.auth import models
from services.foundation import migrations

migrations.run(context, models.Base.metadata)
