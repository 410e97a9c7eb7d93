"""Counts the words of a text."""

from typing import ClassVar

from flask import Flask
from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

NAME = "word-count"
VERSION = "v0.1.0"
IDENTIFIER = plugin_identifier(NAME, VERSION)

BLP = SecurityBlueprint(IDENTIFIER, __name__, description="Word count.")


class WordCount(QHAnaPluginBase):
    """What the host loads."""

    name = NAME
    version = VERSION
    description = "Counts the words of a text."
    tags: ClassVar[list[str]] = ["text", "analysis"]

    def __init__(self, app: Flask | None) -> None:
        super().__init__(app)

    def get_api_blueprint(self) -> SecurityBlueprint:
        """Everything below /plugins/<identifier>/."""
        return BLP

    def get_requirements(self) -> str:
        """What pip has to install, a line each. Import it where it is used, so that the plugin loads without it."""
        return ""


# The host imports this module alone: routes and tasks have to be imported from here.
from . import routes, tasks  # noqa: E402, F401
