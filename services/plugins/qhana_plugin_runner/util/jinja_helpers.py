"""What the form macros ask about a field."""

from collections.abc import Sequence

from flask import Flask
from markupsafe import Markup
from marshmallow import fields
from marshmallow.validate import Length, Range
from qhana_plugin_runner.api.extra_fields import EnumField
from qhana_plugin_runner.markdown import register_markdown_filter

# The first that fits, so that the special stand before the general.
_INPUT_TYPES: tuple[tuple[type[fields.Field], str], ...] = (
    (fields.Email, "email"),
    (fields.Url, "url"),
    (fields.Boolean, "checkbox"),
    (EnumField, "select"),
    (fields.Decimal, "number"),
    (fields.Float, "number"),
    (fields.Integer, "number"),
    (fields.NaiveDateTime, "datetime-local"),
    (fields.Date, "date"),
    (fields.Time, "time"),
    (fields.Raw, "textarea"),
    (fields.String, "text"),
)


def marshmallow_field_to_input_type(field: fields.Field) -> str | None:
    """The HTML input for a field: what its metadata says, else by its kind; None for a kind without one."""
    said = field.metadata.get("input_type")
    if said:
        return str(said)
    return next((input_type for kind, input_type in _INPUT_TYPES if isinstance(field, kind)), None)


def marshmallow_field_to_step_attr(field: fields.Field) -> str | None:
    """The distance of two valid numbers, `any` for real ones; None for what is no number."""
    said = field.metadata.get("step")
    if said is not None:
        return str(said)
    if isinstance(field, fields.Integer):
        return "1"
    return "any" if isinstance(field, fields.Decimal | fields.Float) else None


def marshmallow_validators_to_field_attrs(field: fields.Field) -> Markup:
    """The attributes by which a browser checks what the field's validators will check, as HTML."""
    attributes: dict[str, object] = {"step": marshmallow_field_to_step_attr(field)}
    for validator in field.validators:
        if isinstance(validator, Range):
            attributes |= {"min": validator.min, "max": validator.max}
        elif isinstance(validator, Length):
            attributes |= {"minlength": validator.min, "maxlength": validator.max}
    return Markup(" ").join(
        Markup('{}="{}"').format(name, value) for name, value in attributes.items() if value is not None
    )


def space_delimited_list(items: Sequence[object] | str | float | bool | None) -> str | None:
    """Several values as one attribute; a single one as it is."""
    if items is None:
        return None
    return " ".join(map(str, items)) if isinstance(items, list | tuple | set | frozenset) else str(items)


def register_helpers(app: Flask) -> None:
    """Give the templates of `app` these functions, by the names that published templates know, and `markdown`."""
    register_markdown_filter(app)
    app.jinja_env.globals.update(
        get_input_type=marshmallow_field_to_input_type,
        get_input_attr_step=marshmallow_field_to_step_attr,
        get_validation_attrs=marshmallow_validators_to_field_attrs,
        space_delimited_list=space_delimited_list,
    )
