"""What `celery --app qhana_plugin_runner.celery_worker:CELERY worker` loads: the app, its plugins and the keeper."""

import contextlib
from importlib.metadata import entry_points
from typing import Final

import sqlalchemy as sa
from flask import Flask
from qhana_plugin_runner import create_app
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.durable import children, keeper

__all__ = ["CELERY", "app", "children", "keeper"]

FURNISHING: Final = "qhana_plugin_runner.worker"
"""Entry points that put into the environment what whoever serves the host has there too: where its database is, say."""


def _require_tables(app: Flask) -> None:
    # A database that is away comes back, and Celery tries again; one without tables stays as it is.
    with app.app_context(), contextlib.suppress(sa.exc.OperationalError):
        if not sa.inspect(DB.engine).has_table(ProcessingTask.__tablename__):
            raise SystemExit(
                f"the database {DB.engine.url.render_as_string()} has no tables: is it the one of the host that is to"
                " be worked for, and was that started or migrated?"
            )


for each in entry_points(group=FURNISHING):
    each.load()()
app: Final = create_app()
_require_tables(app)
children.guard_forks(app)
