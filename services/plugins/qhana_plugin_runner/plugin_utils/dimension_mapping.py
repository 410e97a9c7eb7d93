"""Where the dimensions of concatenated vectors came from (files of the type `entity/dimension-mapping`)."""

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
    if not url:
        return {}
    with open_url(url) as response:
        mimetype = get_mimetype(response)
        if mimetype is None:
            raise ValueError("Could not determine mimetype of the dimension mapping.")
        entities = list(ensure_dict(load_entities(response, mimetype)))
    labels = {_text(entity, "ID"): _label(entity, include_source_dimension) for entity in entities}
    return {dimension: label for dimension, label in labels.items() if dimension and label}


def _label(entity: dict[str, Any], include_source_dimension: bool) -> str:
    source = PurePosixPath(_text(entity, "source")).stem
    inner = _text(entity, "sourceDimension") if include_source_dimension else ""
    return f"{source} ({inner})" if source and inner else source


def _text(entity: dict[str, Any], key: str) -> str:
    return str(entity.get(key) or "").strip()
