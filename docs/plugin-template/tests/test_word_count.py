"""The plugin in a host of the test's own: its database in a folder, its worker in a thread."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from flask.testing import FlaskClient
from qhana_plugin_runner import create_app
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.cli import create_db_function

PLUGINS = Path(__file__).parents[1] / "plugins"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    """Asks a host that has the plugin and a worker."""
    app = create_app(
        {
            "TESTING": True,
            "SECRET_KEY": "of tests",
            "SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path}/plugins.db",
            "FILE_STORE_ROOT_PATH": str(tmp_path / "files"),
            "DEFAULT_FILE_STORE": "local_filesystem",
            "PLUGIN_FOLDERS": [str(PLUGINS)],
            "CELERY": {"broker_url": "memory://", "result_backend": "cache+memory://"},
        }
    )
    with app.app_context():
        create_db_function(app)
    with start_worker(CELERY, pool="solo", perform_ping_check=False, shutdown_timeout=10):
        yield app.test_client()


def ended(client: FlaskClient, address: str) -> dict[str, Any]:
    """A task once it is finished."""
    for _ in range(300):
        task: dict[str, Any] = client.get(address).get_json()
        if task["status"] != "PENDING":
            return task
        # A pause between looks at a condition.
        time.sleep(0.1)
    raise TimeoutError(f"{address} has not ended")


def test_words_are_counted_and_rare_ones_left_out(client: FlaskClient) -> None:
    metadata = client.get("/plugins/word-count@v0-1-0/").get_json()

    answer = client.post(
        metadata["entryPoint"]["href"], data={"textUrl": "data:text/plain,one two, two THREE two one", "atLeast": "2"}
    )
    task = ended(client, answer.headers["Location"])

    assert (task["status"], task["log"]) == ("SUCCESS", "6 words, 3 different ones.")
    words = json.loads(client.get(task["outputs"][0]["href"]).data)
    assert [(word["ID"], word["count"]) for word in words] == [("two", 3), ("one", 2)]
