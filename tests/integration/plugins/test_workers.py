"""Tasks outlive what runs them: real workers, killed at bad moments."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.durable import ledger

from tests.support.plugin_host import PluginHost, lives, run_of, until

pytestmark = [pytest.mark.slow, pytest.mark.rotating]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[PluginHost]:
    """A host without a worker."""
    host = PluginHost(tmp_path)
    yield host
    host.close()


def test_a_task_whose_worker_is_killed_runs_again_with_another(host: PluginHost) -> None:
    first = host.worker()
    address, folder = host.start("waiter")
    child = run_of(folder)

    first.kill()
    until(lambda: None if lives(child) else True)
    host.worker()
    run_of(folder, 2)
    (folder / "go").touch()

    assert host.ended(address)["log"] == "run 2"


def test_a_message_that_the_broker_has_lost_is_sent_again(host: PluginHost) -> None:
    address, folder = host.start("waiter")
    (folder / "go").touch()
    queue = sa.create_engine(CELERY.conf.broker_url.removeprefix("sqla+"))
    with queue.begin() as connection:
        connection.execute(sa.text("DELETE FROM kombu_message"))
    with host.app.app_context(), DB.engine.begin() as connection:
        connection.execute(sa.update(ledger.KEPT).values(due=utc_now()))

    host.worker()

    assert host.ended(address)["log"] == "run 1"


def test_a_task_of_a_plugin_that_is_gone_fails_with_a_sentence(host: PluginHost, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    address, _ = host.start("waiter")

    host.worker(PLUGIN_FOLDERS=str(nothing))

    assert host.ended(address)["log"].endswith("no plugin that is loaded here offers the task hardship@v1-0-0.waiter")


def test_a_worker_that_is_stopped_and_goes_on_does_not_end_a_task_twice(host: PluginHost) -> None:
    first = host.worker()
    address, folder = host.start("waiter")
    child = run_of(folder)
    first.stop()
    os.kill(child, signal.SIGSTOP)

    host.worker()
    run_of(folder, 2)
    (folder / "go").touch()
    ended = host.ended(address)
    os.kill(child, signal.SIGCONT)
    first.go_on()

    until(lambda: "succeeded" in first.log or None)
    assert host.task(address)["log"] == ended["log"] == "run 2"
