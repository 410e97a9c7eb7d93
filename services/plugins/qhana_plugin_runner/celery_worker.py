"""What `celery --app qhana_plugin_runner.celery_worker:CELERY worker` loads: the app, its plugins and the keeper."""

from typing import Final

from qhana_plugin_runner import create_app
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.durable import children, keeper

__all__ = ["CELERY", "app", "children", "keeper"]

app: Final = create_app()
children.guard_forks(app)
