"""One copy of a message runs. In a worker's child: claimed before the body, ended after all that follows from it."""

from typing import Any, Final

from celery import signals, states
from flask import current_app, has_app_context
from qhana_plugin_runner.durable import ledger

GENERATION: Final = "daydream_generation"
"""The header that says which run a message stands for."""
CLAIMED: Final = "daydream_claimed"
"""Set on a request that runs: a task that calls itself like a function claims nothing twice."""


def claim(request: Any) -> bool:
    """Whether this is to run. What was never kept always is."""
    generation = getattr(request, GENERATION, None)
    if generation is None or request.is_eager or getattr(request, CLAIMED, False):
        return True
    lease = float(current_app.config.get("TASK_LEASE_SECONDS") or 30.0)
    if not ledger.begin(request.id, int(generation), worker=str(request.hostname), lease=lease):
        return False
    setattr(request, CLAIMED, True)
    return True


def ended(*, task: Any, task_id: str, state: str | None) -> None:
    """Note that a task is done with, whatever came of it; one that is to be retried has sent itself anew."""
    request = task.request
    if not getattr(request, CLAIMED, False) or state == states.RETRY:
        return
    generation = int(getattr(request, GENERATION))
    if state == states.IGNORED:
        ledger.forget(task_id, generation)
    else:
        ledger.end(task_id, generation)


@signals.task_postrun.connect(weak=False, dispatch_uid="daydream-ended")
def _after(*, task: Any, task_id: str, state: str | None = None, **_: Any) -> None:
    flask_app = getattr(task.app, "flask_app", None)
    if flask_app is None:
        return
    if has_app_context():
        ended(task=task, task_id=task_id, state=state)
        return
    with flask_app.app_context():
        ended(task=task, task_id=task_id, state=state)
