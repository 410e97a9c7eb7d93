"""A plugin that others call: it reads what it is given, asks for one input, and then puts out a file."""

from http import HTTPStatus
from typing import Any

from flask import Response, current_app, redirect, url_for
from marshmallow import EXCLUDE
from qhana_plugin_runner.api.plugin_schemas import EntryPoint, PluginMetadata, PluginMetadataSchema, PluginType
from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.plugin_utils.execution_utils import parse_execution_options
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import TASK_STEPS_CHANGED, add_step, save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier("called", "v1.0.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__)


class Parameters(FrontendFormBaseSchema):
    """The form."""

    options = FileUrl(required=True)


@BLP.route("/")
@BLP.response(HTTPStatus.OK, PluginMetadataSchema())
def metadata() -> PluginMetadata:
    """What it is."""
    entry = EntryPoint(href=url_for(f"{IDENTIFIER}.process"), ui_href=url_for(f"{IDENTIFIER}.metadata"))
    return PluginMetadata("called", "of a test", "called", "v1.0.0", PluginType.processing, entry)


def _answer(task_id: int) -> Any:
    return redirect(url_for("tasks-api.TaskView", task_id=str(task_id)), HTTPStatus.SEE_OTHER)


@BLP.route("/process/", methods=["POST"])
@BLP.arguments(Parameters(unknown=EXCLUDE), location="form")
@BLP.response(HTTPStatus.SEE_OTHER)
def process(given: dict[str, Any]) -> Any:
    """Begin."""
    task = ProcessingTask(task_name=read.name, parameters=given["options"])
    task.save(commit=True)
    # A path alone, as some plugins have it.
    href = url_for(f"{IDENTIFIER}.step", db_id=task.id)
    work = read.s(db_id=task.id) | add_step.s(db_id=task.id, step_id="go-on", href=href, ui_href=href)
    work.link_error(save_task_error.s(db_id=task.id))
    work.apply_async()
    return _answer(task.id)


@BLP.route("/<int:db_id>/step/", methods=["POST"])
def step(db_id: int) -> Response:
    """Go on."""
    task = ProcessingTask.get_by_id(db_id)
    assert task is not None
    task.clear_previous_step(commit=True)
    TASK_STEPS_CHANGED.send(current_app._get_current_object(), task_id=db_id)  # type: ignore[attr-defined]
    return _answer(db_id)  # type: ignore[no-any-return]


@BLP.route("/<int:db_id>/finish/", methods=["POST"])
def finish(db_id: int) -> Response:
    """Come to the end; a test says when, as who hears of a step looks at it a moment later."""
    work = write.s(db_id=db_id) | save_task_result.s(db_id=db_id)
    work.link_error(save_task_error.s(db_id=db_id))
    work.apply_async()
    return _answer(db_id)  # type: ignore[no-any-return]


class Called(QHAnaPluginBase):
    """The plugin."""

    name = "called"
    version = "v1.0.0"

    def get_api_blueprint(self) -> SecurityBlueprint:
        """All of it."""
        return BLP


@CELERY.task(name=f"{IDENTIFIER}.read")
def read(db_id: int) -> str:
    """Say what the options are."""
    task = ProcessingTask.get_by_id(db_id)
    assert task is not None
    return f"shots: {parse_execution_options(str(task.parameters))['shots']}"


@CELERY.task(name=f"{IDENTIFIER}.write")
def write(db_id: int) -> str:
    """Put out."""
    STORE.persist_task_result(db_id, '[{"ID":"1"}]', "counts.json", "entity/vector", "application/json")
    return "written"
