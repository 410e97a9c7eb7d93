"""A plugin whose tasks meet with every hardship: they are killed, hang, fork, retry, give way and fail.

Each says in the folder it is given what it does, and waits there for what a test allows.
"""

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Any

from flask import Blueprint, redirect, request, url_for
from flask_smorest import Blueprint as SmorestBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.requests import open_url
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier
from werkzeug.wrappers import Response

NAME = plugin_identifier("hardship", "v1.0.0")
BLP = SmorestBlueprint(NAME, __name__)


class Hardship(QHAnaPluginBase):
    """Tasks for the tests of workers."""

    name = "hardship"
    version = "v1.0.0"
    description = "Meets with every hardship."
    tags = ["tests"]  # noqa: RUF012 - plugins write it so

    def get_api_blueprint(self) -> Blueprint:
        blueprint: Blueprint = BLP
        return blueprint


@BLP.post("/process/<task>/")
def process(task: str) -> Response:
    """Start one of the tasks below in the folder given."""
    row = ProcessingTask(task_name=task)
    row.save(commit=True)
    work = CELERY.tasks[f"{NAME}.{task}"].s(db_id=row.id, folder=request.form["folder"])
    whole = work | save_task_result.s(db_id=row.id)
    whole.link_error(save_task_error.s(db_id=row.id))
    whole.apply_async()
    return redirect(url_for("tasks-api.TaskView", task_id=str(row.id)), 303)


@BLP.get("/of-the-host/")
def of_the_host() -> Response:
    """Ask the host for its plugins, in the middle of a request of its own."""
    with open_url(url_for("plugins-api.PluginsView", _external=True), timeout=60) as answer:
        return Response(answer.content, answer.status_code, mimetype="application/json")


def _begin(folder: str) -> int:
    """Note a run; its number, from 1."""
    number = len(list(Path(folder).glob("run-*"))) + 1
    fresh = Path(folder) / f".run-{number}"
    fresh.write_text(str(os.getpid()))
    fresh.rename(Path(folder) / f"run-{number}")
    return number


def _wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(0.02)


@CELERY.task(name=f"{NAME}.waiter")
def waiter(db_id: int, folder: str) -> str:
    """Wait until it may go on."""
    number = _begin(folder)
    _wait_for(Path(folder) / "go")
    return f"run {number}"


@CELERY.task(name=f"{NAME}.killed_once")
def killed_once(db_id: int, folder: str) -> str:
    """Be killed in the first run."""
    number = _begin(folder)
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"run {number}"


@CELERY.task(name=f"{NAME}.killed_always")
def killed_always(db_id: int, folder: str) -> str:
    """Be killed in every run."""
    _begin(folder)
    os._exit(3)


@CELERY.task(name=f"{NAME}.stubborn")
def stubborn(db_id: int, folder: str) -> str:
    """Ignore SIGTERM, and have forked."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    fork = os.fork()
    if fork == 0:
        while True:
            time.sleep(1)
    (Path(folder) / "fork").write_text(str(fork))
    _begin(folder)
    while True:
        with contextlib.suppress(BaseException):
            time.sleep(1)


@CELERY.task(name=f"{NAME}.endless")
def endless(db_id: int, folder: str) -> str:
    """Run for ever."""
    _begin(folder)
    while True:
        time.sleep(0.1)


@CELERY.task(name=f"{NAME}.retrying", bind=True, max_retries=5)
def retrying(self: Any, db_id: int, folder: str) -> str:
    """Succeed in the third run."""
    number = _begin(folder)
    if number < 3:
        raise self.retry(countdown=0)
    return f"run {number}"


@CELERY.task(name=f"{NAME}.giving_way", bind=True)
def giving_way(self: Any, db_id: int, folder: str) -> str:
    """Let another task stand in for this one."""
    _begin(folder)
    raise self.replace(add.s(20, 22) | said.s())


@CELERY.task(name=f"{NAME}.failing")
def failing(db_id: int, folder: str) -> str:
    """Raise."""
    _begin(folder)
    raise ValueError("this was to be expected")


@CELERY.task(name=f"{NAME}.hungry")
def hungry(db_id: int, folder: str) -> str:
    """Want more memory than there is."""
    _begin(folder)
    return str(len(bytearray(1 << 45)))


@CELERY.task(name=f"{NAME}.add")
def add(left: int, right: int) -> int:
    """A sum."""
    return left + right


@CELERY.task(name=f"{NAME}.said")
def said(number: int) -> str:
    """A number as a log."""
    return f"it is {number}"
