"""The host wholly in memory, as plugins' own tests have it: no file, no broker beside it, a worker in a thread."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.contrib.testing.worker import start_worker
from flask import Flask
from qhana_plugin_runner import create_app
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.cli import create_db_function
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.util.config.celery_config import CELERY_PRODUCTION_CONFIG
from sqlalchemy.pool import StaticPool

from tests.support import small_host


@CELERY.task(name="tests.memory.add")
def add(left: int, right: int) -> int:
    """A sum."""
    return left + right


@CELERY.task(name="tests.memory.write")
def write(db_id: int) -> int:
    """Change a row."""
    task = ProcessingTask.get_by_id(db_id)
    assert task is not None
    task.data = {"answer": 42}
    task.save(commit=True)
    return db_id


@pytest.fixture
def in_memory() -> Iterator[Flask]:
    """An app whose database all threads share."""
    app = create_app(
        {
            "TESTING": True,
            "SQLALCHEMY_DATABASE_URI": "sqlite:///:memory:",
            "SQLALCHEMY_ENGINE_OPTIONS": {"connect_args": {"check_same_thread": False}, "poolclass": StaticPool},
            "CELERY": {**CELERY_PRODUCTION_CONFIG, "broker_url": "memory://", "result_backend": "cache+memory://"},
        },
        silent_log=True,
    )
    with app.app_context():
        create_db_function(app)
        yield app
        DB.session.remove()


def test_tasks_run_in_a_worker_thread_on_the_same_database(in_memory: Flask) -> None:
    del in_memory
    task = ProcessingTask(task_name="test")
    task.save(commit=True)
    number = task.id

    with start_worker(CELERY, pool="solo", perform_ping_check=False, shutdown_timeout=60):
        assert add.apply_async(args=(7, 35)).get(timeout=60) == 42
        assert write.apply_async(args=(number,)).get(timeout=60) == number

    DB.session.expire_all()
    assert task.data == {"answer": 42}


@pytest.mark.parametrize("named", [False, True])
def test_plugins_lie_where_the_environment_says_unless_the_configuration_names_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    name = f"outside-t20-{named}"
    folder = small_host.write(tmp_path / "outside", {f"outside_t20_{named}.py": small_host.plugin(name)})
    monkeypatch.setenv("PLUGIN_FOLDERS", f"{folder}:{tmp_path}/nothing-t20")
    config = {"TESTING": True, "SQLALCHEMY_DATABASE_URI": "sqlite:///:memory:"}

    app = create_app({**config, "PLUGIN_FOLDERS": []} if named else config, silent_log=True)

    assert (app.test_client().get(f"/plugins/{name}@v1-0-0/").status_code == 200) is not named
