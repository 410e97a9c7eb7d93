"""Deletes tasks with everything of theirs: those a person no longer wants, and those past their time."""

import datetime as dt
from typing import Final

import sqlalchemy as sa
from flask import Flask
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE

BATCH: Final = 50


def delete_task(task: ProcessingTask) -> None:
    """Remove its files, then its rows; a file that is gone already is no matter."""
    for file in task.outputs:
        STORE.remove_task_file(file)
    DB.session.delete(task)
    DB.session.commit()


def clean(app: Flask) -> int:
    """Delete finished tasks past `RESULT_RETENTION_DAYS`, and results that Celery kept; how many tasks."""
    days = float(app.config.get("RESULT_RETENTION_DAYS") or 0)
    deleted = 0
    if days > 0:
        before = utc_now() - dt.timedelta(days=days)
        old = sa.select(ProcessingTask).where(ProcessingTask.finished_at < before).limit(BATCH)
        while tasks := DB.session.scalars(old).all():
            for task in tasks:
                delete_task(task)
                deleted += 1
    CELERY.backend.cleanup()
    _sweep_broker(str(CELERY.conf.broker_url))
    return deleted


def _sweep_broker(broker: str) -> None:
    """The SQL transport keeps every message it has delivered."""
    if not broker.startswith("sqla+"):
        return
    engine = sa.create_engine(broker.removeprefix("sqla+"))
    try:
        if sa.inspect(engine).has_table("kombu_message"):
            with engine.begin() as connection:
                message = sa.table("kombu_message", sa.column("visible", sa.Boolean))
                connection.execute(sa.delete(message).where(message.c.visible.is_(False)))
    finally:
        engine.dispose()
