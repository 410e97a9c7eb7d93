"""A plugin host for tests: the app in this process, workers in their own, all on one database and folder."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask
from flask.testing import FlaskClient
from qhana_plugin_runner import create_app
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.cli import create_db_function
from qhana_plugin_runner.db.db import DB

from tests.support.program import Program

PLUGINS = Path(__file__).parent / "worker_plugins"
SECONDS = 150.0
START_SECONDS = 300.0
"""For a process to begin its work; on a slow machine its imports alone may take minutes."""
T = TypeVar("T")


class PluginHost:
    """One host below a folder of its own."""

    def __init__(self, folder: Path, *, database: str | None = None, **settings: Any) -> None:
        """`settings` are configuration; the database is SQLite's unless given."""
        self.folder = folder
        self.database = database or f"sqlite:///{folder}/plugins.db"
        self.settings: Mapping[str, Any] = {
            "TASK_LEASE_SECONDS": 8.0,
            "TASK_SWEEP_SECONDS": 0.5,
            "TASK_STOP_SECONDS": 0.5,
            **settings,
        }
        self._programs: list[Program] = []
        self.app: Flask = create_app(
            {
                "SQLALCHEMY_DATABASE_URI": self.database,
                "SECRET_KEY": "of tests",
                "PLUGIN_FOLDERS": [str(PLUGINS)],
                "FILE_STORE_ROOT_PATH": str(folder / "files"),
                "DEFAULT_FILE_STORE": "local_filesystem",
                "CELERY": {"task_default_queue": "qhana_plugin_runner"},
                **self.settings,
            }
        )
        with self.app.app_context():
            create_db_function(self.app)

    @property
    def client(self) -> FlaskClient:
        """Asks the app."""
        return self.app.test_client()

    def start(self, task: str, number: int = 1) -> tuple[str, Path]:
        """Start one of hardship's tasks; its address and its folder."""
        folder = self.folder / f"{task}-{number}"
        folder.mkdir()
        answer = self.client.post(f"/plugins/hardship@v1-0-0/process/{task}/", data={"folder": str(folder)})
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"], folder

    def task(self, address: str) -> dict[str, Any]:
        """A task as its address tells it."""
        told: dict[str, Any] = self.client.get(address).get_json()
        return told

    def ended(self, address: str) -> dict[str, Any]:
        """The task once it is finished."""
        return until(lambda: task if (task := self.task(address))["status"] != "PENDING" else None)

    def worker(self, *, processes: int = 1, **environment: str) -> Program:
        """A real worker that is ready."""
        name = f"worker-{len(self._programs) + 1}"
        program = Program(
            name,
            ("celery", "--app", "qhana_plugin_runner.celery_worker:CELERY", "worker", "-c", str(processes),
             "--loglevel", "info", "--without-gossip", "--without-mingle", "--hostname", f"{name}@tests"),
            {
                "QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER": str(self.folder),
                "SQLALCHEMY_DATABASE_URI": self.database,
                "PLUGIN_FOLDERS": str(PLUGINS),
                "PLUGIN_PROBE_SECONDS": "0",
                "PLUGINS_BUNDLED": "false",
                "SERVER_NAME": "127.0.0.1:9",
                "SECRET_KEY": "of tests",
                **{key: str(value) for key, value in self.settings.items() if value is not None},
                **environment,
            },
            self.folder,
        )  # fmt: skip
        self._programs.append(program)
        program.start()
        until(lambda: f"{name}@tests ready." in program.log or not program.runs or None, seconds=START_SECONDS)
        assert program.runs, program.log
        return program

    def close(self) -> None:
        """Kill what still runs."""
        for program in self._programs:
            program.kill()
        with self.app.app_context():
            DB.session.remove()
            DB.engine.dispose()
        # The next host of this process has a queue of its own.
        CELERY._pool = None


def until(ask: Callable[[], T | None], *, seconds: float = SECONDS) -> T:
    """What `ask` gives once it is not None; raise TimeoutError when it stays so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (found := ask()) is not None:
            return found
        # A pause between looks at a condition.
        time.sleep(0.05)
    raise TimeoutError(f"it did not come about within {seconds} s")


def run_of(folder: Path, number: int = 1) -> int:
    """The process of a task's nth run, once it has begun."""
    file = folder / f"run-{number}"
    return int(until(lambda: file.read_text() if file.exists() else None))


def lives(process: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"
