"""Options for executing something, which plugins hand each other as a file with one entity."""

from typing import Any

from qhana_plugin_runner.requests import get_mimetype, open_url

from .entity_marshalling import ensure_dict, load_entities


def parse_execution_options(url: str) -> dict[str, Any]:
    """The options in the file at `url`, empty when it holds none. Raises as `open_url`, ValueError for another type."""
    with open_url(url) as response:
        mimetype = get_mimetype(response)
        if mimetype is None:
            raise ValueError("Could not determine mimetype of the execution options.")
        return next(ensure_dict(load_entities(response, mimetype)), {})
