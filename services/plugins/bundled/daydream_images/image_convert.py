"""Converts a picture to PNG, JPEG or WebP."""

from typing import ClassVar

import marshmallow as ma
from marshmallow.validate import Range
from qhana_plugin_runner.api.extra_fields import EnumField
from qhana_plugin_runner.api.plugin_schemas import PluginType
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

from . import pictures, processing
from .pictures import Format


class ImageConvert(QHAnaPluginBase):
    """The plugin."""

    name = "image-convert"
    version = "v1.0.0"
    description = "Converts a picture to PNG, JPEG or WebP."
    tags: ClassVar[list[str]] = ["image", "conversion"]

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its endpoints."""
        return BLP


class ConvertSchema(FrontendFormBaseSchema):
    """Its parameters."""

    image_url = pictures.url_field("Picture", "A PNG, JPEG or WebP file.")
    target_format = EnumField(
        Format, required=True, metadata={"label": "Format", "description": "What it is to become."}
    )
    quality = ma.fields.Integer(
        load_default=90, validate=Range(min=1, max=100),
        metadata={"label": "Quality", "description": "Of JPEG and WebP; PNG loses nothing."},
    )  # fmt: skip
    background = ma.fields.String(
        load_default="#ffffff", validate=pictures.must_be_colour,
        metadata={"label": "Background", "description": "Behind transparent parts, in a JPEG.", "input_type": "color"},
    )  # fmt: skip


@CELERY.task(name=f"{ImageConvert.instance.identifier}.convert")
def convert(db_id: int) -> str:
    """In a worker: read, write anew."""
    task, wanted = processing.begun(db_id, ConvertSchema)
    file = pictures.fetch(wanted["image_url"])
    kind = wanted["target_format"]
    data = pictures.pack(pictures.unpack(file), kind, quality=wanted["quality"], background=wanted["background"])
    processing.put_out(
        task,
        processing.Output(
            name=f"{file.name}{kind.ending}", data_type="image/converted", content_type=kind.content_type, content=data
        ),
    )
    return f"{file.format.value}, {len(file.data)} bytes, became {kind.value}, {len(data)} bytes."


BLP = processing.blueprint(
    processing.About(
        plugin=ImageConvert,
        title="Convert a picture",
        form=ConvertSchema,
        task=convert,
        inputs={"imageUrl": True},
        outputs=[processing.picture_output("image/converted")],
        help_text="The picture is turned upright and written without its metadata.",
        type=PluginType.conversion,
    )
)
