"""Who is told of what changes: one Celery task a subscriber and change, and the registry of virtual plugins."""

from typing import Any

from flask import Flask
from qhana_plugin_runner import identity
from qhana_plugin_runner.db.models.tasks import TaskUpdateSubscription
from qhana_plugin_runner.db.models.virtual_plugins import VIRTUAL_PLUGIN_CREATED, VIRTUAL_PLUGIN_REMOVED
from qhana_plugin_runner.plugin_utils.interop import call_webhook
from qhana_plugin_runner.registry_client import PLUGIN_REGISTRY_CLIENT
from qhana_plugin_runner.tasks import TASK_DETAILS_CHANGED, TASK_STATUS_CHANGED, TASK_STEPS_CHANGED


def _tell(task_id: int, event: str) -> None:
    for each in TaskUpdateSubscription.get_by_task_and_event(task_id, event):
        # The host itself may be the subscriber, and asks for whom it is called.
        with identity.on_behalf_of(each.task.owner):
            call_webhook.s(webhook_url=each.webhook_href, task_url=each.task_href, event_type=event).apply_async()


def _status(_app: Flask, *, task_id: int, **_: Any) -> None:
    _tell(task_id, "status")


def _steps(_app: Flask, *, task_id: int, **_: Any) -> None:
    _tell(task_id, "steps")


def _details(_app: Flask, *, task_id: int, **_: Any) -> None:
    _tell(task_id, "details")


def _announce(_app: Flask, *, plugin_url: str, **_: Any) -> None:
    if PLUGIN_REGISTRY_CLIENT.ready:
        PLUGIN_REGISTRY_CLIENT.fetch_by_rel(["plugin", ["plugin", "post"]], query_params={"url": plugin_url})


def connect(app: Flask) -> None:
    """Hear this app's signals."""
    # Named functions and one receiver a signal: blinker holds them weakly and connects the same one once.
    for signal, receiver in (
        (TASK_STATUS_CHANGED, _status),
        (TASK_STEPS_CHANGED, _steps),
        (TASK_DETAILS_CHANGED, _details),
        (VIRTUAL_PLUGIN_CREATED, _announce),
        (VIRTUAL_PLUGIN_REMOVED, _announce),
    ):
        signal.connect(receiver, app)
