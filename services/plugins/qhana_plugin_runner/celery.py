"""`CELERY`: the app that every plugin's tasks belong to. Its tasks run in the host's app context and outlive workers.

Tasks are made when they are defined, not later: a name that another module's task has is refused there and then, so
that it is the second plugin that fails and not the first one's task that runs in its place.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

import sqlalchemy as sa
from celery import Celery, Task
from celery.exceptions import Ignore
from flask import Flask, has_app_context
from qhana_plugin_runner.durable import claims, polling


class TaskNameTaken(Exception):
    """Another module has a Celery task of this name."""


class HostTask(Task):  # type: ignore[misc]
    """A task whose body runs in the app's context; what a worker was sent runs once for each sending."""

    abstract = True
    Request = "qhana_plugin_runner.durable.request:HostRequest"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the body. A message that is not to run (again) ends as Celery's Ignore."""
        flask_app = self.app.flask_app
        if flask_app is None or has_app_context():
            return self._within(*args, **kwargs)
        with flask_app.app_context():
            return self._within(*args, **kwargs)

    def _within(self, *args: Any, **kwargs: Any) -> Any:
        if self.request.called_directly:
            return super().__call__(*args, **kwargs)
        if not claims.claim(self.request):
            raise Ignore
        return self.run(*args, **kwargs)


class HostCelery(Celery):  # type: ignore[misc]
    """Celery that keeps what it sends, and knows the Flask app."""

    amqp_cls = "qhana_plugin_runner.durable.publishing:KeepingAMQP"
    control_cls = "qhana_plugin_runner.durable.control:KeepingControl"
    flask_app: Flask | None = None

    def _task_from_fun(
        self, fun: Callable[..., Any], name: str | None = None, base: Any = None, bind: bool = False, **options: Any
    ) -> Any:
        known = self._tasks.get(name or self.gen_task_name(fun.__name__, fun.__module__))
        if known is not None and known.__module__ != fun.__module__:
            raise TaskNameTaken(f"the Celery task {known.name} of {fun.__module__} is {known.__module__}'s already")
        return super()._task_from_fun(fun, name=name, base=base, bind=bind, **options)


CELERY: Final = HostCelery("qhana_plugin_runner", task_cls=HostTask, set_as_current=True)
CELERY.finalize()
polling.register()


def register_celery(app: Flask) -> None:
    """Let tasks run in this app, with its configuration; the last app given wins."""
    CELERY.conf.update(dict(app.config["CELERY"]))
    CELERY.flask_app = app
    # What an app before this one has opened may lead elsewhere: connections, queues, the result backend.
    CELERY._pool = None
    CELERY.__dict__.pop("amqp", None)
    CELERY._backend_cache = None
    CELERY._local = threading.local()
    _prepare_queue_file(str(CELERY.conf.broker_url))


def tell_plugins() -> None:
    """Let plugins that wait for the app to be complete (`on_after_finalize`) name their periodic tasks.

    The app is complete from its first moment on, so nobody would tell them otherwise; one that fails is logged.
    """
    CELERY.on_after_finalize.send(sender=CELERY)


def _prepare_queue_file(broker: str) -> None:
    """Let who reads a queue in SQLite wait for nobody who writes; the file remembers it."""
    if broker.startswith("sqla+sqlite"):
        engine = sa.create_engine(broker.removeprefix("sqla+"))
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        engine.dispose()
