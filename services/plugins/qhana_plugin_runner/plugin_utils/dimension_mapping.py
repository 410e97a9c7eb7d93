"""Where the dimensions of concatenated vectors came from (files of the type `entity/dimension-mapping`)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from qhana_plugin_runner.requests import get_mimetype, open_url

from .entity_marshalling import ensure_dict, load_entities

DIMENSION_MAPPING_DATA_TYPE = "entity/dimension-mapping"
DIMENSION_MAPPING_CONTENT_TYPES = ["application/json"]


def load_dimension_labels(url: str | None, include_source_dimension: bool = False) -> dict[str, str]:
    """A name for each dimension: the file that it came from, with its name there if wanted; empty without a URL.

    Raises as `open_url`, and ValueError for a file whose type nobody knows.
    """
    labels = {_text(entity, "ID"): _label(entity, include_source_dimension) for entity in _load(url)}
    return {dimension: label for dimension, label in labels.items() if dimension and label}


def load_dimension_mapping(url: str | None) -> dict[str, str]:
    """As `dimension_mapping_labels` names them; empty without a URL. Raises as `load_dimension_labels`."""
    return dimension_mapping_labels(_load(url))


def dimension_mapping_labels(mapping_entities: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """A name for each dimension: the file that it came from, with its name there if it is not the only one of it."""
    named = [entity for entity in mapping_entities if _text(entity, "ID") and _label(entity, False)]
    of_file = Counter(map(_file, named))
    return {_text(entity, "ID"): _label(entity, of_file[_file(entity)] > 1) for entity in named}


def dimension_labels(dimensions: Iterable[str], labels: Mapping[str, str]) -> list[str]:
    """The names of these dimensions; one without is named as it is."""
    return [labels.get(dimension, dimension) for dimension in dimensions]


def entity_dimension_names(entities: Sequence[Any]) -> list[str]:
    """The dimensions of vectors, in the order in which `ensure_array` has their values."""
    if not entities:
        return []
    first = entities[0]
    names = sorted(first) if isinstance(first, dict) else first._fields
    return [name for name in names if name not in {"ID", "href"}]


def _load(url: str | None) -> list[dict[str, Any]]:
    if not url:
        return []
    with open_url(url) as response:
        mimetype = get_mimetype(response)
        if mimetype is None:
            raise ValueError("Could not determine mimetype of the dimension mapping.")
        return list(ensure_dict(load_entities(response, mimetype)))


def _file(entity: Mapping[str, Any]) -> tuple[str, str]:
    return _text(entity, "sourceUrl"), _text(entity, "zipMember")


def _label(entity: Mapping[str, Any], include_source_dimension: bool) -> str:
    source = PurePosixPath(_text(entity, "source")).stem
    inner = _text(entity, "sourceDimension") if include_source_dimension else ""
    return f"{source} ({inner})" if source and inner else source


def _text(entity: Mapping[str, Any], key: str) -> str:
    return str(entity.get(key) or "").strip()
