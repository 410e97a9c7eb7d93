"""Submits at a fixed rate through TaskService, with everything behind it: auth holds tokens, the ledger keeps tasks.

Twice: while the worker is busy with one task, so that all others wait; and with a worker that draws at once, so that
the ledger has each task claimed, drawn, stored, settled and told of beside.
"""

import asyncio
import contextlib
import itertools
import uuid
from pathlib import Path
from typing import Any, Final

from daydream.tasks.v1 import tasks_pb2

from bench.ledger import drawing, figures, loads, rig
from bench.ledger.rig import Person, Replica, Worker
from tests.support.postgres import Postgres

POSTGRES_RATE: Final = 100.0
SQLITE_RATE: Final = 50.0
SECONDS: Final = 15.0
SLOTS: Final = 8
PEOPLE: Final = 20
ANSWER_SECONDS: Final = 10.0
_WARM: Final = 20


async def on_postgres(folder: Path, *, times: float) -> dict[str, Any]:
    """A hundred a second."""
    with rig.durable_postgres() as postgres:
        return {"database": "postgresql", **await _both(folder, postgres, POSTGRES_RATE, times)}


async def on_sqlite(folder: Path, *, times: float) -> dict[str, Any]:
    """Fifty a second."""
    return {"database": "sqlite", **await _both(folder, None, SQLITE_RATE, times)}


async def _both(folder: Path, postgres: Postgres | None, rate: float, times: float) -> dict[str, Any]:
    found: dict[str, Any] = {"rate": rate}
    for name, slots, pace in (("waiting", 1, -1.0), ("drawing", SLOTS, 0.0)):
        async with rig.running(folder / name, postgres=postgres) as running:
            worker = await asyncio.to_thread(running.worker, slots=slots, pace=pace)
            found[name] = await _measure(running, worker, rate=rate, seconds=max(1.0, SECONDS * times))
    return found


def parameters(prompt: str = "a red circle", *, steps: int = 1) -> tasks_pb2.Parameters:
    """The smallest picture there is."""
    return tasks_pb2.Parameters(prompt=prompt, steps=steps, width=64, height=64, seed=1)


async def submit(
    ledger: Replica, person: Person, asked: tasks_pb2.Parameters, *, seconds: float = ANSWER_SECONDS
) -> tasks_pb2.Task:
    """One task under a request id of its own, answered within so many seconds."""
    request = tasks_pb2.SubmitTaskRequest(request_id=uuid.uuid4().hex, parameters=asked)
    answer: tasks_pb2.SubmitTaskResponse = await ledger.stub.SubmitTask(
        request, metadata=person.metadata, timeout=seconds
    )
    return answer.task


async def _measure(running: rig.Rig, worker: Worker, *, rate: float, seconds: float) -> dict[str, Any]:
    ledger = await running.ledger(worker.target)
    people = await running.people(PEOPLE)
    turns = itertools.cycle(people)

    async def ask(_number: int) -> None:
        await submit(ledger, next(turns), parameters())

    for number in range(_WARM):
        await ask(number)
    longest: list[int] = []
    looking = asyncio.create_task(_look(ledger, people[0], longest))
    asked = await loads.at_rate(ask, rate=rate, count=round(rate * seconds))
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking
    begun = [moment for moment in drawing.beginnings(worker.notes) if moment >= asked[0].due]
    return {
        "seconds": seconds,
        **figures.latencies(asked),
        "queue_at_most": max(longest, default=0),
        "begun_a_second": len(begun) / (max(each.answered for each in asked) - asked[0].due),
    }


async def _look(ledger: Replica, person: Person, longest: list[int]) -> None:
    """How many wait, every second."""
    while True:
        answer = await ledger.stub.GetCapabilities(tasks_pb2.GetCapabilitiesRequest(), metadata=person.metadata)
        longest.append(answer.queued)
        await asyncio.sleep(1.0)
