"""Descriptions of entities' attributes, and turning values into text and back by them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

# The names in a file of entities, where they are not those of the fields.
_KEYS = {"attribute_type": "type", "ref_target": "refTarget"}
_FIELDS = (
    "ID", "attribute_type", "title", "description", "multiple", "ordered", "separator", "ref_target", "schema",
)  # fmt: skip
_BY_KEY = {_KEYS.get(name, name): name for name in _FIELDS}

CONSIDERED_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})
CONSIDERED_FALSE = frozenset({"0", "false", "f", "no", "n", "off", "null", "nil", "none"})

NUMERIC_TYPES = frozenset({"integer", "int", "float", "double", "number"})
"""The types of attributes whose values are numbers."""


@dataclass
class AttributeMetadata:
    """What is known of one attribute."""

    ID: str
    """Its name."""
    attribute_type: str
    """`string`, `integer`, `number`, `boolean`, `ref` or a type of one's own."""
    title: str
    """Its name for people."""
    description: str = ""
    """What it says."""
    multiple: bool = False
    """Whether it holds several values."""
    ordered: bool = False
    """Whether their order counts (a list, else a set)."""
    separator: str = ";"
    """What stands between them in text."""
    ref_target: str | None = None
    """What a reference refers to."""
    schema: str | None = None
    """A URL of a schema of its values."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What else the file says."""

    def __post_init__(self) -> None:
        if self.multiple and not self.separator:
            raise ValueError(f"attribute '{self.ID}' holds several values but names no separator")

    @staticmethod
    def from_dict(metadata: Mapping[str, Any]) -> "AttributeMetadata":
        """Read an entity; raises ValueError for several values without a separator, KeyError without an ID."""
        known = {_BY_KEY[key]: value for key, value in metadata.items() if key in _BY_KEY}
        known.setdefault("title", known["ID"])
        for flag in ("multiple", "ordered"):
            if flag in known:
                known[flag] = parse_bool(known[flag])
        if known.get("multiple"):
            # The default separator is for descriptions made in code; a file has to say what it uses.
            known.setdefault("separator", None)
        elif not known.get("separator"):
            known.pop("separator", None)
        return AttributeMetadata(**known, extra={key: metadata[key] for key in metadata if key not in _BY_KEY})

    def to_dict(self) -> dict[str, Any]:
        """As an entity."""
        return {**self.extra, **{key: getattr(self, name) for key, name in _BY_KEY.items()}}


def parse_bool(value: str | bool) -> bool:
    """Read yes or no as people write it; raises ValueError for anything else."""
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in CONSIDERED_TRUE:
        return True
    if text in CONSIDERED_FALSE:
        return False
    raise ValueError(f"{value!r} is neither yes nor no")


def parse_optional_value(value: str | None, deserialize: Callable[[str], Any]) -> Any:
    """Read a value; empty is None."""
    return None if value is None or value == "" else deserialize(value)


def parse_multi(
    value: str | Iterable[Any] | None,
    deserialize: Callable[[Any], Any],
    separator: str = ";",
    collection: Callable[..., Any] = list,
) -> Any:
    """Read several values; those of JSON, which come as a list, each as it is."""
    if value is None or value == "":
        return collection()
    values = value.split(separator) if isinstance(value, str) else value
    return collection(deserialize(item) for item in values)


def default_serialize(value: Any) -> str:
    """Text for a value: itself, empty for None, else what `str` (numbers, yes and no) or `repr` says."""
    if value is None:
        return ""
    return value if isinstance(value, str) else str(value) if isinstance(value, bool | int | float) else repr(value)


def serialize_multi(value: Iterable[Any] | None, serialize: Callable[[Any], str], separator: str = ";") -> str:
    """Text for several values."""
    return "" if value is None else separator.join(serialize(item) for item in value)


def _as_it_is(value: Any) -> Any:
    return value


_WHOLE = partial(parse_optional_value, deserialize=int)
_REAL = partial(parse_optional_value, deserialize=float)

