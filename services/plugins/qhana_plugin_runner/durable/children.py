"""What a worker's child becomes before its first task: a process group, bound to its parent's life, of bounded size."""

import contextlib
import ctypes
import os
import resource
import signal
import sys
from typing import Any, Final

from celery import signals
from flask import Flask
from kombu.transport.sqlalchemy import Channel
from qhana_plugin_runner.db.db import DB
from qhana_plugin_runner.durable.forking import Gate

_PR_SET_PDEATHSIG: Final = 1


def prepare(app: Flask) -> None:
    """Make this process a child that dies with its parent and shares no connection with it."""
    if sys.platform == "linux":
        # A child that went on after its parent would finish what another worker has begun again.
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == 1:
            os._exit(1)
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    limit = app.config.get("TASK_MEMORY_LIMIT")
    if limit:
        resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
    with app.app_context():
        DB.engine.dispose(close=False)
    for engine, _ in Channel._engines.values():
        engine.dispose(close=False)
    Channel._engines.clear()


def guard_forks(app: Flask) -> None:
    """In the main process: fork when no connection is in use, and with none that is open."""
    with app.app_context():
        own = DB.engine

    def let_go() -> None:
        own.dispose()
        for engine, _ in Channel._engines.values():
            engine.dispose()

    Gate(let_go).watch()


@signals.worker_process_init.connect(weak=False, dispatch_uid="daydream-child")
def _begin(**_: Any) -> None:
    from qhana_plugin_runner.celery import CELERY  # noqa: PLC0415 - it stands on this package

    if CELERY.flask_app is not None:
        prepare(CELERY.flask_app)
