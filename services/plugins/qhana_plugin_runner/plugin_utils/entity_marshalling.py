"""Entities in files: JSON, JSON lines and CSV, read and written one at a time."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TextIO

from requests import Response

from .attributes import AttributeMetadata, dict_deserializer
from .entity_tuples import EntityTupleMixin, get_entity_tuple_class
from .json_streams import iter_items
from .text_streams import open_text, text_lines

__all__ = [
    "ArrayEntity",
    "EntityTupleMixin",
    "ResponseLike",
    "array_to_entity",
    "ensure_array",
    "ensure_dict",
    "ensure_tuple",
    "entity_attribute_sort_key",
    "get_entity_tuple_class",
    "load_entities",
    "save_entities",
]

_JSON = "application/json"
_JSON_LINES = "application/x-lines+json"
_CSV = "text/csv"
# Only so that a field may be as long as a file: the standard library stops at 128 kB.
csv.field_size_limit(2**31 - 1)


class ResponseLike(Protocol):
    """What entities can be loaded from; `requests.Response` is one, and read as it comes when it was opened so."""

    def json(self) -> Any:
        """The whole body, decoded."""
        ...

    def iter_lines(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """The lines of the body, as text when asked with `decode_unicode=True`."""
        ...


class DefaultDialect(csv.Dialect):
    """All fields quoted, lines ended with CRLF; registered as `default`."""

    delimiter = ","
    doublequote = True
    quotechar = '"'
    lineterminator = "\r\n"
    quoting = csv.QUOTE_ALL


csv.register_dialect("default", DefaultDialect)


class ArrayEntity(NamedTuple):
    """An entity whose attributes beside ID and href are numbers."""

    ID: str
    href: str
    values: list[float]


def entity_attribute_sort_key(attribute_name: str) -> tuple[int, str]:
    """Sorts attribute names: identity first, then links, then the others by name."""
    if attribute_name in {"ID", "GRAPH_ID"}:
        return 0, attribute_name
    if attribute_name in {"href", "source", "target", "entities", "relations"}:
        return 1, attribute_name
    return 2, attribute_name


def ensure_dict(
    items: Iterable[Any], attribute_metadata: Mapping[str, AttributeMetadata] | None = None
) -> Iterator[dict[str, Any]]:
    """Entities as dicts, whatever they were.

    With `attribute_metadata` the values of tuples, which are text as CSV has it, are read by it; those of dicts have
    their types already. Raises ValueError for a value that is not of its type.
    """
    read: dict[type, Callable[[Any], Any]] = {}
    for item in items:
        if isinstance(item, dict):
            yield item
            continue
        known = isinstance(item, EntityTupleMixin)
        entity: dict[str, Any] = item.as_dict() if known else item._asdict()
        if attribute_metadata:
            if type(item) not in read:
                read[type(item)] = dict_deserializer(tuple(entity), attribute_metadata)
            entity = read[type(item)](entity)
        yield entity


def ensure_tuple(items: Iterable[Any], tuple_: Callable[..., Any]) -> Iterator[Any]:
    """Entities as tuples; dicts become `tuple_(**entity)`."""
    is_entity = isinstance(tuple_, type) and issubclass(tuple_, EntityTupleMixin)
    make: Callable[..., Any] = tuple_.from_dict if is_entity else tuple_  # type: ignore[attr-defined]
    for item in items:
        yield make(**item) if isinstance(item, dict) else item


def ensure_array(items: Iterable[Any], strict: bool = False) -> Iterator[ArrayEntity]:
    """Entities as arrays of numbers: dicts in the order of their names, tuples in their own.

    With `strict` all entities must have the attributes of the first; raises ValueError where one has not, and where a
    value is no number.
    """
    expected: tuple[str, ...] | None = None
    for item in items:
        if isinstance(item, ArrayEntity):
            names: tuple[str, ...] = tuple(map(str, range(len(item.values))))
            entity = item
        else:
            (attributes,) = ensure_dict([item])
            in_order = sorted(attributes) if isinstance(item, dict) else list(attributes)
            names = tuple(name for name in in_order if name not in {"ID", "href"})
            values = [_number(attributes[name]) for name in names]
            entity = ArrayEntity(attributes["ID"], attributes.get("href") or "", values)
        expected = names if expected is None else expected
        if strict and names != expected:
            raise ValueError(f"entity {entity.ID} has other attributes than the first one")
        yield entity


def _number(value: Any) -> float:
    """A number as it is, so that whole ones stay whole; what is none is read as one."""
    return value if type(value) in {int, float} else float(value)


def array_to_entity(items: Iterable[ArrayEntity], prefix: str = "", tuple_: Callable[..., Any] | None = None) -> Any:
    """Arrays as entity tuples with the attributes ID, href and `<prefix><number>`.

    The numbers have leading zeros, so that names sort as the values do.
    """
    for item in items:
        digits = len(str(max(0, len(item.values) - 1)))
        names = [f"{prefix or 'dim'}{position:0{digits}}" for position in range(len(item.values))]
        make = tuple_ or get_entity_tuple_class(["ID", "href", *names]).from_iter
        yield make((item.ID, item.href, *item.values))


def load_entities(
    file_: ResponseLike,
    mimetype: str,
    csv_dialect: str = "default",
    tuple_: Callable[[Iterable[Any]], Any] | None = None,
    process_csv_header: Callable[[Sequence[str]], Sequence[str]] | None = None,
) -> Iterator[Any]:
    """The entities in a response, as they come: dicts from JSON and JSON lines, named tuples of text from CSV.

    `tuple_` makes the entity of a CSV row, `process_csv_header` changes its columns' names. Raises ValueError for a
    type that is not known, and for a body that is not of its type.
    """
    kind = _plain_type(mimetype)
    if kind == _JSON:
        yield from _load_json(file_)
    elif kind == _JSON_LINES:
        for line in text_lines(file_):
            if line.strip():
                yield json.loads(line)
    elif kind == _CSV:
        yield from _load_csv(file_, csv_dialect, tuple_, process_csv_header)
    else:
        raise ValueError(f"entities cannot be loaded from {mimetype}")


def save_entities(  # noqa: PLR0917  (the contract)
    entities: Iterable[Any],
    file_: TextIO,
    mimetype: str,
    attributes: Sequence[str] | None = None,
    csv_dialect: str = "default",
    tuple_: Callable[..., Any] | None = None,
) -> None:
    """Write entities to a text file, one at a time.

    CSV wants the columns, in `attributes`; every entity must have them all. Raises ValueError without them, and for a
    type that is not known.
    """
    kind = _plain_type(mimetype)
    if kind == _JSON:
        file_.write("[")
        for number, entity in enumerate(ensure_dict(entities)):
            file_.write("," if number else "")
            file_.write(json.dumps(entity, separators=(",", ":")))
        file_.write("]\n")
    elif kind == _JSON_LINES:
        for entity in ensure_dict(entities):
            file_.write(f"{json.dumps(entity)}\n")
    elif kind == _CSV:
        if attributes is None:
            raise ValueError("CSV needs the order of its columns, in `attributes`")
        writer = csv.writer(file_, dialect=csv_dialect)
        writer.writerow(attributes)
        writer.writerows(ensure_tuple(entities, _row_of(attributes) if tuple_ is None else tuple_))
    else:
        raise ValueError(f"entities cannot be saved as {mimetype}")


def _row_of(attributes: Sequence[str]) -> Callable[..., tuple[Any, ...]]:
    """Makes the row of an entity's values; raises TypeError for an entity with other attributes."""
    # A named tuple of these names cannot be had where one is no identifier.
    wanted = frozenset(attributes)

    def row(**entity: Any) -> tuple[Any, ...]:
        if entity.keys() != wanted:
            raise TypeError(f"an entity has not the attributes of the columns: {sorted(entity.keys() ^ wanted)}")
        return tuple(entity[name] for name in attributes)

    return row


def _plain_type(mimetype: str) -> str:
    """A content type with parameters is the same type."""
    return mimetype.partition(";")[0].strip().lower()


def _load_json(file_: ResponseLike) -> Iterator[Any]:
    if isinstance(file_, Response):
        yield from iter_items(open_text(file_))
        return
    content = file_.json()
    if isinstance(content, list):
        yield from content
    else:
        yield content


def _load_csv(
    file_: ResponseLike,
    csv_dialect: str,
    tuple_: Callable[[Iterable[Any]], Any] | None,
    process_csv_header: Callable[[Sequence[str]], Sequence[str]] | None,
) -> Iterator[Any]:
    rows = csv.reader(text_lines(file_), csv_dialect)
    header: Sequence[str] | None = next(rows, None)
    if header is None:
        return
    if process_csv_header is not None:
        header = tuple(process_csv_header(header))
    make = get_entity_tuple_class(header)._make if tuple_ is None else tuple_
    yield from (make(row) for row in rows if row)
