"""What follows on a task that its worker ends works for the person that the task worked for."""

from types import SimpleNamespace
from typing import Any

import pytest
from billiard.einfo import ExceptionInfo
from celery import Celery
from celery.backends.base import DisabledBackend
from qhana_plugin_runner import identity
from qhana_plugin_runner.durable.request import HostRequest


class _Noting(DisabledBackend):  # type: ignore[misc]
    """Notes for whom failures are told."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.told: list[str | None] = []

    def mark_as_failure(self, *_: Any, **__: Any) -> None:
        self.told.append(identity.current_user_id())


@pytest.fixture
def backend() -> _Noting:
    return _Noting(Celery("of a test", set_as_current=False))


def _nothing() -> None:
    """What the task does."""


def _request(backend: _Noting, headers: dict[str, Any]) -> HostRequest:
    task = backend.app.task(_nothing, name="of a test", shared=False)
    task.backend = backend
    headers = {"id": "1", "task": "of a test", **headers}
    message = SimpleNamespace(headers=headers, body=((), {}, {}), delivery_info={}, properties={})
    return HostRequest(message, app=backend.app, task=task, decoded=True)


@pytest.mark.parametrize("headers", [{identity.OWNER: "anna"}, {}])
def test_a_task_past_its_time_fails_for_its_own_person(backend: _Noting, headers: dict[str, Any]) -> None:
    _request(backend, headers).on_timeout(soft=False, timeout=1)

    assert backend.told == [headers.get(identity.OWNER)]


def test_a_task_that_fails_in_the_main_process_fails_for_its_own_person(backend: _Noting) -> None:
    error = ValueError("no")
    with pytest.raises(ValueError, match="no"):
        raise error
    failed = ExceptionInfo((ValueError, error, error.__traceback__))

    _request(backend, {identity.OWNER: "anna"}).on_failure(failed)

    assert backend.told == ["anna"]
