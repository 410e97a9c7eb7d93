"""Fields of requests that take exactly what their names say, where the library's own would take more."""

from collections.abc import Mapping
from typing import Any

import marshmallow as ma


class Text(ma.fields.String):
    """A string that can be written as UTF-8: JSON can spell halves of characters, which nothing else can hold."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ma.ValidationError("holds half of a character (a lone surrogate).")
        if "\x00" in text:
            raise ma.ValidationError("holds a NUL character.")
        return text


class Number(ma.fields.Float):
    """A JSON number: neither a string nor a boolean that could be read as one."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ma.ValidationError("must be a number.")
        try:
            return float(value)
        except OverflowError as error:
            raise ma.ValidationError("must be a number that is not beyond all bounds.") from error


def about(text: str, **more: Any) -> dict[str, Any]:
    """What the API's document says of a field."""
    return {"description": text, **more}
