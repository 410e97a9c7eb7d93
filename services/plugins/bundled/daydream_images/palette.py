"""The colours that a picture is made of, as entities."""

import io
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import marshmallow as ma
import PIL.Image
from marshmallow.validate import Range
from PIL.Image import Image
from qhana_plugin_runner.api.plugin_schemas import OutputDataMetadata
from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.plugin_utils.entity_marshalling import save_entities
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

from . import pictures, processing
from .pictures import PictureRefused

ATTRIBUTES: Final = ("ID", "href", "colour", "share", "red", "green", "blue")
_LOOKED_AT: Final = (256, 256)
_OPAQUE: Final = 128


class Palette(QHAnaPluginBase):
    """The plugin."""

    name = "palette"
    version = "v1.0.0"
    description = "Finds the colours that a picture is made of, and how much of it each of them covers."
    tags: ClassVar[list[str]] = ["image", "colour", "analysis"]

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its endpoints."""
        return BLP


class PaletteSchema(FrontendFormBaseSchema):
    """Its parameters."""

    image_url = pictures.url_field("Picture", "A PNG, JPEG or WebP file.")
    count = ma.fields.Integer(
        load_default=8, validate=Range(min=1, max=64),
        metadata={"label": "Colours", "description": "How many at most."},
    )  # fmt: skip


@CELERY.task(name=f"{Palette.instance.identifier}.find-colours")
def find_colours(db_id: int) -> str:
    """In a worker: read, count, write the entities in both formats."""
    task, wanted = processing.begun(db_id, PaletteSchema)
    file = pictures.fetch(wanted["image_url"])
    found = colours(pictures.unpack(file, within=_LOOKED_AT), wanted["count"])
    processing.put_out(task, _file(found, "json", "application/json"), _file(found, "csv", "text/csv"))
    return f"{len(found)} colours; {found[0]['colour']} covers {found[0]['share']:.0%}."


def colours(image: Image, count: int) -> list[dict[str, Any]]:
    """Entities of at most `count` colours by their share of what is not transparent, the largest first.

    Close colours are put together by median cut. Raises PictureRefused where everything is transparent.
    """
    pixels: Sequence[Any] = image.convert("RGBA").get_flattened_data()
    seen = [pixel[:3] for pixel in pixels if pixel[3] >= _OPAQUE]
    if not seen:
        raise PictureRefused("The picture is wholly transparent.")
    row = PIL.Image.new("RGB", (len(seen), 1))
    row.putdata(seen)
    few = row.quantize(count, method=PIL.Image.Quantize.MEDIANCUT).convert("RGB")
    counted = sorted(few.getcolors(count) or (), key=lambda each: (-each[0], each[1]))
    return [_entity(number, found / len(seen), rgb) for number, (found, rgb) in enumerate(counted, 1)]


def _entity(number: int, share: float, rgb: Any) -> dict[str, Any]:
    red, green, blue = rgb
    values = (str(number), "", f"#{red:02x}{green:02x}{blue:02x}", round(share, 4), red, green, blue)
    return dict(zip(ATTRIBUTES, values, strict=True))


def _file(found: Sequence[dict[str, Any]], ending: str, content_type: str) -> processing.Output:
    with io.StringIO(newline="") as file:
        save_entities(found, file, content_type, attributes=ATTRIBUTES)
        content = file.getvalue()
    return processing.Output(
        name=f"palette.{ending}", data_type="entity/list", content_type=content_type, content=content
    )


BLP = processing.blueprint(
    processing.About(
        plugin=Palette,
        title="Palette of a picture",
        form=PaletteSchema,
        task=find_colours,
        inputs={"imageUrl": True},
        outputs=[
            OutputDataMetadata(data_type="entity/list", content_type=[kind], required=True, name=name)
            for kind, name in (("application/json", "palette.json"), ("text/csv", "palette.csv"))
        ],
        help_text="Each colour is an entity with `colour` (as `#rrggbb`), `share` (0 to 1), `red`, `green` and `blue`.",
        example={"count": 8},
    )
)
