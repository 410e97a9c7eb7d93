"""A plugin whose addresses take a task's number as text, and which hands the text on wherever one is asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from celery.contrib.testing.worker import start_worker
from flask.testing import FlaskClient
from qhana_plugin_runner.celery import CELERY

from tests.support import small_host
from tests.support.plugin_host import until

ANNOTATE = """
    import json
    from flask import current_app, redirect, url_for
    from flask_smorest import abort
    from qhana_plugin_runner.api.util import SecurityBlueprint
    from qhana_plugin_runner.celery import CELERY
    from qhana_plugin_runner.db.models.tasks import ProcessingTask
    from qhana_plugin_runner.storage import STORE
    from qhana_plugin_runner.tasks import TASK_STEPS_CHANGED, add_step, save_task_error, save_task_result
    from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

    BLP = SecurityBlueprint(plugin_identifier("annotate", "v0.1.0"), __name__)

    class Annotate(QHAnaPluginBase):
        name = "annotate"
        version = "v0.1.0"

        def get_api_blueprint(self):
            return BLP

    @BLP.route("/")
    def root():
        return {}

    @CELERY.task(name=f"{Annotate.instance.identifier}.note", bind=True)
    def note(self, db_id):
        task = ProcessingTask.get_by_id(id_=db_id)
        task.data["notes"] = task.data.get("notes", 0) + 1
        task.save(commit=True)
        return f"noted {task.data['notes']}"

    @CELERY.task(name=f"{Annotate.instance.identifier}.put_out", bind=True)
    def put_out(self, log, db_id):
        notes = ProcessingTask.get_by_id(id_=db_id).data["notes"]
        STORE.persist_task_result(db_id, json.dumps(notes), "notes.json", "entity/list", "application/json")
        return log

    def asked_again(task):
        number = len(task.steps)
        address = {"db_id": task.id, "_external": True}
        return add_step.s(
            db_id=task.id, step_id=f"note-{number}", href=url_for(f"{BLP.name}.answer", **address),
            ui_href=url_for(f"{BLP.name}.page", **address), prog_value=100 * number / (number + 1),
        )

    def begun(work, db_id):
        work.link_error(save_task_error.s(db_id=db_id))
        work.apply_async()
        return redirect(url_for("tasks-api.TaskView", task_id=str(db_id)), 303)

    def answered(db_id):
        task = ProcessingTask.get_by_id(id_=db_id)
        task.clear_previous_step(commit=True)
        task.save()
        TASK_STEPS_CHANGED.send(current_app._get_current_object(), task_id=db_id)
        return task

    @BLP.route("/process/", methods=["POST"])
    def process():
        task = ProcessingTask(task_name="annotate")
        task.save(commit=True)
        return begun(note.s(db_id=task.id) | asked_again(task), task.id)

    @BLP.route("/<string:db_id>/ui/")
    def page(db_id):
        if ProcessingTask.get_by_id(id_=db_id) is None:
            abort(404)
        return "the form"

    @BLP.route("/<string:db_id>/step/", methods=["POST"])
    def answer(db_id):
        return begun(note.s(db_id=db_id) | asked_again(answered(db_id)), db_id)

    @BLP.route("/<string:db_id>/done/", methods=["POST"])
    def done(db_id):
        answered(db_id)
        return begun(note.s(db_id=db_id) | put_out.s(db_id=db_id) | save_task_result.s(db_id=db_id), db_id)
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    """Asks a host that has the plugin, and a worker in a thread."""
    app = small_host.make(
        tmp_path,
        PLUGIN_FOLDERS=[str(small_host.write(tmp_path / "plugins", {"annotate_t1.py": ANNOTATE}))],
        CELERY={"broker_url": "memory://", "result_backend": "cache+memory://"},
    )
    with start_worker(CELERY, pool="solo", perform_ping_check=False, shutdown_timeout=60):
        yield app.test_client()


def test_its_tasks_are_stepped_through_and_put_their_result_out(client: FlaskClient) -> None:
    def told(steps: int, status: str = "PENDING") -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            task: dict[str, Any] = client.get(address).get_json()
            assert task["status"] in {"PENDING", status}, task["log"]
            return task if len(task.get("steps", [])) == steps and task["status"] == status else None

        return until(look)

    address = client.post("/plugins/annotate@v0-1-0/process/").headers["Location"]
    (first,) = told(1)["steps"]
    page = client.get(urlsplit(first["uiHref"]).path)
    answered = client.post(urlsplit(first["href"]).path)
    second = told(2)["steps"][-1]
    done = client.post(urlsplit(second["href"].replace("/step/", "/done/")).path)
    task = told(2, "SUCCESS")

    assert (page.text, answered.status_code, done.status_code) == ("the form", 303, 303)
    assert answered.headers["Location"] == done.headers["Location"] == address
    assert [(step["stepId"], step["cleared"]) for step in task["steps"]] == [("note-0", True), ("note-1", True)]
    assert task["log"] == "noted 1\nnoted 2\nnoted 3"
    output = urlsplit(task["outputs"][0]["href"])
    assert client.get(f"{output.path}?{output.query}").get_json() == 3
    assert client.get("/plugins/annotate@v0-1-0/nobody/ui/").status_code == 404
