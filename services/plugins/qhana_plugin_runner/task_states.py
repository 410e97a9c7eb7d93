"""A processing task as the REST API tells it; the same for every reader."""

import math
from typing import Any
from urllib.parse import urljoin

from flask import current_app, url_for
from qhana_plugin_runner import identity
from qhana_plugin_runner.db.models.files import TaskFile
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE


def describe(task: ProcessingTask) -> dict[str, Any]:
    """`status`, `log`, `links`; `progress` and `steps` where there are any; `outputs` once it is finished.

    Staff also read the `trace` of a task that failed: it tells where things are on this machine.
    """
    own = url_for("tasks-api.TaskView", task_id=task.public_id, _external=True)
    told: dict[str, Any] = {"status": task.status, "log": task.task_log or "", "links": _links(task, own)}
    if (progress := _progress(task)) is not None:
        told["progress"] = progress
    if task.steps:
        told["steps"] = _steps(task, own)
    if task.is_finished:
        # The contract's text calls the list `data`, programs read it as `outputs`.
        told["outputs"] = told["data"] = _outputs(task)
    if task.trace and (asker := identity.asker()) is not None and asker.staff:
        told["trace"] = task.trace
    return told


def _progress(task: ProcessingTask) -> dict[str, Any] | None:
    given = (task.progress_value, task.progress_start, task.progress_target)
    # JSON has no NaN and no infinity, whatever a plugin computes.
    numbers = [each for each in given if each is not None and math.isfinite(each)]
    if len(numbers) < len(given):
        return None
    value, start, target = numbers
    low, high = sorted((start, target))
    # Between its ends, which a countdown has the other way round, whatever a plugin counts.
    return {"value": min(max(value, low), high), "start": start, "target": target, "unit": task.progress_unit}


def _steps(task: ProcessingTask, own: str) -> list[dict[str, Any]]:
    last = len(task.steps) - 1
    return [
        {
            # Plugins keep some as a path alone; outside of this host that leads nowhere.
            "href": urljoin(own, step.href),
            "ui_href": urljoin(own, step.ui_href),
            "step_id": step.step_id,
            # Only the last step may await input, whatever a plugin has written into its rows.
            "cleared": bool(step.cleared) or number < last,
        }
        for number, step in enumerate(task.steps)
    ]


def _links(task: ProcessingTask, own: str) -> list[dict[str, str]]:
    others = [{"type": each.type, "href": urljoin(own, each.href)} for each in task.links]
    return [{"type": "subscribe", "href": own}, *others]


def _outputs(task: ProcessingTask) -> list[dict[str, Any]]:
    outputs = []
    for file in TaskFile.get_task_result_files(task.id):
        try:
            href = STORE.get_task_file_url(file)
        except (KeyError, NotImplementedError) as error:
            current_app.logger.warning("file %s has no address: %r", file.id, error)
            continue
        outputs.append(
            {"href": href, "data_type": file.file_type, "content_type": file.mimetype, "name": file.file_name}
        )
    return outputs
