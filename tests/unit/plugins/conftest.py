"""A host without plugins, on SQLite in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from qhana_plugin_runner.db.db import DB

from tests.support import small_host


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    """The app, in its context."""
    app = small_host.make(tmp_path)
    with app.app_context():
        yield app
        DB.session.remove()
        DB.engine.dispose()
