"""What is past its time goes, with its files; what is not, stays."""

import datetime as dt
from pathlib import Path

import sqlalchemy as sa
from flask import Flask
from qhana_plugin_runner import retention
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.db import utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE


def _task(*, finished_days_ago: float | None) -> ProcessingTask:
    finished = None if finished_days_ago is None else utc_now() - dt.timedelta(days=finished_days_ago)
    task = ProcessingTask(task_name="test", finished_at=finished)
    task.save(commit=True)
    STORE.persist_task_result(task.id, b"x", "x.txt", "entity/list", "text/plain")
    return task


def test_tasks_that_were_finished_long_ago_are_deleted_with_their_files(app: Flask, tmp_path: Path) -> None:
    app.config["RESULT_RETENTION_DAYS"] = 30
    old, recent, running = (_task(finished_days_ago=days) for days in (31, 29, None))
    numbers = (old.id, recent.id, running.id)

    deleted = retention.clean(app)

    assert deleted == 1
    assert [ProcessingTask.get_by_id(each) is None for each in numbers] == [True, False, False]
    assert len([each for each in (tmp_path / "files").rglob("*") if each.is_file()]) == 2


def test_without_a_time_nothing_is_deleted(app: Flask) -> None:
    app.config["RESULT_RETENTION_DAYS"] = 0
    task = _task(finished_days_ago=4000)

    assert retention.clean(app) == 0
    assert ProcessingTask.get_by_id(task.id) is not None


def test_messages_that_the_broker_has_delivered_are_removed(app: Flask) -> None:
    for _ in range(2):
        CELERY.send_task("tests.unknown")
    engine = sa.create_engine(CELERY.conf.broker_url.removeprefix("sqla+"))
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE kombu_message SET visible = 0 WHERE id = 1"))

    retention.clean(app)

    with engine.connect() as connection:
        assert connection.scalars(sa.text("SELECT id FROM kombu_message")).all() == [2]
