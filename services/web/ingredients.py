"""What a generation can be drawn from beside words, as it is written over HTTP, in requests and answers alike."""

from typing import Any, Final

import marshmallow as ma
from marshmallow import validate

from services.web.fields import Number, Text, about

_ID: Final = validate.Length(min=1, max=64, error="is no id.")


class StartImageSchema(ma.Schema):
    """A picture to begin from: an upload or an image of yours."""

    class Meta:
        """Nothing that is not named here gets in."""

        unknown = ma.RAISE

    upload_id = Text(validate=_ID, metadata=about("An upload."))
    image_id = Text(validate=_ID, metadata=about("An image of one of your tasks."))

    @ma.validates_schema
    def _one(self, data: dict[str, Any], **_more: Any) -> None:
        if len(data) != 1:
            raise ma.ValidationError("must name one picture, by upload_id or image_id.")


class MaskSchema(ma.Schema):
    """Where the start image is drawn anew."""

    class Meta:
        """Nothing that is not named here gets in."""

        unknown = ma.RAISE

    upload_id = Text(required=True, validate=_ID, metadata=about("An upload."))


class AdapterSchema(ma.Schema):
    """A LoRA to draw with."""

    class Meta:
        """Nothing that is not named here gets in."""

        unknown = ma.RAISE

    name = Text(
        required=True, validate=validate.Length(min=1, max=128), metadata=about("One that the model can be drawn with.")
    )
    weight = Number(
        validate=validate.Range(min=-2, max=2, error="must be between −2 and 2."),
        metadata=about("How strongly it counts, −2 to 2; 1, as it was trained, when left out."),
    )
