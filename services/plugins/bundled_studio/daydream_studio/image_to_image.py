"""Draws pictures that begin from another one."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import marshmallow as ma
from marshmallow.validate import Range
from qhana_plugin_runner.api.plugin_schemas import InputDataMetadata
from qhana_plugin_runner.api.util import FileUrl, SecurityBlueprint
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

from services.plugins.generation import draw

from . import drawing_forms
from .drawing_forms import About, PictureSchema

CONTENT_TYPES: Final = ("image/png", "image/jpeg", "image/webp")


class ImageToImage(QHAnaPluginBase):
    """The plugin."""

    name = "image-to-image"
    version = "v1.0.0"
    description = "Draws pictures that begin from another one, in the studio and at its price."
    tags: ClassVar[list[str]] = ["image", "generation"]

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its endpoints."""
        return BLP


class StartedSchema(PictureSchema):
    """A picture's parameters, and what it begins from."""

    image_url = FileUrl(
        required=True,
        data_input_type="image/*",
        data_content_types=list(CONTENT_TYPES),
        metadata={"label": "Picture", "description": "A PNG, JPEG or WebP file to begin from; it is cut to the shape."},
    )
    strength = ma.fields.Float(
        load_default=0.8, allow_nan=False, validate=Range(min=0, min_inclusive=False, max=1),
        metadata={"label": "Strength", "description": "How much of it is drawn anew, above 0 to 1."},
    )  # fmt: skip


def start(wanted: Mapping[str, Any]) -> ProcessingTask:
    """Ask for the picture; the one that it begins from is fetched by a worker."""
    task = ProcessingTask(task_name=f"{ImageToImage.instance.identifier}.draw", parameters=json.dumps(wanted))
    draw(task, [drawing_forms.picture(wanted)], start_image=wanted["image_url"])
    return task


BLP = drawing_forms.blueprint(
    About(
        plugin=ImageToImage,
        title="Image to image",
        form=StartedSchema,
        start=start,
        inputs=[
            InputDataMetadata(
                parameter="imageUrl", data_type="image/*", content_type=list(CONTENT_TYPES), required=True
            )
        ],
        help_text="Of the steps, the share that is the strength is gone. It waits and costs as in the studio.",
    )
)
