"""Claims of the ledger's store on PostgreSQL: eight dispatchers, each a process, empty one queue.

First each claims so many times a second, as dispatchers do that have workers to look after; then as fast as it can.
`python -m bench.ledger.parts.claims URL NAME` is one of them: it reads lines, claims, and prints JSON.
"""

import asyncio
import itertools
import json
import os
import random
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from bench.ledger import environments, figures, rig
from services.foundation import database, migrations
from services.foundation.database import utc_now
from services.tasks import models, values
from services.tasks.__main__ import MIGRATIONS
from services.tasks.asking import ingredients
from services.tasks.states import State
from services.tasks.store import rows
from services.tasks.store.base import QUEUE_ID, Database
from services.tasks.store.leases import Leases
from services.tasks.store.workers import Workers
from services.tasks.wire import messages

DISPATCHERS: Final = 8
RATE: Final = 5.0
EACH_PACED: Final = 50
EACH_AT_ONCE: Final = 200
WORKERS: Final = 25
"""Of each dispatcher's: none of them runs more at once than a busy card might."""
PEOPLE: Final = 100
MODEL: Final = "mini"
LEASE_SECONDS: Final = 600.0


async def measure(folder: Path, *, times: float) -> dict[str, Any]:
    """Fill a queue, let them loose at the same moment, count."""
    paced, at_once = max(5, round(EACH_PACED * times)), max(10, round(EACH_AT_ONCE * times))
    with rig.durable_postgres() as postgres:
        url = postgres.new_url()
        await migrations.upgrade(url, MIGRATIONS)
        await _fill(url, DISPATCHERS * (paced + at_once))
        dispatchers = await asyncio.gather(*(_start(url, f"d{number}") for number in range(DISPATCHERS)))
        first = await _together(dispatchers, paced, RATE)
        second = await _together(dispatchers, at_once, 0.0)
        await asyncio.gather(*(dispatcher.communicate(b"") for dispatcher in dispatchers))
    claimed = [*first.pop("tasks"), *second.pop("tasks")]
    return {
        "dispatchers": DISPATCHERS,
        "paced": {"rate": DISPATCHERS * RATE, **first},
        "at_once": second,
        "claimed_twice": len(claimed) - len(set(claimed)),
        "left_over": DISPATCHERS * (paced + at_once) - len(set(claimed)),
    }


async def _together(dispatchers: Sequence[Process], each: int, rate: float) -> dict[str, Any]:
    begun = time.perf_counter()
    found = await asyncio.gather(*(_ask(dispatcher, each, rate) for dispatcher in dispatchers))
    tasks = list(itertools.chain.from_iterable(one["tasks"] for one in found))
    return {
        "tasks": tasks,
        **figures.milliseconds(itertools.chain.from_iterable(one["seconds"] for one in found)),
        "claims_a_second": len(tasks) / (max(one["ended"] for one in found) - begun),
    }


async def _ask(dispatcher: Process, count: int, rate: float) -> Any:
    assert dispatcher.stdin is not None
    assert dispatcher.stdout is not None
    dispatcher.stdin.write(f"{count} {rate}\n".encode())
    return json.loads(await dispatcher.stdout.readline())


async def _fill(url: str, count: int) -> None:
    """Put tasks of a hundred people in line, all at once."""
    engine = database.open_engine(url)
    parameters = ingredients.Parameters(
        prompt="a red circle", negative_prompt="", model=MODEL, sampler="DDIM", steps=20, guidance=2.5, width=64,
        height=64, seed=1, samples=1,
    )  # fmt: skip
    async with database.make_sessions(engine).begin() as session:
        for number in range(1, count + 1):
            new = values.NewTask(
                task_id=f"task-{number}", user_id=f"person-{number % PEOPLE}", session_id="", digest="",
                request_id=f"request-{number}", parameters=parameters, price=1,
            )  # fmt: skip
            row = rows.from_new(new)
            row.state, row.place, row.date = State.QUEUED, number, utc_now()
            session.add(row)
        queue = await session.get_one(models.Queue, QUEUE_ID)
        queue.waiting = queue.last_place = count
    await engine.dispose()


async def _start(url: str, name: str) -> Process:
    """Start one; returns when it is connected."""
    dispatcher = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.ledger.parts.claims", url, name,
        cwd=environments.ROOT, env=dict(os.environ), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        limit=2**24,
    )  # fmt: skip
    assert dispatcher.stdout is not None
    await dispatcher.stdout.readline()
    return dispatcher


async def _dispatch(url: str, name: str) -> None:
    """For each line read, as many claims as it says, at the rate it says; 0 for as fast as can be."""
    engine = database.open_engine(url)
    store = Database(engine, encode_ended=messages.to_task_ended)
    targets = itertools.cycle([f"{name}-{number}" for number in range(WORKERS)])
    for target in itertools.islice(targets, WORKERS):
        await Workers(store).save(target, b"")
    leases = Leases(store, owner=name, seconds=LEASE_SECONDS)
    _say("ready")
    while line := await asyncio.to_thread(sys.stdin.readline):
        count, rate = line.split()
        _say(json.dumps(await _claim(leases, targets, int(count), float(rate))))
    await engine.dispose()


async def _claim(leases: Leases, targets: Iterator[str], count: int, rate: float) -> dict[str, Any]:
    # Not all at the same moment, which is nobody's pace.
    due = time.perf_counter() + (random.random() / rate if rate else 0.0)  # noqa: S311
    seconds, tasks = [], []
    for target in itertools.islice(targets, count):
        # The pace is the experiment itself: nothing else is waited for here.
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        begun = time.perf_counter()
        claim = await leases.claim(target, model_names=[MODEL], slots=count)
        seconds.append(time.perf_counter() - begun)
        due += 1 / rate if rate else 0.0
        if claim is not None:
            tasks.append(claim[1].task_id)
    return {"seconds": seconds, "tasks": tasks, "ended": time.perf_counter()}


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_dispatch(sys.argv[1], sys.argv[2]))
