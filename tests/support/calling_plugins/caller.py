"""A plugin that calls another one, takes over its steps as they come, and its outputs when it is done."""

from http import HTTPStatus
from typing import Any

from flask import Response, abort, current_app, jsonify, redirect, url_for
from marshmallow import EXCLUDE
from qhana_plugin_runner.api.plugin_schemas import WebhookParamsSchema
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, PluginUrl, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.plugin_utils.interop import (
    call_plugin_endpoint,
    get_plugin_endpoint,
    get_task_result_no_wait,
    subscribe,
)
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import TASK_STEPS_CHANGED, save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier("caller", "v1.0.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__)


class Parameters(FrontendFormBaseSchema):
    """The form."""

    helper = PluginUrl(required=True)


@BLP.route("/")
def root() -> Response:
    """Nothing."""
    return jsonify({})


@BLP.route("/options/")
def options() -> Response:
    """What the other one reads while this one's task waits for it."""
    return jsonify({"ID": "1", "shots": 7})


@BLP.route("/process/", methods=["POST"])
@BLP.arguments(Parameters(unknown=EXCLUDE), location="form")
@BLP.response(HTTPStatus.SEE_OTHER)
def process(given: dict[str, Any]) -> Any:
    """Begin."""
    task = ProcessingTask(task_name=call.name)
    task.save(commit=True)
    task.data = {
        "helper": given["helper"],
        "options": url_for(f"{IDENTIFIER}.options", _external=True),
        "webhook": url_for(f"{IDENTIFIER}.hear", db_id=task.id, _external=True),
    }
    task.save(commit=True)
    work = call.s(db_id=task.id)
    work.link_error(save_task_error.s(db_id=task.id))
    work.apply_async()
    return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), HTTPStatus.SEE_OTHER)


@BLP.route("/<int:db_id>/hear/", methods=["POST"])
@BLP.arguments(WebhookParamsSchema(partial=True), location="query")
@BLP.response(HTTPStatus.NO_CONTENT)
def hear(params: dict[str, str], db_id: int) -> None:
    """Go on when the other one has news."""
    task = ProcessingTask.get_by_id(db_id)
    if task is None or task.is_finished or params["source"] != task.data["result"]:  # type: ignore[index,call-overload]
        abort(HTTPStatus.NOT_FOUND)
    work = look.s(db_id=db_id, event=params["event"])
    work.link_error(save_task_error.s(db_id=db_id))
    work.apply_async()


class Caller(QHAnaPluginBase):
    """The plugin."""

    name = "caller"
    version = "v1.0.0"

    def get_api_blueprint(self) -> SecurityBlueprint:
        """All of it."""
        return BLP


@CELERY.task(name=f"{IDENTIFIER}.call")
def call(db_id: int) -> None:
    """Call the other one and subscribe to what it does."""
    task = ProcessingTask.get_by_id(db_id)
    assert task is not None
    data: Any = task.data
    data["result"] = call_plugin_endpoint(get_plugin_endpoint(data["helper"]), {"options": data["options"]})
    task.save(commit=True)
    assert subscribe(data["result"], data["webhook"], events=["steps", "status"])


@CELERY.task(name=f"{IDENTIFIER}.look", bind=True)
def look(self: Any, db_id: int, event: str) -> None:
    """Take over a step, or the outputs."""
    task = ProcessingTask.get_by_id(db_id)
    assert task is not None
    data: Any = task.data
    status, result = get_task_result_no_wait(data["result"])
    if event == "steps" and status == "PENDING":
        last = result["steps"][-1]
        if last["cleared"]:
            task.clear_previous_step(commit=True)
        elif not task.has_uncleared_step:
            task.add_next_step(last["href"], last["uiHref"], f"helper.{last['stepId']}", commit=True)
        TASK_STEPS_CHANGED.send(current_app._get_current_object(), task_id=db_id)  # type: ignore[attr-defined]
    elif event == "status" and "log" not in data:
        data["log"] = result["log"]
        task.save(commit=True)
        self.replace(take.si(db_id=db_id, outputs=result["outputs"]) | save_task_result.s(db_id=db_id))


@CELERY.task(name=f"{IDENTIFIER}.take")
def take(db_id: int, outputs: list[dict[str, str]]) -> str:
    """Point to the other one's outputs."""
    for one in outputs:
        STORE.persist_task_result(
            db_id, one["href"], one["name"], one["dataType"], one["contentType"], storage_provider="url_file_store"
        )
    return "taken over"
