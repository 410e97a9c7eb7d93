"""A plugin host inside the test's process: an app on a database of its own, and folders of plugins written there."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from qhana_plugin_runner import create_app
from qhana_plugin_runner.db.cli import create_db_function

PLUGIN = """
    from flask_smorest import Blueprint
    from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

    BLP = Blueprint(plugin_identifier("{name}", "{version}"), __name__)

    @BLP.route("/")
    def root():
        return {{"name": "{name}", "version": "{version}"}}

    class Plugin(QHAnaPluginBase):
        name = "{name}"
        version = "{version}"
        description = "of a test"
        tags = ["test"]

        def get_api_blueprint(self):
            return BLP
"""


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Put modules into a folder; their names may have folders of their own."""
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
    return folder


def plugin(name: str, version: str = "v1.0.0") -> str:
    """The module of a plugin that answers with its name and version."""
    return textwrap.dedent(PLUGIN).format(name=name, version=version)


def make(folder: Path, **config: Any) -> Flask:
    """An app with its tables; `config` changes what is usual."""
    app = create_app(
        {
            "TESTING": True,
            "SECRET_KEY": "of tests",
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder}/plugins.db",
            "DEFAULT_FILE_STORE": "local_filesystem",
            "FILE_STORE_ROOT_PATH": str(folder / "files"),
            "SERVER_NAME": "host.test",
            # Whatever the environment of who runs the tests says.
            "PLUGIN_FOLDERS": [],
            **config,
        }
    )
    with app.app_context():
        create_db_function(app)
    return app
