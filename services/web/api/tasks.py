"""Tasks for programs: submit, list, read, cancel. Translates; tasks decides."""

# flask-smorest's decorators carry no types.
# mypy: disable-error-code="untyped-decorator"

from typing import Any, NoReturn

import flask
import marshmallow as ma
from flask_limiter import Limiter
from flask_smorest import Blueprint
from webargs.flaskparser import FlaskParser

from services.foundation.bridge import Bridge
from services.web import gate, generation, identifiers, present, strict_json
from services.web.api.schemas import TaskListQuery, TaskPageSchema, TaskSchema
from services.web.backends.ledger import Tasks


class _Parser(FlaskParser):
    """Reads JSON strictly and refuses in the words of the rest of the gateway."""

    DEFAULT_UNKNOWN_BY_LOCATION = {**FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION, "query": ma.RAISE}  # noqa: RUF012

    def _raw_load_json(self, req: flask.Request) -> Any:
        return strict_json.body()

    def handle_error(self, error: ma.ValidationError, *_args: Any, **_more: Any) -> NoReturn:
        raise generation.invalid(error.messages) from error


class _Blueprint(Blueprint):  # type: ignore[misc]
    ARGUMENTS_PARSER = _Parser()


def blueprint(tasks: Tasks, bridge: Bridge, limiter: Limiter) -> Blueprint:
    """The views."""
    views = _Blueprint("tasks", __name__, description="Generations and their images")

    @views.route("/tasks", methods=["POST"])
    @limiter.limit("120/minute", key_func=lambda: gate.visitor().user_id)
    @views.arguments(generation.TaskRequest)
    @views.doc(
        summary="Ask for a generation",
        parameters=[
            {
                "in": "header",
                "name": "Idempotency-Key",
                "schema": {"type": "string", "maxLength": 64},
                "description": "A repeat with the same key and content returns the first task, charged once.",
            }
        ],
    )
    @views.response(202, TaskSchema, description="Queued; follow it at its events.")
    def submit(values: dict[str, Any]) -> dict[str, Any]:
        request_id = generation.request_id(flask.request.headers.get("Idempotency-Key"))
        return present.task(bridge.call(tasks.submit(gate.visitor(), request_id, generation.parameters(values))))

    @views.route("/tasks", methods=["GET"])
    @views.arguments(TaskListQuery, location="query")
    @views.doc(summary="List your tasks, newest first")
    @views.response(200, TaskPageSchema)
    def page(query: dict[str, Any]) -> dict[str, Any]:
        found = bridge.call(tasks.page(gate.visitor(), page_size=query["limit"], page_token=query["cursor"]))
        return {"tasks": [present.task(each) for each in found.tasks], "next_cursor": found.next_page_token or None}

    @views.route("/tasks/<task_id>", methods=["GET"])
    @views.doc(summary="Read a task")
    @views.response(200, TaskSchema)
    def read(task_id: str) -> dict[str, Any]:
        return present.task(bridge.call(tasks.get(gate.visitor(), identifiers.checked(task_id))))

    @views.route("/tasks/<task_id>/cancel", methods=["POST"])
    @views.doc(summary="Stop a task")
    @views.response(
        200,
        TaskSchema,
        description="The task as it ended, one that had ended before unchanged. A worker that needs more than two "
        "seconds to stop leaves it RUNNING in this answer; its events tell the end.",
    )
    def cancel(task_id: str) -> dict[str, Any]:
        return present.task(bridge.call(tasks.cancel_and_see(gate.visitor(), identifiers.checked(task_id))))

    return views
