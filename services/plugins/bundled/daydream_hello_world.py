"""Hello world: the whole of a processing plugin in one module, to be read first and copied. See docs/plugins.md."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, ClassVar

import marshmallow as ma
from flask import Flask, redirect, render_template, request, url_for
from flask.views import MethodView
from marshmallow.validate import Length
from qhana_plugin_runner.api.plugin_schemas import (
    DataMetadata,
    EntryPoint,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier
from werkzeug.wrappers import Response

NAME = "hello-world"
VERSION = "v0.1.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)

BLP = SecurityBlueprint(IDENTIFIER, __name__, description="Hello world.")


class HelloWorld(QHAnaPluginBase):
    """What the host loads."""

    name = NAME
    version = VERSION
    description = "Greets somebody, to show that plugins work."
    tags: ClassVar[list[str]] = ["example", "text"]

    def __init__(self, app: Flask | None) -> None:
        super().__init__(app)

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Everything below /plugins/<identifier>/."""
        return BLP


class GreetingSchema(FrontendFormBaseSchema):
    """What it asks for."""

    name = ma.fields.String(
        required=True,
        validate=Length(min=1, max=200),
        metadata={"label": "Name", "description": "Whom to greet.", "input_type": "text"},
    )


@BLP.route("/")
class MetadataView(MethodView):
    """What the plugin says of itself."""

    @BLP.response(HTTPStatus.OK, PluginMetadataSchema)
    @BLP.require_jwt("jwt", optional=True)
    def get(self) -> PluginMetadata:
        """Its metadata."""
        return PluginMetadata(
            title="Hello world",
            description=HelloWorld.description,
            name=NAME,
            version=VERSION,
            type=PluginType.processing,
            tags=HelloWorld.tags,
            entry_point=EntryPoint(
                href=url_for(f"{IDENTIFIER}.ProcessView"),
                ui_href=url_for(f"{IDENTIFIER}.MicroFrontend"),
                data_output=[DataMetadata(data_type="text/greeting", content_type=["text/plain"], required=True)],
            ),
        )


@BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form."""

    @BLP.html_response(HTTPStatus.OK, description="The form, with values from the query filled in.")
    @BLP.arguments(GreetingSchema(partial=True, unknown=ma.EXCLUDE, validate_errors_as_result=True), location="query")
    @BLP.require_jwt("jwt", optional=True)
    def get(self, errors: Mapping[str, Any]) -> str:
        """Show it."""
        return _page(request.args, errors, valid=False)

    @BLP.html_response(HTTPStatus.OK, description="The form, with what is wrong with it.")
    @BLP.arguments(GreetingSchema(unknown=ma.EXCLUDE, validate_errors_as_result=True), location="form")
    @BLP.require_jwt("jwt", optional=True)
    def post(self, errors: Mapping[str, Any]) -> str:
        """Check it."""
        return _page(request.form, errors, valid=not errors)


def _page(values: Mapping[str, Any], errors: Mapping[str, Any], *, valid: bool) -> str:
    return render_template(
        "simple_template.html",
        name="Hello world",
        schema=GreetingSchema(),
        values=values,
        errors=errors,
        valid=valid,
        process=url_for(f"{IDENTIFIER}.ProcessView"),
        help_text="The result is a text file with one line.",
        example_values=url_for(f"{IDENTIFIER}.MicroFrontend", name="World"),
    )


@BLP.route("/process/")
class ProcessView(MethodView):
    """Where the form goes."""

    @BLP.arguments(GreetingSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(HTTPStatus.SEE_OTHER)
    @BLP.require_jwt("jwt", optional=True)
    def post(self, arguments: Mapping[str, Any]) -> Response:
        """Note what is asked for, hand it to a worker, and lead to the result."""
        task = ProcessingTask(task_name=greet.name, parameters=json.dumps(arguments))
        task.save(commit=True)
        work = greet.s(db_id=task.id) | save_task_result.s(db_id=task.id)
        work.link_error(save_task_error.s(db_id=task.id))
        work.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), HTTPStatus.SEE_OTHER)


@CELERY.task(name=f"{IDENTIFIER}.greet")
def greet(db_id: int) -> str:
    """In a worker: write the greeting. What is returned becomes the result's log."""
    task = ProcessingTask.get_by_id(db_id)
    if task is None:
        raise KeyError(f"there is no processing task {db_id}")
    greeting = f"Hello {json.loads(task.parameters)['name']}!"
    # A task that lost its worker after this line is run again, and must not put its file out twice.
    if not task.outputs:
        STORE.persist_task_result(db_id, f"{greeting}\n", "greeting.txt", "text/greeting", "text/plain")
    return greeting
