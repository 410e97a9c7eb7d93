"""The plugin that is measured. It uses the contract alone, so that any host of such plugins can load it.

`process/` runs a task that does next to nothing, `filter/` one that passes a CSV file on in part, `idle/` notes a task
that nothing works for, and `idle/<number>/` changes it.
"""

import itertools
import json
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import marshmallow as ma
from flask import Flask, redirect, render_template, request, url_for
from flask.views import MethodView
from marshmallow.validate import Length, Range
from qhana_plugin_runner.api.plugin_schemas import (
    DataMetadata,
    EntryPoint,
    InputDataMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.plugin_utils.entity_marshalling import load_entities, save_entities
from qhana_plugin_runner.requests import open_url
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier
from werkzeug.wrappers import Response

NAME, VERSION = "daydream-bench", "v1.0.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)
BLP = SecurityBlueprint(IDENTIFIER, __name__, description="Measured.")


class Bench(QHAnaPluginBase):
    """The plugin."""

    name = NAME
    version = VERSION
    description = "Is measured."
    tags: ClassVar[list[str]] = ["bench"]

    def __init__(self, app: Flask | None) -> None:
        super().__init__(app)

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its endpoints."""
        return BLP


class EchoSchema(FrontendFormBaseSchema):
    """A form of a usual size; only the text counts."""

    text = ma.fields.String(
        required=True, validate=Length(max=100), metadata={"label": "Text", "description": "Is *said* again."}
    )
    data_url = FileUrl(
        allow_none=True, data_input_type="entity/list", data_content_types=["application/json", "text/csv"],
        metadata={"label": "Entities", "description": "A file."},
    )  # fmt: skip
    count = ma.fields.Integer(validate=Range(min=0, max=10), metadata={"label": "Count", "description": "A number."})
    share = ma.fields.Float(metadata={"label": "Share", "description": "A part of the whole."})
    exact = ma.fields.Boolean(metadata={"label": "Exact", "description": "Whether it has to be."})


class FilterSchema(FrontendFormBaseSchema):
    """A CSV file of entities and the ending of the IDs that are kept."""

    data_url = FileUrl(required=True, data_input_type="entity/list", data_content_types=["text/csv"])
    ending = ma.fields.String(required=True)


@BLP.route("/")
class MetadataView(MethodView):
    """What the plugin says of itself."""

    @BLP.response(HTTPStatus.OK, PluginMetadataSchema)
    @BLP.require_jwt("jwt", optional=True)
    def get(self) -> PluginMetadata:
        """Its metadata."""
        return PluginMetadata(
            title="Bench", description=Bench.description, name=NAME, version=VERSION, type=PluginType.processing,
            tags=Bench.tags,
            entry_point=EntryPoint(
                href=url_for(f"{IDENTIFIER}.ProcessView"),
                ui_href=url_for(f"{IDENTIFIER}.MicroFrontend"),
                data_input=[
                    InputDataMetadata(
                        parameter="dataUrl", data_type="entity/list", content_type=["text/csv"], required=False
                    )
                ],
                data_output=[DataMetadata(data_type="text/echo", content_type=["text/plain"], required=True)],
            ),
        )  # fmt: skip


@BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form."""

    @BLP.html_response(HTTPStatus.OK, description="The form.")
    @BLP.arguments(EchoSchema(partial=True, unknown=ma.EXCLUDE, validate_errors_as_result=True), location="query")
    @BLP.require_jwt("jwt", optional=True)
    def get(self, errors: Mapping[str, Any]) -> str:
        """Show it."""
        return render_template(
            "simple_template.html", name="Bench", schema=EchoSchema(), values=request.args, errors=errors,
            process=url_for(f"{IDENTIFIER}.ProcessView"), help_text="Is measured.",
        )  # fmt: skip


def _start(work: Any, parameters: Mapping[str, Any]) -> Response:
    task = ProcessingTask(task_name=work.name, parameters=json.dumps(parameters))
    task.save(commit=True)
    whole = work.s(db_id=task.id) | save_task_result.s(db_id=task.id)
    whole.link_error(save_task_error.s(db_id=task.id))
    whole.apply_async()
    return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), HTTPStatus.SEE_OTHER)


@BLP.route("/process/")
class ProcessView(MethodView):
    """Where the form goes."""

    @BLP.arguments(EchoSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(HTTPStatus.SEE_OTHER)
    @BLP.require_jwt("jwt", optional=True)
    def post(self, arguments: Mapping[str, Any]) -> Response:
        """Start the task that does next to nothing."""
        return _start(echo, arguments)


@BLP.route("/filter/")
class FilterView(MethodView):
    """The filter."""

    @BLP.arguments(FilterSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(HTTPStatus.SEE_OTHER)
    @BLP.require_jwt("jwt", optional=True)
    def post(self, arguments: Mapping[str, Any]) -> Response:
        """Start it."""
        return _start(keep, arguments)


@BLP.route("/idle/")
class IdleView(MethodView):
    """Tasks that nothing works for."""

    def post(self) -> dict[str, Any]:
        """Note one; its number and its address."""
        task = ProcessingTask(task_name="idle")
        task.save(commit=True)
        return {"number": task.id, "address": url_for("tasks-api.TaskView", task_id=str(task.id))}


@BLP.route("/idle/<int:number>/")
class TouchView(MethodView):
    """One of them."""

    def post(self, number: int) -> dict[str, Any]:
        """Change it."""
        task = ProcessingTask.get_by_id(number)
        assert task is not None
        task.progress_value = (task.progress_value or 0) + 1
        task.save(commit=True)
        return {"value": task.progress_value}


@CELERY.task(name=f"{IDENTIFIER}.echo")
def echo(db_id: int) -> str:
    """Put the text out."""
    task = ProcessingTask.get_by_id(db_id)
    assert task is not None
    text = json.loads(task.parameters)["text"]
    STORE.persist_task_result(db_id, text, "echo.txt", "text/echo", "text/plain")
    return str(text)


@CELERY.task(name=f"{IDENTIFIER}.keep")
def keep(db_id: int) -> str:
    """Put out the entities whose ID ends so."""
    task = ProcessingTask.get_by_id(db_id)
    assert task is not None
    parameters = json.loads(task.parameters)
    with (
        open_url(parameters["data_url"], stream=True) as response,
        tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as file,
    ):
        entities = load_entities(response, "text/csv")
        first = next(entities)
        fitting = (each for each in itertools.chain([first], entities) if each.ID.endswith(parameters["ending"]))
        save_entities(fitting, file, "text/csv", attributes=list(first.entity_attributes))
        file.seek(0)
        STORE.persist_task_result(db_id, file, "kept.csv", "entity/list", "text/csv")
    return "done"
