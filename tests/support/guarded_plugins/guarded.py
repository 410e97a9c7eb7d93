"""A plugin that tells what it sees of who asks, and tries to reach what it should not."""

import os
from typing import Any

import requests
import sqlalchemy as sa
from celery.canvas import Signature
from flask import Response, jsonify, make_response, redirect, request
from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.identity import current_user_id
from qhana_plugin_runner.requests import open_url
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

BLP = SecurityBlueprint(plugin_identifier("guarded", "v1.0.0"), __name__)


class Guarded(QHAnaPluginBase):
    """Of tests."""

    name = "guarded"
    version = "v1.0.0"
    description = "of tests"

    def get_api_blueprint(self) -> SecurityBlueprint:
        """All of it."""
        return BLP


@BLP.route("/", methods=["GET", "POST", "OPTIONS"])
def asked() -> Response:
    """Who asks, as far as a plugin sees."""
    answer = make_response(
        jsonify(
            user=current_user_id(), cookies=dict(request.cookies), authorization=request.headers.get("Authorization")
        )
    )
    answer.set_cookie("dd_session", "of a plugin")
    return answer


@BLP.route("/strict/")
@BLP.require_jwt("jwt")
def strict() -> dict[str, Any]:
    """For somebody."""
    return {}


@BLP.route("/fresh/")
@BLP.require_jwt("jwt", fresh=True)
def fresh() -> dict[str, Any]:
    """For somebody who signed in lately."""
    return {}


@BLP.route("/begin/", methods=["POST"])
def begin() -> dict[str, Any]:
    """A task with an output; its number and its public id."""
    task = ProcessingTask(task_name="guarded", parameters="a secret wish")
    task.save(commit=True)
    STORE.persist_task_result(task.id, "42", "answer.txt", "custom/answer", "text/plain")
    return {"number": task.id, "public": task.public_id}


@BLP.route("/<int:db_id>/step/", methods=["POST"])
def step(db_id: int) -> dict[str, Any]:
    """Hands a number on without a look at the task."""
    return {"handed on": db_id}


@BLP.route("/of/<int:number>/")
def looked_up(number: int) -> dict[str, Any]:
    """Looks a task up by itself."""
    task = ProcessingTask.get_by_id(number)
    return {"parameters": task.parameters if task is not None else None}


@BLP.route("/call/<by>/")
def call(by: str) -> dict[str, Any]:
    """Calls an address in the middle of a request."""
    return called(by, request.args["url"])


def called(by: str, url: str) -> dict[str, Any]:
    """What is there for a plugin that asks in this way."""
    answer = requests.get(url, timeout=30) if by == "requests" else open_url(url, raise_on_error_status=False)
    return {"status": answer.status_code, "text": answer.text}


@BLP.route("/leading/")
def leading() -> Any:
    """Leads elsewhere."""
    return redirect(request.args["to"])


@BLP.route("/calls/", methods=["POST"])
def work() -> dict[str, Any]:
    """Have a worker call an address, by a chain."""
    task = ProcessingTask(task_name="guarded")
    task.save(commit=True)
    chain: Signature = first.s(db_id=task.id) | calling.s(db_id=task.id, url=request.args["url"])
    chain |= save_task_result.s(db_id=task.id)
    chain.link_error(save_task_error.s(db_id=task.id))
    chain.apply_async()
    return {"public": task.public_id}


@CELERY.task(name="guarded.first")
def first(db_id: int) -> str:
    """Begins a task of its own."""
    ProcessingTask(task_name=f"guarded.first of {db_id}").save(commit=True)
    return str(current_user_id())


@CELERY.task(name="guarded.calling")
def calling(before: str, db_id: int, url: str) -> str:
    """Calls an address, in both ways."""
    del db_id
    return f"{before} {called('requests', url)['text'].strip()} {called('open_url', url)['text'].strip()}"


@BLP.route("/user/")
def user() -> str:
    """Who asks, alone."""
    return str(current_user_id())


@BLP.route("/owners/")
def owners() -> list[str | None]:
    """Whose tasks there are, as the database itself says."""
    with DB.engine.connect() as connection:
        return list(connection.scalars(sa.text("SELECT owner FROM processing_task")))


@BLP.route("/environment/", methods=["GET", "POST"])
def environment() -> Any:
    """What this process finds in its environment; by POST, what a worker does."""
    if request.method == "GET":
        return sorted(os.environ)
    task = ProcessingTask(task_name="guarded")
    task.save(commit=True)
    (looking.s(db_id=task.id) | save_task_result.s(db_id=task.id)).apply_async()
    return {"public": task.public_id}


@CELERY.task(name="guarded.looking")
def looking(db_id: int) -> str:
    """Look there."""
    del db_id
    return " ".join(sorted(os.environ))
