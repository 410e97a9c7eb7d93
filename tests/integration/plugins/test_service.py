"""The service as its own process: it starts when it can, says in a sentence when it cannot, and pushes news."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from qhana_plugin_runner.db.models.tasks import ProcessingTask

from services.foundation import migrations
from services.plugins.__main__ import MIGRATIONS
from services.plugins.settings import Settings
from tests.support import ports
from tests.support.plugin_host import PLUGINS, START_SECONDS, until
from tests.support.program import Program

pytestmark = pytest.mark.slow


def _environment(folder: Path, port: int) -> dict[str, str]:
    return {
        "DAYDREAM_DATA_DIR": str(folder),
        "PLUGINS_BIND": f"127.0.0.1:{port}",
        "PLUGIN_FOLDERS": str(PLUGINS),
        "PLUGIN_PROBE_SECONDS": "0",
        "PLUGINS_BUNDLED": "false",
    }


def _run(*arguments: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.plugins", *arguments],
        env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip


def _get(url: str, **headers: str) -> httpx.Response:
    return httpx.get(url, headers=headers, timeout=120)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Program, dict[str, str]]]:
    """A host that serves, without a worker: its origin, its process, its environment."""
    folder, port = tmp_path_factory.mktemp("served"), ports.free_port()
    environment = _environment(folder, port)
    assert _run("migrate", environment=environment).returncode == 0
    program = Program("plugins", ("services.plugins",), environment, folder)
    program.start()
    try:
        until(lambda: "startup complete" in program.log or not program.runs or None, seconds=START_SECONDS)
        assert program.runs, program.log
        yield f"http://127.0.0.1:{port}", program, environment
    finally:
        program.kill()


def test_it_does_not_start_on_a_database_that_was_not_migrated(tmp_path: Path) -> None:
    done = _run(environment=_environment(tmp_path, ports.free_port()))

    assert (done.returncode, done.stderr.strip()) == (
        1,
        "the database of plugins is at schema none, this version needs 0003: run `python -m services.plugins migrate`",
    )


def test_it_does_not_start_on_a_port_that_is_taken(served: tuple[str, Program, dict[str, str]]) -> None:
    _, _, environment = served

    done = _run(environment=environment)

    assert done.returncode == 1
    assert done.stderr.strip().endswith("another program has taken the port")


def test_it_is_alive_and_ready_and_lists_its_plugins(served: tuple[str, Program, dict[str, str]]) -> None:
    origin, _, _ = served

    assert _get(f"{origin}/healthz").text == "ok\n"
    assert _get(f"{origin}/readyz").json() == {"database": True}
    (listed,) = _get(f"{origin}/plugins/").json()["plugins"]
    assert listed["apiRoot"] == f"{origin}/plugins/hardship@v1-0-0/"


def test_plugins_may_ask_the_host_in_the_middle_of_a_request_many_at_once(
    served: tuple[str, Program, dict[str, str]],
) -> None:
    origin, _, _ = served

    with ThreadPoolExecutor(20) as threads:
        asked = [f"{origin}/plugins/hardship@v1-0-0/of-the-host/"] * 20
        answers = list(threads.map(lambda url: _get(url).json()["plugins"][0]["name"], asked))

    assert answers == ["hardship"] * 20


def test_changes_of_a_task_are_pushed_until_it_ends_and_not_told_again(
    served: tuple[str, Program, dict[str, str]], tmp_path: Path
) -> None:
    origin, _, _ = served
    task = httpx.post(f"{origin}/plugins/hardship@v1-0-0/process/waiter/", data={"folder": str(tmp_path)}, timeout=60)
    address = task.headers["location"]
    events: list[tuple[str, str]] = []
    first = threading.Event()

    def listen() -> None:
        number = ""
        with httpx.stream("GET", f"{origin}{address}events", timeout=60) as answer:
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    number = line.removeprefix("id: ")
                if line.startswith("data: "):
                    events.append((number, json.loads(line.removeprefix("data: "))["status"]))
                    first.set()

    listening = threading.Thread(target=listen)
    listening.start()
    assert first.wait(60)
    httpx.post(f"{origin}{address}", json={"command": "cancel"}, timeout=60)
    listening.join(60)
    again = _get(f"{origin}{address}events", **{"Last-Event-ID": events[-1][0]})

    assert [status for _, status in events] == ["PENDING", "FAILURE"]
    assert again.status_code == 204


def test_events_of_a_task_that_is_not_there_are_not_found(served: tuple[str, Program, dict[str, str]]) -> None:
    origin, _, _ = served

    assert _get(f"{origin}/tasks/nobody-knows-it/events").status_code == 404


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_migrations_make_what_the_models_say(
    database: str, tmp_path: Path, new_postgres_url: Callable[[], str]
) -> None:
    url = new_postgres_url() if database == "postgresql" else f"sqlite:///{tmp_path}/p.db"
    settings = Settings(database_url=url)

    for _ in range(2):
        await migrations.upgrade(settings.database_of_migrations, MIGRATIONS)

    await migrations.require_current(settings.database_of_migrations, MIGRATIONS, "plugins")
    engine = sa.create_engine(settings.database)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, ProcessingTask.metadata) == []
    engine.dispose()


async def test_tables_that_create_db_has_made_are_taken_over(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/p.db")
    engine = sa.create_engine(settings.database)
    ProcessingTask.metadata.create_all(engine)
    engine.dispose()

    await migrations.upgrade(settings.database_of_migrations, MIGRATIONS)

    await migrations.require_current(settings.database_of_migrations, MIGRATIONS, "plugins")


def _celery(environment: dict[str, str], folder: Path) -> Program:
    command = ("celery", "--app", "qhana_plugin_runner.celery_worker:CELERY", "worker", "--concurrency", "1")
    return Program("celery", command, environment, folder)


def test_a_worker_that_celerys_own_program_starts_works_for_the_host_with_the_same_settings(
    served: tuple[str, Program, dict[str, str]], tmp_path: Path
) -> None:
    origin, _, environment = served
    worker = _celery(environment, tmp_path)
    (tmp_path / "go").touch()

    worker.start()
    try:
        begun = httpx.post(
            f"{origin}/plugins/hardship@v1-0-0/process/waiter/", data={"folder": str(tmp_path)}, timeout=60
        )
        address = f"{origin}{begun.headers['location']}"
        until(lambda: _get(address).json()["status"] != "PENDING" or not worker.runs or None, seconds=START_SECONDS)
        ended = _get(address).json()
    finally:
        worker.kill()

    assert ended["status"] == "SUCCESS", worker.log


def test_a_worker_whose_database_has_no_tables_says_so_and_ends(tmp_path: Path) -> None:
    worker = _celery(_environment(tmp_path, ports.free_port()), tmp_path)

    worker.start()
    try:
        until(lambda: not worker.runs or None, seconds=START_SECONDS)
    finally:
        worker.kill()

    assert f"the database sqlite:///{tmp_path}/plugins/plugins.db has no tables" in worker.log
    assert "Traceback" not in worker.log
