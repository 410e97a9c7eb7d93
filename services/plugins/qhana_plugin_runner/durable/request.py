"""What a worker's main process knows of one task: it hears first when the child that ran it is gone."""

from contextlib import AbstractContextManager
from typing import Any

from billiard.einfo import ExceptionWithTraceback
from billiard.exceptions import WorkerLostError
from celery.worker.request import Request
from celery.worker.state import task_ready
from qhana_plugin_runner import identity
from qhana_plugin_runner.durable import ending, ledger
from qhana_plugin_runner.durable.claims import GENERATION


class HostRequest(Request):  # type: ignore[misc]
    """Sends a task again whose child was lost, instead of failing it."""

    @property
    def _generation(self) -> int | None:
        given = self._request_dict.get(GENERATION)
        return None if given is None else int(given)

    def _for_its_owner(self) -> AbstractContextManager[None]:
        """What follows on a failure is sent from here, and works for the same person."""
        return identity.on_behalf_of(self._request_dict.get(identity.OWNER))

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:
        """A lost child is no failure yet; everything else is Celery's."""
        error = exc_info.exception
        if isinstance(error, ExceptionWithTraceback):
            error = error.exc
        if isinstance(error, MemoryError) and return_ok:
            # The child has told of it. To Celery it is a reason to end the whole worker.
            task_ready(self)
            return None
        gone = isinstance(error, WorkerLostError | SystemExit | KeyboardInterrupt)
        if gone and self._generation is not None and not self._already_revoked and self._lost():
            task_ready(self)
            return None
        with self._for_its_owner():
            return super().on_failure(exc_info, send_failed_event=send_failed_event, return_ok=return_ok)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        """The hard limit ends a task for good: it would not be quicker the next time."""
        if not soft and self._generation is not None:
            with self.app.flask_app.app_context():
                ledger.end(self.id, self._generation)
        with self._for_its_owner():
            super().on_timeout(soft, timeout)

    def _lost(self) -> bool:
        flask_app = self.app.flask_app
        with flask_app.app_context():
            return ending.lost(
                self.app,
                self.id,
                self._generation or 0,
                attempts=int(flask_app.config.get("TASK_ATTEMPTS") or 1),
                why="the process that ran this task ended in the middle of it",
            )
