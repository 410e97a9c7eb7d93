"""Cancelling somebody's task: a page that asks why, which a script shows as a dialog."""

from typing import Any

import flask
from daydream.tasks.v1 import admin_pb2, tasks_pb2
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField, validators

from services.foundation import errors, paths
from services.foundation.bridge import Bridge
from services.web import gate, identifiers, machinery
from services.web.backends.accounts import Visitor
from services.web.backends.machine import Machine
from services.web.backends.names import Names


class StopForm(FlaskForm):  # type: ignore[misc]
    """Why a task is cancelled."""

    reason = StringField(
        "Reason",
        filters=[lambda value: value.strip() if value else value],
        validators=[
            validators.InputRequired("Say why."),
            validators.Length(max=200, message="At most 200 characters."),
        ],
    )
    back = HiddenField()


def install(views: flask.Blueprint, machine: Machine, names: Names, bridge: Bridge) -> None:
    """The views."""

    @views.get("/queue/<task_id>/cancel", endpoint="stop")
    def stop(task_id: str) -> str:
        back = flask.request.args.get("back", "")
        return asked(gate.visitor(), identifiers.checked(task_id), StopForm(formdata=None, back=back))

    @views.post("/queue/<task_id>/cancel", endpoint="stop_now")
    def stop_now(task_id: str) -> Response | tuple[str, int]:
        visitor, wanted, form = gate.visitor(), identifiers.checked(task_id), StopForm()
        if not form.validate_on_submit():
            return asked(visitor, wanted, form), 422

        async def cancel() -> tuple[admin_pb2.OwnedTask, machinery.Names]:
            owned = await machine.cancel(visitor, wanted, form.reason.data)
            return owned, await names.of(visitor, [owned.user_id])

        try:
            owned, known = bridge.call(cancel())
        except errors.InvalidInput as error:
            form.reason.errors = [error.message]
            return asked(visitor, wanted, form), 422
        flask.flash(_told(owned.task, known.get(owned.user_id, "its owner")), "ok")
        return flask.redirect(paths.local(form.back.data, default=flask.url_for("machine.queue")), 303)

    def asked(visitor: Visitor, task_id: str, form: StopForm) -> str:
        async def read() -> dict[str, Any]:
            owned = await machine.task(visitor, task_id)
            return machinery.task(owned, await names.of(visitor, [owned.user_id]))

        return flask.render_template("admin/stop.html", task=bridge.call(read()), form=form)


def _told(task: tasks_pb2.Task, owner: str) -> str:
    if task.state == tasks_pb2.TASK_STATE_CANCELLED:
        back = task.price - task.charged
        return f"Cancelled. {'1 token' if back == 1 else f'{back} tokens'} went back to {owner}."
    if task.state == tasks_pb2.TASK_STATE_RUNNING:
        return f"It stops at its next step. What was not delivered goes back to {owner}."
    return "It had ended already, so nothing was changed."
