"""Ends tasks that wait for a model no worker has any more, which would otherwise wait, their price held, for ever."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from typing import Final

from services.foundation import logs
from services.tasks.ports import Announcer, LeaseStore, WorkerStore, stored
from services.tasks.values import Blame, Failure
from services.tasks.workers import capabilities
from services.tasks.workers.capabilities import Capabilities

log = logs.logger(__name__)
LATELY: Final = dt.timedelta(seconds=90)
"""Every replica writes down what a worker says every 30 seconds as long as it answers."""


class Unoffered:
    """Counts for how long waiting tasks have lacked a worker with their model, and fails them in the end.

    Only time in which some worker answers counts: while none does, nobody knows with what models they come back.
    """

    def __init__(
        self,
        *,
        leases: LeaseStore,
        workers: WorkerStore,
        decode: Callable[[bytes], Capabilities],
        announcer: Announcer,
        settle_now: Callable[[], None],
        patience_seconds: float,
        every_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`every_seconds` between two looks; `settle_now` wakes the relay; `clock` counts seconds."""
        self._leases = leases
        self._workers = workers
        self._decode = decode
        self._announcer = announcer
        self._settle_now = settle_now
        self._patience = patience_seconds
        self._every = every_seconds
        self._clock = clock
        self._looked = clock()
        self._lacking: dict[str, float] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("waiting tasks cannot be looked at; it tries again")
            await asyncio.sleep(self._every)

    async def look(self) -> None:
        """Count the time since the last look, and fail what has lacked its model for too long."""
        now = self._clock()
        passed, self._looked = now - self._looked, now
        # What any replica heard counts, as each may know other workers.
        answering = [self._decode(said) for said in await self._workers.seen_within(LATELY)]
        if not answering:
            return
        offered = {model.name for model in capabilities.union(answering)}
        lacking = await self._leases.waiting_models() - offered
        # What is seen lacking for the first time lacks it from now on.
        self._lacking = {name: self._lacking[name] + passed if name in self._lacking else 0.0 for name in lacking}
        for name, seconds in self._lacking.items():
            if seconds >= self._patience:
                await self._fail(name)

    async def _fail(self, name: str) -> None:
        failure = Failure(
            blame=Blame.WORKER,
            reason="MODEL_GONE",
            message=f"No worker has the model {name} any more; what was not drawn is not charged.",
        )
        while (task := await self._leases.fail_one(name, failure)) is not None:
            log.warning("no worker has the model", task_id=task.task_id, model=name)
            self._announcer.announce(stored(task))
            self._settle_now()
