"""`flask create-db` and `flask drop-db`."""

import click
from flask import Blueprint, Flask, current_app
from flask.cli import with_appcontext
from qhana_plugin_runner.db import models
from qhana_plugin_runner.db.db import DB

__all__ = ["create_db_function", "drop_db_function", "models", "register_db_cli_blueprint"]

DB_CLI_BLP = Blueprint("db_cli", __name__, cli_group=None)


def create_db_function(app: Flask) -> None:
    """Make every table that is missing; needs an app context."""
    DB.create_all()
    app.logger.info("the database's tables are there")


def drop_db_function(app: Flask) -> None:
    """Drop every table; needs an app context."""
    DB.drop_all()
    app.logger.info("the database's tables are dropped")


@DB_CLI_BLP.cli.command("create-db")
@with_appcontext
def create_db() -> None:
    """Make the database's tables."""
    create_db_function(current_app)
    click.echo("Database created.")


@DB_CLI_BLP.cli.command("drop-db")
@with_appcontext
def drop_db() -> None:
    """Drop the database's tables, and all that is in them."""
    drop_db_function(current_app)
    click.echo("Database dropped.")


def register_db_cli_blueprint(app: Flask) -> None:
    """Offer the commands in the app's command line."""
    app.register_blueprint(DB_CLI_BLP)
