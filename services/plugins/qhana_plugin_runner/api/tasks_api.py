"""`/tasks/` and `/tasks/<id>/`: how far a task is, what it has put out, who is told; and its end before its time."""

import datetime as dt
from http import HTTPStatus
from typing import Any, Final

import marshmallow as ma
import sqlalchemy as sa
from flask import url_for
from flask.views import MethodView
from marshmallow.validate import Length, OneOf, Range
from qhana_plugin_runner import identity, retention, task_states
from qhana_plugin_runner.api.refusals import refuse
from qhana_plugin_runner.api.util import MaBaseSchema, SecurityBlueprint
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskUpdateSubscription
from qhana_plugin_runner.tasks import cancel_task

TASKS_API = SecurityBlueprint(
    "tasks-api", __name__, description="Tasks that plugins work on, and their results.", url_prefix="/tasks"
)
MOST_SUBSCRIPTIONS: Final = 100
"""Of one task; more would be a way to make the host call others."""


class CommandSchema(MaBaseSchema):
    """What can be asked of a task."""

    command = ma.fields.String(required=True, validate=OneOf(["subscribe", "unsubscribe", "cancel"]))
    event = ma.fields.String(allow_none=True, validate=OneOf(["status", "steps", "details"]))
    webhook_href = ma.fields.Url(
        require_tld=False, schemes={"http", "https"}, validate=Length(max=2000), load_default=None, allow_none=True
    )


class ProgressSchema(MaBaseSchema):
    """How far it is."""

    value = ma.fields.Float()
    start = ma.fields.Float()
    target = ma.fields.Float()
    unit = ma.fields.String()


class StepSchema(MaBaseSchema):
    """A step that asks for input."""

    href = ma.fields.String()
    ui_href = ma.fields.String()
    step_id = ma.fields.String()
    cleared = ma.fields.Boolean()


class OutputSchema(MaBaseSchema):
    """A file that it has put out."""

    href = ma.fields.String()
    data_type = ma.fields.String()
    content_type = ma.fields.String()
    name = ma.fields.String()


class LinkSchema(MaBaseSchema):
    """A link beside the results."""

    type = ma.fields.String()
    href = ma.fields.String()


class TaskSchema(MaBaseSchema):
    """A task; outputs and data are there once it is finished, and are the same list under two names."""

    status = ma.fields.String(required=True)
    log = ma.fields.String()
    progress = ma.fields.Nested(ProgressSchema())
    steps = ma.fields.List(ma.fields.Nested(StepSchema()))
    outputs = ma.fields.List(ma.fields.Nested(OutputSchema()))
    data = ma.fields.List(ma.fields.Nested(OutputSchema()))
    links = ma.fields.List(ma.fields.Nested(LinkSchema()))
    trace = ma.fields.String(metadata={"description": "The traceback of a task that failed; for staff."})


class ListedTaskSchema(TaskSchema):
    """A task in the list."""

    href = ma.fields.String()
    task_name = ma.fields.String()
    started_at = ma.fields.AwareDateTime()
    finished_at = ma.fields.AwareDateTime(allow_none=True)


class TaskListSchema(MaBaseSchema):
    """Tasks, the newest first."""

    tasks = ma.fields.List(ma.fields.Nested(ListedTaskSchema()))


class TaskListQuerySchema(MaBaseSchema):
    """How many."""

    limit = ma.fields.Integer(load_default=50, validate=Range(1, 200))


@TASKS_API.route("/")
class TasksView(MethodView):
    """The caller's own tasks."""

    @TASKS_API.arguments(TaskListQuerySchema(), location="query")
    @TASKS_API.response(HTTPStatus.OK, TaskListSchema())
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """The newest of them. Nobody has any on a host that knows nobody: there an address is all that leads to one."""
        owner = identity.current_user_id()
        if owner is None:
            refuse(HTTPStatus.FORBIDDEN, message="Only who is signed in has tasks of their own, and here nobody is.")
        own = sa.select(ProcessingTask).where(ProcessingTask.owner == owner)
        newest = own.order_by(ProcessingTask.id.desc()).limit(query["limit"])
        return {"tasks": [_listed(task) for task in DB.session.scalars(newest)]}


@TASKS_API.route("/<task:task_id>/")
class TaskView(MethodView):
    """A task."""

    @TASKS_API.response(HTTPStatus.OK, TaskSchema())
    def get(self, task_id: str) -> dict[str, Any]:
        """How it is now."""
        return task_states.describe(_task(task_id))

    @TASKS_API.arguments(CommandSchema(), location="json")
    @TASKS_API.response(HTTPStatus.OK, TaskSchema())
    def post(self, command: dict[str, Any], task_id: str) -> dict[str, Any]:
        """Subscribe to its changes, end a subscription, or cancel it."""
        task = _task(task_id)
        if command["command"] == "cancel":
            cancel_task(task.id)
        else:
            if not command["webhook_href"]:
                refuse(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    errors={"json": {"webhookHref": ["Missing data for required field."]}},
                )
            (_subscribe if command["command"] == "subscribe" else _unsubscribe)(task, command)
        return task_states.describe(task)

    @TASKS_API.response(HTTPStatus.NO_CONTENT)
    def delete(self, task_id: str) -> None:
        """Cancel what still works for it, and delete it with its files."""
        task = _task(task_id)
        cancel_task(task.id, "The task was deleted.")
        retention.delete_task(task)


def _listed(task: ProcessingTask) -> dict[str, Any]:
    return {
        **task_states.describe(task),
        "href": url_for("tasks-api.TaskView", task_id=task.public_id, _external=True),
        "task_name": task.task_name,
        "started_at": task.started_at.replace(tzinfo=dt.UTC),
        "finished_at": task.finished_at.replace(tzinfo=dt.UTC) if task.finished_at else None,
    }


def _task(public_id: str) -> ProcessingTask:
    task = ProcessingTask.get_by_public_id(public_id)
    if task is None:
        refuse(HTTPStatus.NOT_FOUND, message="Task not found.")
    return task


def _subscribe(task: ProcessingTask, command: dict[str, Any]) -> None:
    event, webhook = command.get("event"), command["webhook_href"]
    if TaskUpdateSubscription.get_by_task_and_subscriber(task, webhook, event):
        return
    if len(task.subscriptions) >= MOST_SUBSCRIPTIONS:
        refuse(HTTPStatus.TOO_MANY_REQUESTS, message="This task has as many subscriptions as it may have.")
    address = url_for("tasks-api.TaskView", task_id=task.public_id, _external=True)
    TaskUpdateSubscription(task, webhook_href=webhook, task_href=address, event_type=event).save(commit=True)


def _unsubscribe(task: ProcessingTask, command: dict[str, Any]) -> None:
    # Without an event every subscription of this webhook ends; `"event": null` names the one to all events.
    event = command.get("event", ...)
    for each in TaskUpdateSubscription.get_by_task_and_subscriber(task, command["webhook_href"], event):
        DB.session.delete(each)
    DB.session.commit()
