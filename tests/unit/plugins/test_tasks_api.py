"""`/tasks/<id>/`: the wire form of a task, subscriptions, and addresses that cannot be guessed."""

import json
import math
import re
from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask, Step, TaskLink, TaskUpdateSubscription
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import add_step, save_task_error, save_task_result


def _task(**values: Any) -> ProcessingTask:
    task = ProcessingTask(task_name="test", **values)
    task.save(commit=True)
    return task


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Asks the app."""
    return app.test_client()


def _get(client: FlaskClient, task: ProcessingTask) -> dict[str, Any]:
    answer = client.get(f"/tasks/{task.public_id}/")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.get_json()
    return told


def test_a_new_task_is_pending_with_a_link_to_subscribe_and_nothing_else(client: FlaskClient) -> None:
    task = _task()

    told = _get(client, task)

    own = f"http://host.test/tasks/{task.public_id}/"
    assert told == {"status": "PENDING", "log": "", "links": [{"type": "subscribe", "href": own}]}


def test_a_finished_task_tells_outputs_links_steps_and_progress(client: FlaskClient) -> None:
    task = _task(progress_value=3, progress_target=4, progress_unit="files")
    task.add_next_step("http://a/", "http://a/ui", "first")
    TaskLink(task, type="more", href="http://more/").save()
    file = STORE.persist_task_result(task.id, "x", "x.txt", "entity/list", "text/plain")

    save_task_result.run("all done", db_id=task.id)

    told = _get(client, task)
    output = {
        "href": STORE.get_task_file_url(file), "dataType": "entity/list", "contentType": "text/plain", "name": "x.txt",
    }  # fmt: skip
    assert told["outputs"] == told["data"] == [output]
    assert (told["status"], told["log"]) == ("SUCCESS", "all done")
    assert told["progress"] == {"value": 4, "start": 0, "target": 4, "unit": "files"}
    assert told["steps"] == [{"href": "http://a/", "uiHref": "http://a/ui", "stepId": "first", "cleared": True}]
    assert told["links"][1] == {"type": "more", "href": "http://more/"}


def test_outputs_are_told_when_the_task_is_finished_and_not_before(client: FlaskClient) -> None:
    task = _task()
    STORE.persist_task_result(task.id, "x", "x.txt", "entity/list", "text/plain")

    assert "outputs" not in _get(client, task)


@pytest.mark.parametrize("progress", [{"progress_target": math.inf}, {"progress_value": math.nan}])
def test_progress_that_is_no_number_is_left_out(client: FlaskClient, progress: dict[str, float]) -> None:
    task = _task(**{"progress_value": 1.0, **progress})

    answer = client.get(f"/tasks/{task.public_id}/")

    assert "progress" not in json.loads(answer.data, parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("value", "start", "target", "told"),
    [(101, 0, 100, 100), (-1, 0, 100, 0), (3, 10, 0, 3), (11, 10, 0, 10), (-1, 10, 0, 0)],
)
def test_progress_is_told_between_its_start_and_its_target(
    client: FlaskClient, value: float, start: float, target: float, told: float
) -> None:
    task = _task(progress_value=value, progress_start=start, progress_target=target, progress_unit="")

    assert _get(client, task)["progress"] == {"value": told, "start": start, "target": target, "unit": ""}


def test_of_two_steps_that_await_input_only_the_last_is_told_to(client: FlaskClient) -> None:
    task = _task()
    for number in range(2):
        task.steps.append(Step(id=task.id, step_id=f"s{number}", href="http://a/", ui_href="http://a/ui"))
    task.save(commit=True)

    assert [each["cleared"] for each in _get(client, task)["steps"]] == [True, False]


def test_a_step_added_twice_by_a_repeated_run_is_one_step(client: FlaskClient) -> None:
    task = _task()

    for _ in range(2):
        add_step.run("asked", db_id=task.id, step_id="first", href="http://a/", ui_href="http://a/ui")

    told = _get(client, task)
    assert [each["stepId"] for each in told["steps"]] == ["first"]
    assert told["progress"] == {"value": 0, "start": 0, "target": 1, "unit": ""}
    assert told["log"] == "asked"


def test_what_a_task_returns_must_be_a_string() -> None:
    with pytest.raises(TypeError):
        save_task_result.run({"no": "string"}, db_id=1)


def test_an_error_after_the_end_changes_nothing(client: FlaskClient) -> None:
    task = _task()
    save_task_result.run("done", db_id=task.id)

    save_task_error.run("no-such-celery-task", db_id=task.id)

    assert _get(client, task)["status"] == "SUCCESS"


def test_an_address_made_from_a_number_cannot_be_guessed_even_before_the_commit(app: Flask) -> None:
    task = ProcessingTask(task_name="test")
    task.save()
    DB.session.flush()

    address = url_for("tasks-api.TaskView", task_id=str(task.id))

    assert address == f"http://host.test/tasks/{task.public_id}/"
    # Programs take what follows /tasks/ for digits.
    assert re.fullmatch(r"\d{36}", task.public_id)
    DB.session.commit()
    assert app.test_client().get(f"/tasks/{task.id}/").status_code == 404


@pytest.mark.parametrize("event", [None, "status", "steps", "details"])
def test_subscribing_twice_is_one_subscription_and_unsubscribing_ends_it(
    client: FlaskClient, event: str | None
) -> None:
    task = _task()
    command = {"command": "subscribe", "event": event, "webhookHref": "http://listener:5000/hook?x=1"}

    answers = [client.post(f"/tasks/{task.public_id}/", json=command).status_code for _ in range(2)]
    there = [(each.event_type, each.webhook_href, each.task_href) for each in task.subscriptions]
    client.post(f"/tasks/{task.public_id}/", json={**command, "command": "unsubscribe"})
    DB.session.expire_all()

    own = f"http://host.test/tasks/{task.public_id}/"
    assert (answers, there) == ([200, 200], [(event, command["webhookHref"], own)])
    assert task.subscriptions == []


@pytest.mark.parametrize(
    "body",
    [
        {"command": "explode", "webhookHref": "http://a/"},
        {"command": "subscribe"},
        {"command": "subscribe", "webhookHref": "javascript:alert(1)"},
        {"command": "subscribe", "webhookHref": "http://a/", "event": "weather"},
    ],
)
def test_a_command_that_is_none_is_refused(client: FlaskClient, body: dict[str, str]) -> None:
    assert client.post(f"/tasks/{_task().public_id}/", json=body).status_code == 422


def test_cancelling_ends_a_task_as_failed_with_a_sentence(client: FlaskClient) -> None:
    task = _task()

    told = client.post(f"/tasks/{task.public_id}/", json={"command": "cancel"}).get_json()

    assert (told["status"], told["log"]) == ("FAILURE", "The task was cancelled.")


def test_cancelling_what_is_finished_changes_nothing(client: FlaskClient) -> None:
    task = _task(task_status="SUCCESS", finished_at=utc_now())

    assert client.post(f"/tasks/{task.public_id}/", json={"command": "cancel"}).get_json()["status"] == "SUCCESS"


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_a_task_that_is_not_there_is_not_found(client: FlaskClient, method: str) -> None:
    answer = getattr(client, method)(
        "/tasks/nobody-knows-it/", json={"command": "cancel"} if method == "post" else None
    )

    assert answer.status_code == 404


@pytest.mark.parametrize("base", ["", "http://host.test"])
def test_steps_and_links_have_whole_addresses_even_where_a_plugin_kept_the_path_alone(app: Flask, base: str) -> None:
    # As objective functions do it: subscribed and linked before the task is saved.
    task = ProcessingTask(task_name="test")
    TaskUpdateSubscription(task, webhook_href="http://a.example/", task_href="http://host.test/x/", event_type=None)
    TaskLink(task, type="of-weights", href=f"{base}/plugins/x/weights/")
    task.add_next_step(href=f"{base}/plugins/x/in/", ui_href=f"{base}/plugins/x/ui/", step_id="s", commit=True)

    told = app.test_client().get(f"/tasks/{task.public_id}/").get_json()

    (step,) = told["steps"]
    assert (step["href"], step["uiHref"]) == ("http://host.test/plugins/x/in/", "http://host.test/plugins/x/ui/")
    assert told["links"][1] == {"type": "of-weights", "href": "http://host.test/plugins/x/weights/"}
    assert [each.webhook_href for each in task.subscriptions] == ["http://a.example/"]
