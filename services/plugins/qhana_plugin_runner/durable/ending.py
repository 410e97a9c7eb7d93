"""What becomes of a message whose run was lost: it is sent again, or its task fails with a sentence that says so."""

from typing import Any

from celery.app.task import Context
from kombu import serialization
from qhana_plugin_runner import identity
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.db.models.messages import State
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.durable import ledger, publishing


class TaskLost(Exception):
    """A task whose worker or child was lost as often as it may be."""


def lost(app: Any, message_id: str, generation: int, *, attempts: int, why: str) -> bool:
    """Send it again, or fail it after so many attempts. False when it was not running, or somebody else saw to it."""
    row = ledger.lose(message_id, generation, attempts=attempts)
    if row is None:
        return False
    kept = dict(row._mapping)
    if row.state == State.WAITING:
        publishing.resend(app, kept)
    else:
        fail(app, kept, f"{why}; it was tried {row.losses} times")
        # Only now: a process that ends before this leaves the rest to the next sweep.
        ledger.end(message_id, row.generation)
    return True


def fail(app: Any, kept: dict[str, Any], sentence: str) -> None:
    """End a kept task as failed: its result, what was to follow on its failure, and the processing task."""
    body = serialization.loads(
        kept["body"], kept["content_type"], kept["content_encoding"], accept={"application/json"}
    )
    arguments, keywords, embed = body
    request = Context({**kept["headers"], **{key: value for key, value in embed.items() if value is not None}})
    request.update(args=arguments, kwargs=keywords, delivery_info={})
    # What follows on the failure is sent from here, and works for the same person.
    with identity.on_behalf_of(kept["headers"].get(identity.OWNER)):
        app.backend.mark_as_failure(kept["id"], TaskLost(sentence), request=request)
    if not embed.get("errbacks") and kept["db_id"] is not None:
        finish(kept["db_id"], sentence)


def finish(db_id: int, sentence: str) -> None:
    """Fail a processing task that is still open."""
    from qhana_plugin_runner.tasks import tell_change  # noqa: PLC0415 - it stands on this package

    task = ProcessingTask.get_by_id(db_id)
    if task is None or task.is_finished:
        return
    task.task_status, task.finished_at = "FAILURE", utc_now()
    task.add_task_log_entry(sentence)
    DB.session.commit()
    tell_change(db_id, "status", "details")
