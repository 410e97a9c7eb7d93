"""Form fields that marshmallow does not have."""

from collections.abc import Mapping
from enum import Enum
from typing import Any
from warnings import warn

import marshmallow as ma
from marshmallow.utils import resolve_field_instance


class EnumField(ma.fields.Field):
    """A member of an enum, by its name; with `use_value` by its value too.

    `metadata["options"]` holds a label for each name, for the form's choices: the value, unless the field says
    otherwise. An option with an empty name stands for none, and comes first.
    """

    default_error_messages = {"invalid": "Not a valid choice."}  # noqa: RUF012  (as marshmallow declares it)

    def __init__(self, enum_type: type[Enum], use_value: bool = False, **kwargs: Any) -> None:
        metadata = dict(kwargs.pop("metadata", None) or {})
        given = {
            key.name if isinstance(key, Enum) else key: label for key, label in (metadata.get("options") or {}).items()
        }
        options = {member.name: member.value for member in enum_type}
        for name in given.keys() - options.keys() - {""}:
            warn(f"{enum_type.__name__} has no member {name!r}, which is among the field's options", stacklevel=2)
        empty = {"": given[""]} if "" in given else {}
        metadata["options"] = empty | {name: given.get(name, label) for name, label in options.items()}
        super().__init__(metadata=metadata, **kwargs)
        self.enum_type = enum_type
        self.use_value = use_value

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        return value.name if isinstance(value, Enum) else value

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if value == "" and (self.allow_none or "" in self.metadata["options"]):
            return None
        if isinstance(value, self.enum_type):
            return value
        if self.use_value:
            try:
                return self.enum_type(value)
            except (ValueError, TypeError):
                pass  # A form sends the name.
        if isinstance(value, str) and value in self.enum_type.__members__:
            return self.enum_type[value]
        raise self.make_error("invalid", input=value)


class CSVList(ma.fields.Field):
    """A list written as text with commas; an empty text is an empty list."""

    default_error_messages = {"invalid": "Not a valid list."}  # noqa: RUF012  (as marshmallow declares it)

    def __init__(self, element_type: ma.fields.Field | type[ma.fields.Field], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.element_type = resolve_field_instance(element_type)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        if value is None:
            return None
        items = (self.element_type._serialize(item, attr or "", obj, **kwargs) for item in value)
        return ",".join("" if item is None else str(item) for item in items)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        if not value:
            return []
        if not isinstance(value, str | list | tuple):
            raise self.make_error("invalid", input=value)
        items = value.split(",") if isinstance(value, str) else value
        return [self.element_type.deserialize(item.strip() if isinstance(item, str) else item) for item in items]
