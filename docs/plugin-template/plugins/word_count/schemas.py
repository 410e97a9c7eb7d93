"""What the plugin asks for."""

import marshmallow as ma
from marshmallow.validate import Range
from qhana_plugin_runner.api.util import FileUrl, FrontendFormBaseSchema


class WordCountSchema(FrontendFormBaseSchema):
    """Its parameters."""

    text_url = FileUrl(
        required=True,
        data_input_type="text",
        data_content_types=["text/plain"],
        metadata={"label": "Text", "description": "A file of plain text."},
    )
    at_least = ma.fields.Integer(
        load_default=1,
        validate=Range(min=1),
        metadata={"label": "At least", "description": "Leave out words that are rarer."},
    )
