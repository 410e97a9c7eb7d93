"""In each worker's main process: renews leases, stops what was cancelled, sends again what was lost, cleans up."""

import contextlib
import os
import signal
import threading
import time
from typing import Any, Final

from celery import signals
from celery.worker import state
from flask import Flask
from qhana_plugin_runner import retention
from qhana_plugin_runner.db.models.messages import State
from qhana_plugin_runner.durable import ending, ledger, publishing

MOST: Final = 100
CANCEL_SECONDS: Final = 1.0
"""How soon a cancelled task is told to stop."""
CLEAN_SECONDS: Final = 3600.0


class Keeper(threading.Thread):
    """One for a worker; it works until `stop`."""

    def __init__(self, consumer: Any) -> None:
        """`consumer` is Celery's, with the pool whose children run tasks."""
        super().__init__(name="keeper", daemon=True)
        self._app = consumer.app
        self._flask: Flask = consumer.app.flask_app
        self._pool, self._worker = consumer.pool, str(consumer.hostname)
        self._stopped = threading.Event()
        self._told: dict[str, float] = {}

    def stop(self) -> None:
        """End it soon."""
        self._stopped.set()

    def run(self) -> None:
        """Do each duty when it is time; a database that is away is asked again later."""
        config = self._flask.config
        lease = float(config.get("TASK_LEASE_SECONDS") or 30.0)
        duties = {
            self.stop_cancelled: CANCEL_SECONDS,
            self.renew: lease / 3,
            self.sweep: float(config.get("TASK_SWEEP_SECONDS") or 5.0),
            self.clean: CLEAN_SECONDS,
        }
        due = dict.fromkeys(duties, 0.0)
        while not self._stopped.wait(min(CANCEL_SECONDS, lease / 6)):
            for duty, seconds in duties.items():
                if time.monotonic() < due[duty]:
                    continue
                due[duty] = time.monotonic() + seconds
                try:
                    with self._flask.app_context():
                        duty()
                except Exception:
                    self._flask.logger.exception("the keeper could not %s", duty.__name__)

    def renew(self) -> None:
        """Say that this worker is still at what its children run."""
        lease = float(self._flask.config.get("TASK_LEASE_SECONDS") or 30.0)
        ledger.renew(self._worker, {each.id for each in list(state.active_requests)}, lease=lease)

    def sweep(self) -> None:
        """See to runs whose worker is gone, and to messages that nobody began with."""
        attempts = int(self._flask.config.get("TASK_ATTEMPTS") or 1)
        ours = {each.id for each in list(state.active_requests)}
        for row in ledger.overdue(MOST):
            if row.worker == self._worker and row.id in ours:
                # This process was held up, not the task.
                continue
            if row.state == State.RUNNING:
                why = "the worker that ran this task was lost in the middle of it"
                ending.lost(self._app, row.id, row.generation, attempts=attempts, why=why)
            elif ledger.postpone(row.id, row.generation, row.sendings):
                publishing.resend(self._app, dict(row._mapping))

    def stop_cancelled(self) -> None:
        """SIGTERM for cancelled tasks, then SIGKILL for the process and what it has started."""
        running = {each.id: each for each in list(state.active_requests)}
        self._told = {each: when for each, when in self._told.items() if each in running}
        patience = float(self._flask.config.get("TASK_STOP_SECONDS") or 5.0)
        for each in ledger.cancelled(running.keys()):
            request = running[each]
            if each not in self._told:
                self._told[each] = time.monotonic()
                child = request.worker_pid
                # Celery counts a terminated request as done, so the child is watched from here on.
                threading.Thread(target=_end, args=(child, patience), name=f"end-{child}", daemon=True).start()
                request.terminate(self._pool, "SIGTERM")

    def clean(self) -> None:
        """Delete what is past its time."""
        ledger.clean()
        retention.clean(self._flask)


def _end(child: int | None, patience: float) -> None:
    if child is None:
        return
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if not _lives(child):
            break
        time.sleep(0.1)
    # The group, as what it forked outlives it; each child leads its own.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def _lives(child: int) -> bool:
    try:
        os.kill(child, 0)
    except ProcessLookupError:
        return False
    return True


_keepers: Final[list[Keeper]] = []


@signals.worker_ready.connect(weak=False, dispatch_uid="daydream-keeper")
def _start(*, sender: Any, **_: Any) -> None:
    if getattr(sender.app, "flask_app", None) is not None and publishing.lasting(sender.app):
        keeper = Keeper(sender)
        _keepers.append(keeper)
        keeper.start()


@signals.worker_shutting_down.connect(weak=False, dispatch_uid="daydream-keeper-stop")
def _stop(**_: Any) -> None:
    # Leases are renewed until the last task is over: a warm shutdown waits for them.
    if not state.active_requests:
        for keeper in _keepers:
            keeper.stop()


@signals.task_unknown.connect(weak=False, dispatch_uid="daydream-unknown")
def _refuse(*, sender: Any, name: str, id: str, **_: Any) -> None:
    flask_app: Flask | None = getattr(sender.app, "flask_app", None)
    if flask_app is None:
        return
    with flask_app.app_context():
        row = ledger.get(id)
        if row is not None and row.state == State.WAITING:
            ending.fail(sender.app, dict(row._mapping), f"no plugin that is loaded here offers the task {name}")
            ledger.end(row.id, row.generation)
