"""Metadata, form and process resource."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import marshmallow as ma
from flask import redirect, render_template, request, url_for
from flask.views import MethodView
from qhana_plugin_runner.api.plugin_schemas import (
    DataMetadata,
    EntryPoint,
    InputDataMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from werkzeug.wrappers import Response

from . import BLP, IDENTIFIER, WordCount
from .schemas import WordCountSchema
from .tasks import count_words


@BLP.route("/")
class MetadataView(MethodView):
    """What the plugin says of itself."""

    @BLP.response(HTTPStatus.OK, PluginMetadataSchema)
    @BLP.require_jwt("jwt", optional=True)
    def get(self) -> PluginMetadata:
        """Its metadata."""
        return PluginMetadata(
            title="Count words",
            description=WordCount.description,
            name=WordCount.name,
            version=WordCount.version,
            type=PluginType.processing,
            tags=WordCount.tags,
            entry_point=EntryPoint(
                href=url_for(f"{IDENTIFIER}.ProcessView"),
                ui_href=url_for(f"{IDENTIFIER}.MicroFrontend"),
                data_input=[
                    InputDataMetadata(parameter="textUrl", data_type="text", content_type=["text/plain"], required=True)
                ],
                data_output=[DataMetadata(data_type="entity/list", content_type=["application/json"], required=True)],
            ),
        )


@BLP.route("/ui/")
class MicroFrontend(MethodView):
    """The form."""

    @BLP.html_response(HTTPStatus.OK, description="The form, with values from the query filled in.")
    @BLP.arguments(WordCountSchema(partial=True, unknown=ma.EXCLUDE, validate_errors_as_result=True), location="query")
    @BLP.require_jwt("jwt", optional=True)
    def get(self, errors: Mapping[str, Any]) -> str:
        """Show it."""
        return self._page({"atLeast": 1, **request.args.to_dict()}, errors, valid=False)

    @BLP.html_response(HTTPStatus.OK, description="The form, with what is wrong with it.")
    @BLP.arguments(WordCountSchema(unknown=ma.EXCLUDE, validate_errors_as_result=True), location="form")
    @BLP.require_jwt("jwt", optional=True)
    def post(self, errors: Mapping[str, Any]) -> str:
        """Check it."""
        return self._page(request.form, errors, valid=not errors)

    def _page(self, values: Mapping[str, Any], errors: Mapping[str, Any], *, valid: bool) -> str:
        return render_template(
            "simple_template.html",
            name="Count words",
            schema=WordCountSchema(),
            values=values,
            errors=errors,
            valid=valid,
            process=url_for(f"{IDENTIFIER}.ProcessView"),
        )


@BLP.route("/process/")
class ProcessView(MethodView):
    """Where the form goes."""

    @BLP.arguments(WordCountSchema(unknown=ma.EXCLUDE), location="form")
    @BLP.response(HTTPStatus.SEE_OTHER)
    @BLP.require_jwt("jwt", optional=True)
    def post(self, arguments: Mapping[str, Any]) -> Response:
        """Note what is asked for, hand it to a worker, and lead to the result."""
        task = ProcessingTask(task_name=count_words.name, parameters=json.dumps(arguments))
        task.save(commit=True)
        work = count_words.s(db_id=task.id) | save_task_result.s(db_id=task.id)
        work.link_error(save_task_error.s(db_id=task.id))
        work.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), HTTPStatus.SEE_OTHER)
