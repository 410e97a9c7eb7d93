"""The host wholly in memory, as plugins' own tests have it: no file, no broker beside it, a worker in a thread."""

from collections.abc import Iterator

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

    with start_worker(CELERY, pool="solo", perform_ping_check=False, shutdown_timeout=10):
        assert add.apply_async(args=(7, 35)).get(timeout=10) == 42
        assert write.apply_async(args=(number,)).get(timeout=10) == number

    DB.session.expire_all()
    assert task.data == {"answer": 42}
