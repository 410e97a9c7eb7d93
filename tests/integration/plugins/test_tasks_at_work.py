"""What tasks may do to a worker, and it to them: on SQLite and on PostgreSQL, one worker each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qhana_plugin_runner.celery import CELERY

from tests.support.plugin_host import PluginHost, lives, run_of, until

pytestmark = [pytest.mark.slow, pytest.mark.rotating]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, new_postgres_url: Callable[[], str]
) -> Iterator[PluginHost]:
    """A host with a worker of two children, each with bounded time and memory."""
    database = new_postgres_url() if request.param == "postgresql" else None
    folder: Path = tmp_path_factory.mktemp("host")
    host = PluginHost(folder, database=database, TASK_TIME_LIMIT=15, TASK_MEMORY_LIMIT=8 << 30)
    host.worker(processes=2)
    yield host
    host.close()


def test_a_task_whose_child_is_killed_runs_again(host: PluginHost) -> None:
    address, folder = host.start("killed_once")

    assert host.ended(address) | {"links": None} == {
        "status": "SUCCESS", "log": "run 2", "outputs": [], "data": [], "links": None,
    }  # fmt: skip
    assert run_of(folder, 2) != run_of(folder, 1)


def test_a_task_whose_child_is_killed_every_time_fails_with_a_sentence(host: PluginHost) -> None:
    address, folder = host.start("killed_always")

    task = host.ended(address)
    assert task["status"] == "FAILURE"
    assert "the process that ran this task ended in the middle of it; it was tried 3 times" in task["log"]
    assert len(list(folder.glob("run-*"))) == 3


def test_deleting_a_task_ends_its_process_and_what_that_forked_though_it_ignores_sigterm(host: PluginHost) -> None:
    address, folder = host.start("stubborn")
    child = run_of(folder)
    fork = int((folder / "fork").read_text())

    answer = host.client.delete(address)

    assert answer.status_code == 204
    assert host.client.get(address).status_code == 404
    until(lambda: None if lives(child) or lives(fork) else True)


def test_retries_replacements_and_chains_run_to_their_end(host: PluginHost) -> None:
    retrying, folder = host.start("retrying")
    giving_way, _ = host.start("giving_way")

    assert host.ended(retrying)["log"] == "run 3"
    assert len(list(folder.glob("run-*"))) == 3
    assert host.ended(giving_way)["log"] == "it is 42"


def test_a_web_request_can_wait_for_a_result(host: PluginHost) -> None:
    with host.app.app_context():
        result = CELERY.tasks["hardship@v1-0-0.add"].s(1, 2).apply_async()
        found = CELERY.AsyncResult(result.id).get(timeout=120)

    assert found == 3


def test_a_failure_says_what_was_raised_and_keeps_the_traceback_to_itself(host: PluginHost) -> None:
    address, _ = host.start("failing")

    ended = host.ended(address)
    assert (ended["status"], ended["log"]) == ("FAILURE", "ValueError: this was to be expected")


def test_a_task_past_its_time_limit_fails_and_its_child_is_gone(host: PluginHost) -> None:
    address, folder = host.start("endless")

    assert "TimeLimitExceeded" in host.ended(address)["log"]
    child = run_of(folder)
    until(lambda: None if lives(child) else True)
    assert len(list(folder.glob("run-*"))) == 1


def test_a_task_that_wants_too_much_memory_fails_alone(host: PluginHost) -> None:
    address, _ = host.start("hungry")

    assert host.ended(address)["log"] == "MemoryError"
