"""Event streams at the gateway: what thousands cost that say nothing, how late steps are, and who leaves unasked."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import psutil

from bench.ledger import drawing, figures, rig
from bench.ledger.parts.submits import parameters, submit
from bench.ledger.rig import Replica, Worker
from bench.ledger.sse import Follower, Refused

STREAMS: Final = 2000
A_PERSON: Final = 20
"""As many as one person may have open."""
OPENING: Final = 50
"""Streams that are opened at once."""
TASKS: Final = 50
PACE: Final = 20.0
"""Steps a second of each task; one stream follows it, so a thousand events a second reach clients."""
SECONDS: Final = 15.0
_FREED_SECONDS: Final = 60.0
_PATIENCE_SECONDS: Final = 90.0
_SETTLE_SECONDS: Final = 3.0
_IDLE_SECONDS: Final = 10.0
"""As long as it takes for every stream's session to be looked up once."""


async def measure(folder: Path, *, times: float) -> dict[str, Any]:
    """Let the steps come; then open streams that stay idle, and leave."""
    people_count = max(2, round(STREAMS / A_PERSON * min(1.0, times)))
    tasks = max(4, round(TASKS * min(1.0, times)))
    with rig.durable_postgres() as postgres:
        async with rig.running(folder, postgres=postgres) as running:
            worker = await asyncio.to_thread(running.worker, slots=tasks, pace=PACE, together=tasks)
            ledger = await running.ledger(worker.target)
            gateway, port = await running.gateway(ledger)
            steps = await _steps(running, ledger, worker, port, tasks=tasks, seconds=max(2.0, SECONDS * times))
            secrets = [person.opened.secret for person in await running.people(people_count) for _ in range(A_PERSON)]
            processes = {"gateway": gateway, "ledger": ledger.program}
            idle, followers = await _idle(port, secrets, {name: each.process.pid for name, each in processes.items()})
            freed = await _leave(port, followers, secrets[0])
    return {**steps, **idle, "freed_seconds": freed}


async def _idle(port: int, secrets: Sequence[str], pids: Mapping[str, int]) -> tuple[dict[str, Any], list[Follower]]:
    """What streams cost that are open and hear nothing."""
    watched = {name: psutil.Process(pid) for name, pid in pids.items()}
    before = {name: _megabytes(process) for name, process in watched.items()}
    begun = time.perf_counter()
    followers = await _open(port, secrets)
    found: dict[str, Any] = {"streams": len(followers), "opened_seconds": time.perf_counter() - begun}
    # What opening them has left to be done is not theirs.
    await asyncio.sleep(_SETTLE_SECONDS)
    for process in watched.values():
        process.cpu_percent()
    await asyncio.sleep(_IDLE_SECONDS)
    for name, process in watched.items():
        found[f"{name}_cpu_percent"] = process.cpu_percent()
        found[f"{name}_megabytes"] = _megabytes(process) - before[name]
    return found, followers


def _megabytes(process: psutil.Process) -> float:
    return float(process.memory_info().rss) / 1e6


async def _open(port: int, secrets: Sequence[str]) -> list[Follower]:
    at_once = asyncio.Semaphore(OPENING)

    async def one(secret: str) -> Follower:
        follower = Follower(port, secret)
        async with at_once:
            await follower.open()
        return follower

    return list(await asyncio.gather(*(one(secret) for secret in secrets)))


async def _steps(
    running: rig.Rig, ledger: Replica, worker: Worker, port: int, *, tasks: int, seconds: float
) -> dict[str, Any]:
    """One task and one more stream each for people of their own, all drawn at once; how late each step is heard of."""
    people = await running.people(tasks, called="drawing-")
    followers = await _open(port, [person.opened.secret for person in people])
    steps = round(PACE * seconds)
    for number, person in enumerate(people):
        await submit(ledger, person, parameters(f"drawing {number}", steps=steps), seconds=_PATIENCE_SECONDS)
    async with asyncio.timeout(seconds + _PATIENCE_SECONDS):
        # A pause between looks at a condition, with no event to wait for.
        while not all(_ended(follower) for follower in followers):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    told = drawing.read(worker.notes)
    late: list[float] = []
    unheard = events = 0
    for number, follower in enumerate(followers):
        heard = [(moment, step) for moment, _, data in follower.heard for step in _told_steps(data)]
        events += len(heard)
        made = {step: moment for step, moment in told[f"drawing {number}"].items() if step}
        for delay in figures.delays(made, heard):
            if delay is None:
                unheard += 1
            else:
                late.append(delay)
        follower.vanish()
    moments = sorted(moment for each in told.values() for step, moment in each.items() if step)
    span = moments[-1] - moments[0]
    return {
        "steps_a_second": len(moments) / span,
        "events_a_second": events / span,
        "step_delay": figures.milliseconds(late),
        "steps_unheard": unheard,
    }


def _told_steps(data: Any) -> list[int]:
    shown = [task.get("progress") or {} for task in data.get("tasks", ())]
    return [progress["step"] for progress in shown if progress.get("step")]


def _ended(follower: Follower) -> bool:
    return any(task.get("state") == "SUCCEEDED" for _, _, data in follower.heard for task in data.get("tasks", ()))


async def _leave(port: int, followers: Sequence[Follower], secret: str) -> float:
    """All are gone without a word; seconds until somebody who had all places taken can take all of them again."""
    begun = time.perf_counter()
    for follower in followers:
        follower.vanish()
    async with asyncio.timeout(_FREED_SECONDS):
        while True:
            again = await asyncio.gather(*(_open(port, [secret]) for _ in range(A_PERSON)), return_exceptions=True)
            opened = [each[0] for each in again if isinstance(each, list)]
            unexpected = [each for each in again if isinstance(each, BaseException) and not isinstance(each, Refused)]
            for one in opened:
                one.vanish()
            if unexpected:
                raise unexpected[0]
            if len(opened) == A_PERSON:
                return time.perf_counter() - begun
            # A pause between looks at a condition of another process.
            await asyncio.sleep(0.1)
