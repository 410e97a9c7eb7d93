"""The tasks that plugins end theirs with, and the signals that say what changed."""

from collections.abc import Callable
from typing import Any, Final

from blinker import Namespace
from celery.result import AsyncResult
from celery.utils.log import get_task_logger
from flask import Flask, current_app
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.durable import ledger

TASK_LOGGER: Final = get_task_logger("qhana-plugin-runner")
TASK_SIGNALS: Final = Namespace()
TASK_STATUS_CHANGED: Final = TASK_SIGNALS.signal("task-status-changed")
"""The task has ended. All three are sent by the app, with `task_id=` the processing task's id."""
TASK_STEPS_CHANGED: Final = TASK_SIGNALS.signal("task-steps-changed")
"""A step was added or cleared."""
TASK_DETAILS_CHANGED: Final = TASK_SIGNALS.signal("task-details-changed")
"""Anything else changed."""
_SIGNALS: Final = {"status": TASK_STATUS_CHANGED, "steps": TASK_STEPS_CHANGED, "details": TASK_DETAILS_CHANGED}


def tell_change(db_id: int, *kinds: str) -> None:
    """Send the signals of these kinds: `status`, `steps`, `details`. After the commit."""
    app: Callable[[], Flask] = current_app._get_current_object  # type: ignore[attr-defined]
    for kind in kinds:
        _SIGNALS[kind].send(app(), task_id=db_id)


def _found(db_id: int) -> ProcessingTask:
    # Read anew: the row may have been changed by another process since this session saw it.
    DB.session.expire_all()
    task = ProcessingTask.get_by_id(db_id)
    if task is None:
        raise KeyError(f"there is no processing task {db_id}")
    return task


def _log_text(task_log: object) -> str:
    if task_log is not None and not isinstance(task_log, str):
        raise TypeError(f"what a task returns becomes its log and must be a string, not {type(task_log).__name__}")
    return task_log or ""


@CELERY.task(name="qhana-plugin-runner.add-step", bind=True, ignore_result=True)
def add_step(  # noqa: PLR0917 - the contract's
    self: Any,
    task_log: str,
    db_id: int,
    step_id: str,
    href: str,
    ui_href: str,
    prog_value: float | None = None,
    prog_start: float = 0,
    prog_target: float = 100,
    prog_unit: str = "%",
) -> None:
    """Ask for input: `href` takes it, `ui_href` shows its form, both absolute. A step that is there already stays one.

    Without `prog_value` the progress is how many steps were done, of one more than that.
    """
    text = _log_text(task_log)
    task = _found(db_id)
    if task.is_finished or any(step.step_id == step_id and not step.cleared for step in task.steps):
        # The run before was lost after it had done this.
        return
    if prog_value is None:
        prog_value, prog_start, prog_target, prog_unit = len(task.steps), 0, len(task.steps) + 1, ""
    task.progress_value, task.progress_start = prog_value, prog_start
    task.progress_target, task.progress_unit = prog_target, prog_unit
    task.add_next_step(href=href, ui_href=ui_href, step_id=step_id)
    if text:
        task.add_task_log_entry(text)
    task.save(commit=True)
    tell_change(db_id, "steps", "details")
    _forget(self.request.parent_id)


@CELERY.task(name="qhana-plugin-runner.save-result", bind=True, ignore_result=True)
def save_task_result(self: Any, task_log: str | None, db_id: int) -> None:
    """The processing task is done; what the task before returned, a string or None, ends its log."""
    text = _log_text(task_log)
    task = _found(db_id)
    if task.is_finished:
        return
    if task.progress_value is not None:
        task.progress_value = task.progress_target
    awaited = task.has_uncleared_step
    task.clear_previous_step()
    task.task_status, task.finished_at = "SUCCESS", utc_now()
    if text:
        task.add_task_log_entry(text)
    task.save(commit=True)
    tell_change(db_id, "status", "details", *(["steps"] if awaited else []))
    _forget(self.request.parent_id)


@CELERY.task(name="qhana-plugin-runner.save-error", bind=True, ignore_result=True)
def save_task_error(self: Any, failing_task_id: str, db_id: int) -> None:
    """The processing task failed; its log ends with the error, the traceback is kept for staff."""
    result = AsyncResult(failing_task_id, app=CELERY)
    error, trace = result.result, result.traceback
    DB.session.expire_all()
    task = ProcessingTask.get_by_id(db_id)
    if task is None or task.is_finished:
        TASK_LOGGER.warning("%s failed for processing task %s, which is gone or finished", failing_task_id, db_id)
        return
    TASK_LOGGER.error("%s failed for processing task %s: %r", failing_task_id, db_id, error)
    task.task_status, task.finished_at = "FAILURE", utc_now()
    task.trace = trace
    task.add_task_log_entry(describe(error))
    task.save(commit=True)
    tell_change(db_id, "status", "details")
    result.forget()


def describe(error: object) -> str:
    """An error in a line for whoever asked for the task: no traceback."""
    if not isinstance(error, BaseException):
        return "the task failed" if error is None else str(error)
    said = str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def cancel_task(task_id: int, log_message: str = "The task was cancelled.") -> None:
    """Stop what works for a processing task, and end it as failed with this sentence, unless it is finished."""
    ledger.cancel(task_id)
    task = ProcessingTask.get_by_id(task_id)
    if task is None or task.is_finished:
        return
    task.task_status, task.finished_at = "FAILURE", utc_now()
    task.add_task_log_entry(log_message)
    task.save(commit=True)
    tell_change(task_id, "status", "details")


def _forget(task_id: str | None) -> None:
    if task_id:
        AsyncResult(task_id, app=CELERY).forget()
