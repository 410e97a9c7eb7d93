"""What goes into logs, and what must not."""

from collections.abc import Iterable, Mapping
from logging import Logger, getLogger
from typing import Any

from flask import Flask


def get_logger(app: Flask, name: str) -> Logger:
    """A logger below the app's."""
    return getLogger(f"{app.import_name}.{name}")


def redact_log_data(
    data: Mapping[str, Any], private_fields: Iterable[str] = ("ibmq_token", "ibmqToken", "db_password", "dbPassword")
) -> dict[str, Any]:
    """A copy of `data` in which the values of private fields are stars."""
    private = set(private_fields)
    return {key: "****" if key in private else value for key, value in data.items()}
