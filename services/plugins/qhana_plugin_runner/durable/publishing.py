"""Keeps every message before it is sent. What cannot be kept is not sent either: its sender gets the error."""

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from celery import current_task
from celery.app.amqp import AMQP
from flask import Flask, has_app_context
from kombu import serialization
from kombu.utils import json as kombu_json
from qhana_plugin_runner import identity
from qhana_plugin_runner.db.db import DB, utc_now
from qhana_plugin_runner.durable import ledger
from qhana_plugin_runner.durable.claims import GENERATION


class KeepingAMQP(AMQP):  # type: ignore[misc]
    """Celery's way of sending tasks, with a row in the host's database before each."""

    def _create_task_sender(self) -> Callable[..., Any]:
        send = super()._create_task_sender()

        def keep_and_send(producer: Any, name: str, message: Any, **options: Any) -> Any:
            flask_app: Flask | None = self.app.flask_app
            _say(message, options, identity.OWNER, identity.current_user_id())
            if flask_app is None or not lasting(self.app):
                return send(producer, name, message, **options)
            if not has_app_context():
                with flask_app.app_context():
                    return keep_and_send(producer, name, message, **options)
            values = self._values(name, message, options)
            own = bool(current_task) and current_task.request.id == values["id"]
            if (connection := _writing()) is not None:
                # What this thread has written and not committed keeps its own second connection out, so the row goes
                # with the plugin's transaction, and the message follows when that is committed.
                generation = ledger.keep(connection, values, anew=own)
                resend_on_commit(self.app, {**values, "generation": generation})
                return None
            with DB.engine.begin() as connection:
                generation = ledger.keep(connection, values, anew=own)
            _say(message, options, GENERATION, generation)
            return send(producer, name, message, **options)

        return keep_and_send

    def _values(self, name: str, message: Any, options: dict[str, Any]) -> dict[str, Any]:
        headers, properties, body, _ = message
        serializer = options.get("serializer") or self.app.conf.task_serializer
        content_type, encoding, payload = serialization.dumps(body, serializer=serializer)
        queue = options.get("queue") or options.get("routing_key") or self.app.conf.task_default_queue
        headers = _plain({**headers, **(options.get("headers") or {})})
        return {
            "id": headers["id"],
            "name": name,
            "queue": getattr(queue, "name", queue),
            "body": payload if isinstance(payload, str) else payload.decode(),
            "content_type": content_type,
            "content_encoding": encoding,
            "headers": headers,
            "properties": _plain(properties),
            "due": _eta(headers.get("eta")) + dt.timedelta(seconds=ledger.FIRST_SENDING_SECONDS),
            "db_id": _db_id(body[1]),
            "changed": utc_now(),
        }


def lasting(app: Any) -> bool:
    """Whether there is anything to keep: a broker in this process's memory ends with it, as do its tasks."""
    return not str(app.conf.broker_url or "").startswith("memory:") and not app.conf.task_always_eager


def resend(app: Any, kept: dict[str, Any]) -> None:
    """Send a kept message, with the generation it has there."""
    with app.producer_pool.acquire(block=True, timeout=10) as producer:
        producer.publish(
            kept["body"],
            exchange="",
            routing_key=kept["queue"],
            declare=[app.amqp.queues[kept["queue"]]],
            headers={**kept["headers"], GENERATION: kept["generation"]},
            content_type=kept["content_type"],
            content_encoding=kept["content_encoding"],
            delivery_mode=2,
            retry=True,
            retry_policy={"max_retries": 3},
            **kept["properties"],
        )


def resend_on_commit(app: Any, kept: dict[str, Any]) -> None:
    """Send it once the current session has committed; a session that rolls back has kept nothing."""
    session = DB.session()

    def committed(_session: Any) -> None:
        resend(app, kept)

    sa.event.listen(session, "after_commit", committed, once=True)


def _writing() -> sa.Connection | None:
    """The session's connection, where it is SQLite's and holds the file's write lock."""
    if DB.engine.dialect.name != "sqlite" or not DB.session.registry.has() or not DB.session().in_transaction():
        return None
    connection = DB.session().connection()
    raw: Any = connection.connection.dbapi_connection
    return connection if raw.in_transaction else None


def _say(message: Any, options: dict[str, Any], header: str, value: Any) -> None:
    """Put a header on a message; those of the options would win, and may be of the message before it in a chain."""
    if value is None:
        return
    message.headers[header] = value
    if options.get("headers"):
        options["headers"] = {**options["headers"], header: value}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(kombu_json.dumps(values))
    return plain


def _eta(given: object) -> dt.datetime:
    if not isinstance(given, str):
        return utc_now()
    time = dt.datetime.fromisoformat(given)
    return max(utc_now(), time.astimezone(dt.UTC).replace(tzinfo=None) if time.tzinfo else time)


def _db_id(arguments: dict[str, Any]) -> int | None:
    given = arguments.get("db_id")
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    return int(given) if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 19 else None
