"""A plugin that asks twice: words, then whether they are right."""

from typing import Any, ClassVar

from flask import redirect, render_template, url_for
from marshmallow import fields
from qhana_plugin_runner.api.plugin_schemas import EntryPoint, PluginMetadata, PluginMetadataSchema, PluginType
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import add_step, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier
from werkzeug.wrappers import Response

IDENTIFIER = plugin_identifier("two-steps", "v0.1.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__)


class Words(FrontendFormBaseSchema):
    """The first question."""

    words = fields.String(required=True, metadata={"label": "Words"})


class Right(FrontendFormBaseSchema):
    """The second one."""

    right = fields.String(metadata={"label": "Right"})


class TwoSteps(QHAnaPluginBase):
    """The plugin."""

    name = "two-steps"
    version = "v0.1.0"
    description = "Asks twice."
    tags: ClassVar[list[str]] = ["words"]

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its pages."""
        return BLP


@BLP.route("/")
@BLP.response(200, PluginMetadataSchema)
def about() -> PluginMetadata:
    return PluginMetadata(
        title="Ask twice", description=TwoSteps.description, name="two-steps", version="v0.1.0", tags=TwoSteps.tags,
        type=PluginType.interaction,
        entry_point=EntryPoint(href=url_for(f"{IDENTIFIER}.process"), ui_href=url_for(f"{IDENTIFIER}.form")),
    )  # fmt: skip


def page(title: str, schema: FrontendFormBaseSchema, where: str) -> str:
    return render_template(
        "simple_template.html", name=title, help_text=title, schema=schema, values={}, errors={}, process=where
    )


@BLP.route("/ui/")
def form() -> str:
    return page("Write words", Words(), url_for(f"{IDENTIFIER}.process"))


@BLP.route("/process/", methods=["POST"])
@BLP.arguments(Words(), location="form")
def process(arguments: dict[str, Any]) -> Response:
    task = ProcessingTask(task_name=f"{IDENTIFIER}.ask", parameters=arguments["words"])
    task.save(commit=True)
    where: dict[str, Any] = {"db_id": task.id, "_external": True}
    add_step(
        "Words are there.", db_id=task.id, step_id="check-the-words", href=url_for(f"{IDENTIFIER}.finish", **where),
        ui_href=url_for(f"{IDENTIFIER}.check", **where), prog_value=50,
    )  # fmt: skip
    return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


@BLP.route("/<int:db_id>/ui/")
def check(db_id: int) -> str:
    task = ProcessingTask.get_by_id(db_id)
    assert task is not None
    return page(f"Is “{task.parameters}” right?", Right(), url_for(f"{IDENTIFIER}.finish", db_id=db_id))


@BLP.route("/<int:db_id>/process/", methods=["POST"])
def finish(db_id: int) -> Response:
    task = ProcessingTask.get_by_id(db_id)
    assert task is not None
    task.clear_previous_step(commit=True)
    STORE.persist_task_result(db_id, f"{task.parameters}\n", "words.txt", "text/words", "text/plain")
    save_task_result("All is right.", db_id=db_id)
    return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)
