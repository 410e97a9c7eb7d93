"""Revoking single Celery tasks: through the kept messages, as a queue in SQL carries no broadcasts to the workers."""

from collections.abc import Collection
from typing import Any

from celery.app.control import Control
from flask import has_app_context
from qhana_plugin_runner.durable import ledger, publishing


class KeepingControl(Control):  # type: ignore[misc]
    """Celery's control of workers; what is revoked here does not run, whatever the broker."""

    def revoke(
        self, task_id: str | Collection[str], destination: Any = None, terminate: bool = False, **options: Any
    ) -> Any:
        """Have a task, or several, not run; with `terminate` also end those that run. Their results say REVOKED."""
        flask_app = self.app.flask_app
        if flask_app is not None and publishing.lasting(self.app):
            names = [task_id] if isinstance(task_id, str) else list(task_id)
            if has_app_context():
                self._cancel(names, running=terminate)
            else:
                with flask_app.app_context():
                    self._cancel(names, running=terminate)
        return super().revoke(task_id, destination=destination, terminate=terminate, **options)

    def _cancel(self, names: Collection[str], *, running: bool) -> None:
        for each in ledger.revoke(names, running=running):
            self.app.backend.mark_as_revoked(each, "revoked")
