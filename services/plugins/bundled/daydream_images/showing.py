"""What the visualization plugins of this package have alike: their metadata, and errors as pages."""

from collections.abc import Sequence
from http import HTTPStatus

from flask import render_template
from qhana_plugin_runner.api.plugin_schemas import EntryPoint, InputDataMetadata, PluginMetadata, PluginType
from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema
from qhana_plugin_runner.util.plugins import QHAnaPluginBase


class DataSchema(FrontendFormBaseSchema):
    """The query that every visualization gets."""

    data_url = FileUrl(required=True, data_key="data-url", metadata={"label": "Data"})

    def on_bind_field(self, field_name: str, field_obj: object) -> None:
        """Keep the name as the contract has it, with its dash."""


def metadata(
    plugin: QHAnaPluginBase, *, title: str, address: str, data_type: str, content_types: Sequence[str]
) -> PluginMetadata:
    """Metadata of a plugin that shows one file at `address`."""
    return PluginMetadata(
        title=title,
        description=plugin.description,
        name=plugin.name,
        version=plugin.version,
        type=PluginType.visualization,
        tags=plugin.tags,
        entry_point=EntryPoint(
            href=address,
            ui_href=address,
            data_input=[
                InputDataMetadata(
                    parameter="data-url", data_type=data_type, content_type=list(content_types), required=True
                )
            ],
        ),
    )


def problem(title: str, sentence: str) -> tuple[str, HTTPStatus]:
    """A page that says why there is nothing to see."""
    page = render_template("daydream_images/problem.html", name=title, sentence=sentence)
    return page, HTTPStatus.UNPROCESSABLE_ENTITY
