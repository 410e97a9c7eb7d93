"""What can be read off a plugin's URL."""

from urllib.parse import unquote


def get_plugin_name_from_plugin_url(plugin_url: str) -> str:
    """The last part of a plugin's URL, which is its identifier or its name."""
    return unquote(plugin_url).rstrip("/").rpartition("/")[2]
