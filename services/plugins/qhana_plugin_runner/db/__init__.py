"""The host's database: `DB`, its tables in `models`, and the commands that make and drop them."""

from flask import Flask
from qhana_plugin_runner.db import models
from qhana_plugin_runner.db.cli import register_db_cli_blueprint
from qhana_plugin_runner.db.db import DB, REGISTRY, prepare

__all__ = ["DB", "REGISTRY", "models", "register_db"]


def register_db(app: Flask) -> None:
    """Bind the database and its commands to the app."""
    prepare(app)
    register_db_cli_blueprint(app)
