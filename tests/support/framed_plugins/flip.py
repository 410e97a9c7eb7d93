"""A plugin for the studio's pages: turns a picture over, within the request, so that no worker is needed."""

import io
import json
from typing import Any, ClassVar

import marshmallow as ma
import PIL.Image
import PIL.ImageOps
from flask import redirect, render_template, request, url_for
from qhana_plugin_runner.api.plugin_schemas import (
    EntryPoint,
    InputDataMetadata,
    OutputDataMetadata,
    PluginMetadata,
    PluginMetadataSchema,
    PluginType,
)
from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.requests import open_url, retrieve_data_type, retrieve_filename
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier
from werkzeug.wrappers import Response

IDENTIFIER = plugin_identifier("flip", "v1.2.0")
BLP = SecurityBlueprint(IDENTIFIER, __name__)


class Form(FrontendFormBaseSchema):
    """What it asks for."""

    image_url = FileUrl(
        required=True, data_input_type="image/*", data_content_types=["image/png"],
        metadata={"label": "Picture", "description": "It is turned over."},
    )  # fmt: skip
    note = ma.fields.String(validate=ma.validate.NoneOf(["wrong"]), metadata={"label": "Note"})


class Flip(QHAnaPluginBase):
    """The plugin."""

    name = "flip"
    version = "v1.2.0"
    description = "Turns a picture over."
    tags: ClassVar[list[str]] = ["image", "mirror"]

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its pages."""
        return BLP


@BLP.route("/")
@BLP.response(200, PluginMetadataSchema)
def about() -> PluginMetadata:
    return PluginMetadata(
        title="Flip a picture", description=Flip.description, name="flip", version="v1.2.0", tags=Flip.tags,
        type=PluginType.processing,
        entry_point=EntryPoint(
            href=url_for(f"{IDENTIFIER}.process"), ui_href=url_for(f"{IDENTIFIER}.form"),
            data_input=[
                InputDataMetadata(
                    parameter="imageUrl", data_type="image/*", content_type=["image/png"], required=True
                )
            ],
            data_output=[OutputDataMetadata(data_type="image/flipped", content_type=["image/png"], required=True)],
        ),
    )  # fmt: skip


@BLP.route("/ui/", methods=["GET", "POST"])
def form() -> str:
    return render_template(
        "simple_template.html", name="Flip a picture", schema=Form(), values=request.values.to_dict(),
        errors=Form().validate(request.form) if request.method == "POST" else {},
        process=url_for(f"{IDENTIFIER}.process"),
    )  # fmt: skip


@BLP.route("/process/", methods=["POST"])
@BLP.arguments(Form(), location="form")
def process(arguments: dict[str, Any]) -> Response:
    task = ProcessingTask(task_name=f"{IDENTIFIER}.flip", parameters=json.dumps(arguments, default=str))
    task.save(commit=True)
    with open_url(arguments["image_url"]) as response:
        name, kind = retrieve_filename(response), retrieve_data_type(response)
        picture = PIL.ImageOps.flip(PIL.Image.open(io.BytesIO(response.content)).convert("RGB"))
    file = io.BytesIO()
    picture.save(file, "PNG")
    STORE.persist_task_result(task.id, file.getvalue(), f"{name}-flipped.png", "image/flipped", "image/png")
    STORE.persist_task_result(task.id, "side,px\nwidth,8\n", "sides.csv", "table", "text/csv")
    save_task_result(f"It was {kind}.", db_id=task.id)
    return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)
