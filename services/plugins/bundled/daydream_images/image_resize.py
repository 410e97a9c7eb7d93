"""Makes a picture smaller or larger."""

from enum import Enum
from typing import Any, ClassVar

import marshmallow as ma
import PIL.Image
import PIL.ImageOps
from marshmallow.validate import Range
from PIL.Image import Image
from qhana_plugin_runner.api.extra_fields import EnumField
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

from . import pictures, processing

_MOST = 4096
_SMOOTH = PIL.Image.Resampling.LANCZOS


class Shape(Enum):
    """What becomes of a picture whose shape is another one."""

    fit = "Fit inside"
    cover = "Cut to fill"
    stretch = "Stretch"


class ImageResize(QHAnaPluginBase):
    """The plugin."""

    name = "image-resize"
    version = "v1.0.0"
    description = "Makes a picture smaller or larger."
    tags: ClassVar[list[str]] = ["image", "preprocessing"]

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its endpoints."""
        return BLP


class ResizeSchema(FrontendFormBaseSchema):
    """Its parameters."""

    image_url = pictures.url_field("Picture", "A PNG, JPEG or WebP file.")
    width = ma.fields.Integer(
        required=True, validate=Range(min=1, max=_MOST), metadata={"label": "Width", "description": "In pixels."}
    )
    height = ma.fields.Integer(
        required=True, validate=Range(min=1, max=_MOST), metadata={"label": "Height", "description": "In pixels."}
    )
    shape = EnumField(
        Shape, load_default=Shape.fit,
        metadata={
            "label": "Other shapes",
            "description": "A picture of another shape fits inside the size, or fills it and is cut, or is stretched.",
        },
    )  # fmt: skip


@CELERY.task(name=f"{ImageResize.instance.identifier}.resize")
def resize(db_id: int) -> str:
    """In a worker: read, resize, write in the format that it had."""
    task, wanted = processing.begun(db_id, ResizeSchema)
    file = pictures.fetch(wanted["image_url"])
    before = pictures.unpack(file)
    after = _resized(before, wanted)
    processing.put_out(
        task,
        processing.Output(
            name=f"{file.name}-{after.width}x{after.height}{file.format.ending}",
            data_type="image/resized",
            content_type=file.format.content_type,
            content=pictures.pack(after, file.format),
        ),
    )
    return f"{before.width} × {before.height} became {after.width} × {after.height} pixels."


def _resized(image: Image, wanted: dict[str, Any]) -> Image:
    size = (wanted["width"], wanted["height"])
    if wanted["shape"] is Shape.cover:
        return PIL.ImageOps.fit(image, size, _SMOOTH)
    if wanted["shape"] is Shape.stretch:
        return image.resize(size, _SMOOTH)
    # A line of a picture stays a line: no side becomes less than a pixel.
    scale = min(size[0] / image.width, size[1] / image.height)
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), _SMOOTH)


BLP = processing.blueprint(
    processing.About(
        plugin=ImageResize,
        title="Resize a picture",
        form=ResizeSchema,
        task=resize,
        inputs={"imageUrl": True},
        outputs=[processing.picture_output("image/resized")],
        help_text=f"Up to {_MOST} pixels a side. The picture keeps its format and loses its metadata.",
        example={"width": 512, "height": 512, "shape": "fit"},
    )
)
