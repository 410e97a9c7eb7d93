"""Draws pictures from words."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

from services.plugins.generation import draw

from . import drawing_forms
from .drawing_forms import About, PictureSchema


class TextToImage(QHAnaPluginBase):
    """The plugin."""

    name = "text-to-image"
    version = "v1.0.0"
    description = "Draws pictures from words, in the studio and at its price."
    tags: ClassVar[list[str]] = ["image", "generation"]

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Its endpoints."""
        return BLP


def start(wanted: Mapping[str, Any]) -> ProcessingTask:
    """Ask for the picture."""
    task = ProcessingTask(task_name=f"{TextToImage.instance.identifier}.draw", parameters=json.dumps(wanted))
    draw(task, [drawing_forms.picture(wanted)])
    return task


BLP = drawing_forms.blueprint(
    About(
        plugin=TextToImage,
        title="Text to image",
        form=PictureSchema,
        start=start,
        help_text="It is drawn as in the studio: it waits in the same line, costs the same, and is in your timeline.",
        example={"prompt": "a red boat on a calm sea at sunset"},
    )
)
