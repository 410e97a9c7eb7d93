"""Plugins in the words of the pages: icons, chips, what scripts get to know. Decides nothing."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from services.web.backends.plugin_words import Plugin

_KINDS: Final = {
    "processing": "sliders",
    "simple": "sliders",
    "complex": "sliders",
    "data-processor": "sliders",
    "visualization": "eye",
    "conversion": "swap",
    "dataloader": "upload",
    "interaction": "send",
}
# Those that come with Daydream have a picture of their own.
_OURS: Final = {
    "prompt-matrix": "grid",
    "text-to-image": "image",
    "image-to-image": "start",
    "image-resize": "open",
    "contact-sheet": "gallery",
    "palette": "sun",
    "palette-chart": "contrast",
}


def icon(plugin: Plugin) -> str:
    """The icon of a plugin: by its name where we know it, else by what it is for."""
    return _OURS.get(plugin.name) or _KINDS.get(plugin.kind, "plug")


def choose(plugins: Sequence[Plugin], wanted: str) -> Plugin | None:
    """The plugin with this identifier, or the newest of this name."""
    named = (each for each in plugins if each.name == wanted)
    newest = max(named, key=lambda each: each.age, default=None)
    return next((each for each in plugins if each.identifier == wanted), newest)


def known(plugins: Iterable[Plugin]) -> list[dict[str, Any]]:
    """Every plugin as scripts know it."""
    return [
        {
            "identifier": each.identifier,
            "name": each.name,
            "version": each.version,
            "title": each.title,
            "description": each.description,
            "kind": each.kind,
            "icon": icon(each),
            "tags": list(each.tags),
            "root": each.root,
            "page": each.page,
            "inputs": [
                {
                    "parameter": one.parameter,
                    "dataType": one.data_type,
                    "contentTypes": list(one.content_types),
                    "required": one.required,
                }
                for one in each.inputs
            ],
        }
        for each in plugins
    ]
