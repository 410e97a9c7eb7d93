"""What the processing plugins of this package have alike: metadata, form, the start of a task, its results."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask import redirect, render_template, request, url_for
from flask.views import MethodView
from qhana_plugin_runner.api.plugin_schemas import (
    EntryPoint,
    InputDataMetadata,
    OutputDataMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase
from werkzeug.wrappers import Response

from .pictures import CONTENT_TYPES


@dataclass(frozen=True, kw_only=True)
class About:
    """What sets one plugin apart."""

    plugin: type[QHAnaPluginBase]
    title: str
    form: type[FrontendFormBaseSchema]
    task: Any
    """The Celery task; takes `db_id`, returns the log."""
    outputs: Sequence[OutputDataMetadata]
    inputs: Mapping[str, bool]
    """The parameters that take a picture, and whether they must."""
    help_text: str = ""
    example: Mapping[str, Any] = field(default_factory=dict)
    """Values that the form can be filled with, by their names on the wire."""
    type: PluginType = PluginType.processing


@dataclass(frozen=True, kw_only=True)
class Output:
    """A file to put out."""

    name: str
    data_type: str
    content_type: str
    content: str | bytes = field(repr=False)


def picture_output(data_type: str) -> OutputDataMetadata:
    """A picture that always comes out, as PNG, JPEG or WebP."""
    return OutputDataMetadata(data_type=data_type, content_type=list(CONTENT_TYPES), required=True)


def blueprint(about: About) -> SecurityBlueprint:
    """`/`, `/ui/` and `/process/` of a plugin."""
    plugin = about.plugin.instance
    name, form = plugin.identifier, about.form
    made = SecurityBlueprint(name, about.plugin.__module__, description=plugin.description)

    @made.route("/")
    class MetadataView(MethodView):
        """What the plugin says of itself."""

        @made.response(HTTPStatus.OK, PluginMetadataSchema)
        @made.require_jwt("jwt", optional=True)
        def get(self) -> PluginMetadata:
            """Its metadata."""
            return _metadata(about)

    @made.route("/ui/")
    class MicroFrontend(MethodView):
        """The form."""

        @made.html_response(HTTPStatus.OK, description="The form, with values from the query filled in.")
        @made.arguments(form(partial=True, unknown=ma.EXCLUDE, validate_errors_as_result=True), location="query")
        @made.require_jwt("jwt", optional=True)
        def get(self, errors: Mapping[str, Any]) -> str:
            """Show it."""
            return _page(about, request.args.to_dict(), errors, valid=False)

        @made.html_response(HTTPStatus.OK, description="The form, with what is wrong with it.")
        @made.arguments(form(unknown=ma.EXCLUDE, validate_errors_as_result=True), location="form")
        @made.require_jwt("jwt", optional=True)
        def post(self, errors: Mapping[str, Any]) -> str:
            """Check it."""
            return _page(about, request.form.to_dict(), errors, valid=not errors)

    @made.route("/process/")
    class ProcessView(MethodView):
        """Where the form goes."""

        @made.arguments(form(unknown=ma.EXCLUDE), location="form")
        @made.response(HTTPStatus.SEE_OTHER)
        @made.require_jwt("jwt", optional=True)
        def post(self, arguments: Mapping[str, Any]) -> Response:
            """Start the task, and lead to it."""
            return _start(about, arguments)

    return made


def begun(db_id: int, form: type[FrontendFormBaseSchema]) -> tuple[ProcessingTask, dict[str, Any]]:
    """In a worker: the processing task and its parameters. Raises KeyError when it is gone."""
    task = ProcessingTask.get_by_id(db_id)
    if task is None:
        raise KeyError(f"there is no processing task {db_id}")
    parameters: dict[str, Any] = form().loads(task.parameters)
    return task, parameters


def put_out(task: ProcessingTask, *files: Output) -> None:
    """Store the results, all or none. A run whose predecessor was lost after it had done this stores nothing."""
    if task.outputs:
        return
    for each in files:
        STORE.persist_task_result(task.id, each.content, each.name, each.data_type, each.content_type, commit=False)
    task.save(commit=True)


def _metadata(about: About) -> PluginMetadata:
    plugin = about.plugin.instance
    return PluginMetadata(
        title=about.title,
        description=plugin.description,
        name=plugin.name,
        version=plugin.version,
        type=about.type,
        tags=plugin.tags,
        entry_point=EntryPoint(
            href=url_for(f"{plugin.identifier}.ProcessView"),
            ui_href=url_for(f"{plugin.identifier}.MicroFrontend"),
            data_input=[
                InputDataMetadata(
                    parameter=parameter, data_type="image/*", content_type=list(CONTENT_TYPES), required=required
                )
                for parameter, required in about.inputs.items()
            ],
            data_output=list(about.outputs),
        ),
    )


def _page(about: About, values: Mapping[str, Any], errors: Mapping[str, Any], *, valid: bool) -> str:
    identifier = about.plugin.instance.identifier
    form = about.form()
    # A form that is opened shows what holds where nothing is said.
    fields = form.fields.items() if request.method == "GET" else ()
    usual = form.dump({name: field.load_default for name, field in fields if field.load_default is not ma.missing})
    return render_template(
        "simple_template.html",
        name=about.title,
        schema=form,
        values={**usual, **values},
        errors=errors,
        valid=valid,
        process=url_for(f"{identifier}.ProcessView"),
        help_text=about.help_text,
        example_values=url_for(f"{identifier}.MicroFrontend", **about.example) if about.example else None,
    )


def _start(about: About, arguments: Mapping[str, Any]) -> Response:
    task = ProcessingTask(task_name=about.task.name, parameters=json.dumps(about.form().dump(arguments)))
    task.save(commit=True)
    work = about.task.s(db_id=task.id) | save_task_result.s(db_id=task.id)
    work.link_error(save_task_error.s(db_id=task.id))
    work.apply_async()
    return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), HTTPStatus.SEE_OTHER)
