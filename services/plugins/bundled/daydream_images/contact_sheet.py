"""Lays several pictures out on one."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Final

import marshmallow as ma
import PIL.Image
from marshmallow.validate import Range
from PIL.Image import Image
from qhana_plugin_runner.api.extra_fields import EnumField
from qhana_plugin_runner.api.util import FileUrlValidator, FrontendFormBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

from . import pictures, processing
from .pictures import Format, PictureRefused

MOST: Final = 100
"""Pictures on a sheet."""
_FIELDS: Final = tuple(f"image_{number}" for number in range(1, 10))


class ContactSheet(QHAnaPluginBase):
    """The plugin."""

    name = "contact-sheet"
    version = "v1.0.0"
    description = "Lays several pictures out on one, in rows."
    tags: ClassVar[list[str]] = ["image", "layout"]

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its endpoints."""
        return BLP


class SheetSchema(FrontendFormBaseSchema):
    """Its parameters: nine pictures to choose, and a list for more."""

    image_1 = pictures.url_field("Picture 1", "")
    image_2 = pictures.url_field("Picture 2", "")
    image_3 = pictures.url_field("Picture 3", "", required=False)
    image_4 = pictures.url_field("Picture 4", "", required=False)
    image_5 = pictures.url_field("Picture 5", "", required=False)
    image_6 = pictures.url_field("Picture 6", "", required=False)
    image_7 = pictures.url_field("Picture 7", "", required=False)
    image_8 = pictures.url_field("Picture 8", "", required=False)
    image_9 = pictures.url_field("Picture 9", "", required=False)
    more = ma.fields.String(
        load_default="",
        metadata={"label": "More pictures", "description": "A URL in each line.", "input_type": "textarea"},
    )
    columns = ma.fields.Integer(
        load_default=0, validate=Range(min=0, max=MOST),
        metadata={"label": "Columns", "description": "0: as many as make the sheet about square."},
    )  # fmt: skip
    cell_size = ma.fields.Integer(
        load_default=256, validate=Range(min=32, max=1024),
        metadata={"label": "Cell", "description": "The longest side of a picture on the sheet, in pixels."},
    )  # fmt: skip
    gap = ma.fields.Integer(
        load_default=8, validate=Range(min=0, max=128),
        metadata={"label": "Gap", "description": "Round each picture, in pixels."},
    )  # fmt: skip
    background = ma.fields.String(
        load_default="#ffffff", validate=pictures.must_be_colour,
        metadata={"label": "Background", "description": "Of the sheet.", "input_type": "color"},
    )  # fmt: skip
    target_format = EnumField(
        Format, load_default=Format.png, metadata={"label": "Format", "description": "Of the sheet."}
    )

    @ma.validates("more")
    def _each_a_url(self, text: str, **_: Any) -> None:
        for line in text.split():
            FileUrlValidator(error=f"Not a valid URL: {line[:100]}")(line)

    @ma.validates_schema
    def _not_too_much(self, data: Mapping[str, Any], **_: Any) -> None:
        urls = _urls(data)
        if len(urls) > MOST:
            raise ma.ValidationError(f"There may be {MOST} pictures at most.", "more")
        width, height = _size(data, len(urls))
        if width * height > pictures.MOST_PIXELS or max(width, height) > pictures.MOST_SIDE:
            raise ma.ValidationError(f"The sheet would have {width} × {height} pixels, too many.", "cell_size")


def _urls(data: Mapping[str, Any]) -> list[str]:
    return [data[name] for name in _FIELDS if data.get(name)] + (data.get("more") or "").split()


def _columns(data: Mapping[str, Any], count: int) -> int:
    return min(max(1, count), data.get("columns") or math.ceil(math.sqrt(max(1, count))))


def _size(data: Mapping[str, Any], count: int) -> tuple[int, int]:
    columns = _columns(data, count)
    cell, gap = data.get("cell_size", 256), data.get("gap", 8)
    return gap + columns * (cell + gap), gap + math.ceil(max(1, count) / columns) * (cell + gap)


@CELERY.task(name=f"{ContactSheet.instance.identifier}.lay-out")
def lay_out(db_id: int) -> str:
    """In a worker: one picture after the other, so that only one is in memory at its full size."""
    task, wanted = processing.begun(db_id, SheetSchema)
    sheet = _sheet(task, wanted, _urls(wanted))
    kind: Format = wanted["target_format"]
    processing.put_out(
        task,
        processing.Output(
            name=f"contact-sheet{kind.ending}",
            data_type="image/contact-sheet",
            content_type=kind.content_type,
            content=pictures.pack(sheet, kind),
        ),
    )
    return f"{len(_urls(wanted))} pictures on {sheet.width} × {sheet.height} pixels."


def _sheet(task: ProcessingTask, wanted: Mapping[str, Any], urls: Sequence[str]) -> Image:
    cell, gap, columns = wanted["cell_size"], wanted["gap"], _columns(wanted, len(urls))
    sheet = PIL.Image.new("RGB", _size(wanted, len(urls)), wanted["background"])
    task.progress_start, task.progress_target, task.progress_unit = 0, len(urls), "pictures"
    for number, url in enumerate(urls):
        try:
            picture = pictures.unpack(pictures.fetch(url), within=(cell, cell))
        except PictureRefused as error:
            raise PictureRefused(f"Picture {number + 1}: {error}") from error
        row, column = divmod(number, columns)
        left = gap + column * (cell + gap) + (cell - picture.width) // 2
        top = gap + row * (cell + gap) + (cell - picture.height) // 2
        sheet.paste(picture, (left, top), picture.getchannel("A") if picture.mode == "RGBA" else None)
        task.progress_value = number + 1
        task.save(commit=True)
    return sheet


BLP = processing.blueprint(
    processing.About(
        plugin=ContactSheet,
        title="Contact sheet",
        form=SheetSchema,
        task=lay_out,
        inputs={f"image{number}": number <= 2 for number in range(1, 10)},
        outputs=[processing.picture_output("image/contact-sheet")],
        help_text=f"Up to {MOST} pictures, from left to right and from top to bottom.",
    )
)
