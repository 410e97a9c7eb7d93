"""How long a task is lost for: a worker killed, a worker stopped in its tracks, a dispatcher killed.

Every setting is the default one. Seconds count from the signal until the ledger says that the task waits again.
"""

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from daydream.tasks.v1 import tasks_pb2

from bench.ledger import rig
from bench.ledger.parts.submits import parameters, submit
from bench.ledger.rig import Person, Replica

KILLS: Final = 5
DISPATCHER_KILLS: Final = 3
STOPS: Final = 1
WAIT_SECONDS: Final = 90.0
_LOOK_SECONDS: Final = 0.02
QUEUED: Final = tasks_pb2.TaskState.TASK_STATE_QUEUED


async def measure(folder: Path, *, times: float) -> dict[str, Any]:
    """Kill and stop, again and again; dispatchers and stopped workers at the same time, as both are waited for.

    One ledger has a worker of the model mini and is killed with it; the other has one of the model still, and stays.
    """
    with rig.durable_postgres() as postgres:
        async with rig.running(folder, postgres=postgres) as running:
            (person,) = await running.people(1)
            survivor_worker = running.worker(model="still", pace=-1)
            survivor = await running.ledger(survivor_worker.target)
            workers = await _workers(running, survivor, person, max(1, round(KILLS * times)))
            stopped, dispatchers = await asyncio.gather(
                _stopped_workers(running, survivor, survivor_worker, person, max(1, round(STOPS * times))),
                _dispatchers(running, survivor, person, max(1, round(DISPATCHER_KILLS * times))),
            )
    return {"worker_killed": workers, "worker_stopped": stopped, "dispatcher_killed": dispatchers}


async def _workers(running: rig.Rig, survivor: Replica, person: Person, count: int) -> dict[str, Any]:
    worker = running.worker(pace=-1)
    ledger = await running.ledger(worker.target)
    found = []
    for _ in range(count):
        task = await _begun(ledger, person, "mini", worker.notes)
        found.append(await _until_it_waits(survivor, person, task, worker.program.kill))
        await _cancel(survivor, person, task)
        worker = running.worker(pace=-1, target=worker.target)
    ledger.program.stop()
    return _seconds(found)


async def _stopped_workers(
    running: rig.Rig, survivor: Replica, worker: rig.Worker, person: Person, count: int
) -> dict[str, Any]:
    found = []
    for _ in range(count):
        task = await _begun(survivor, person, "still", worker.notes)
        found.append(await _until_it_waits(survivor, person, task, worker.program.pause))
        await _cancel(survivor, person, task)
        worker.program.kill()
        worker = await asyncio.to_thread(running.worker, model="still", pace=-1, target=worker.target)
    return _seconds(found)


async def _dispatchers(running: rig.Rig, survivor: Replica, person: Person, count: int) -> dict[str, Any]:
    worker = await asyncio.to_thread(running.worker, pace=-1)
    found = []
    for _ in range(count):
        ledger = await running.ledger(worker.target)
        task = await _begun(ledger, person, "mini", worker.notes)
        found.append(await _until_it_waits(survivor, person, task, ledger.program.kill))
        await _cancel(survivor, person, task)
    return _seconds(found)


async def _begun(ledger: Replica, person: Person, model: str, notes: Path) -> str:
    """A task on its worker; its id."""
    prompt = f"held {time.perf_counter_ns()}"
    asked = parameters(prompt, steps=4)
    asked.model = model
    task = await submit(ledger, person, asked)
    async with asyncio.timeout(WAIT_SECONDS):
        # A pause between looks at a file that another process writes.
        while not _mentions(notes, prompt):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_SECONDS)
    return task.task_id


def _mentions(notes: Path, prompt: str) -> bool:
    return prompt in notes.read_text()


async def _until_it_waits(ledger: Replica, person: Person, task_id: str, do: Callable[[], None]) -> float:
    begun = time.perf_counter()
    do()
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            request = tasks_pb2.GetTaskRequest(task_id=task_id)
            if (await ledger.stub.GetTask(request, metadata=person.metadata)).task.state == QUEUED:
                return time.perf_counter() - begun
            # A pause between looks at another process's ledger.
            await asyncio.sleep(_LOOK_SECONDS)


async def _cancel(ledger: Replica, person: Person, task_id: str) -> None:
    await ledger.stub.CancelTask(tasks_pb2.CancelTaskRequest(task_id=task_id), metadata=person.metadata)


def _seconds(found: list[float]) -> dict[str, Any]:
    return {"count": len(found), "median": statistics.median(found), "most": max(found)}