# Plugins add types of their own to these two.
SERIALIZER_MAP: dict[str, Callable[[Any], str]] = dict.fromkeys(
    ("default", "string", "str", "integer", "int", "float", "double", "number", "bool", "boolean"), default_serialize
)
DESERIALIZER_MAP: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("default", "string", "str"), _as_it_is),
    **dict.fromkeys(("integer", "int"), _WHOLE),
    **dict.fromkeys(("float", "double", "number"), _REAL),
    **dict.fromkeys(("bool", "boolean"), parse_bool),
}


def _serializer(about: AttributeMetadata | None) -> Callable[[Any], str]:
    if about is None:
        return SERIALIZER_MAP["default"]
    one = SERIALIZER_MAP.get(about.attribute_type, SERIALIZER_MAP["default"])
    return partial(serialize_multi, serialize=one, separator=about.separator) if about.multiple else one


def _deserializer(about: AttributeMetadata | None) -> Callable[[Any], Any]:
    if about is None:
        return DESERIALIZER_MAP["default"]
    one = DESERIALIZER_MAP.get(about.attribute_type, DESERIALIZER_MAP["default"])
    if not about.multiple:
        return one
    collection = list if about.ordered else set
    return partial(parse_multi, deserialize=one, separator=about.separator, collection=collection)


def parse_attribute_metadata(metadata_entities: Iterable[Mapping[str, Any]]) -> dict[str, AttributeMetadata]:
    """The descriptions in a stream of entities (dicts), by attribute; raises as `AttributeMetadata.from_dict`."""
    return {about.ID: about for about in map(AttributeMetadata.from_dict, metadata_entities)}


def tuple_serializer(
    attributes: Sequence[str],
    attribute_metadata: Mapping[str, AttributeMetadata],
    tuple_: Callable[[Iterable[Any]], Any] = tuple,
) -> Callable[[Sequence[Any]], Any]:
    """A function that turns the values of an entity tuple with these attributes into text."""
    return _for_tuples([_serializer(attribute_metadata.get(name)) for name in attributes], tuple_)


def tuple_deserializer(
    attributes: Sequence[str],
    attribute_metadata: Mapping[str, AttributeMetadata],
    tuple_: Callable[[Iterable[Any]], Any] = tuple,
) -> Callable[[Sequence[Any]], Any]:
    """A function that reads the values of an entity tuple with these attributes from text."""
    return _for_tuples([_deserializer(attribute_metadata.get(name)) for name in attributes], tuple_)


def dict_serializer(
    attributes: Iterable[str], attribute_metadata: Mapping[str, AttributeMetadata], in_place: bool = True
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function that turns the values of an entity dict into text, in that dict or in a new one."""
    turns = {name: _serializer(attribute_metadata.get(name)) for name in attributes}
    return _for_dicts(turns, SERIALIZER_MAP["default"], in_place=in_place)


def dict_deserializer(
    attributes: Iterable[str], attribute_metadata: Mapping[str, AttributeMetadata], in_place: bool = True
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """A function that reads the values of an entity dict from text, in that dict or into a new one."""
    turns = {name: _deserializer(attribute_metadata.get(name)) for name in attributes}
    return _for_dicts(turns, DESERIALIZER_MAP["default"], in_place=in_place)


def _for_tuples(
    turns: Sequence[Callable[[Any], Any]], make: Callable[[Iterable[Any]], Any]
) -> Callable[[Sequence[Any]], Any]:
    def turned(entity: Sequence[Any]) -> Any:
        return make(turn(value) for turn, value in zip(turns, entity, strict=False))

    return turned


def _for_dicts(
    turns: Mapping[str, Callable[[Any], Any]], default: Callable[[Any], Any], *, in_place: bool
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def turned(entity: dict[str, Any]) -> dict[str, Any]:
        values = {name: turns.get(name, default)(value) for name, value in entity.items()}
        if not in_place:
            return values
        entity.update(values)
        return entity

    return turned
