"""From a client's submit to the first line of the worker's function, beside Celery and RQ on Redis, by turns.

All three write down what they accept before they say so. Each has eight slots, and jobs that do nothing but begin; the
ledger's are whole tasks all the same, with tokens held, an image stored and an event published.
"""

import asyncio
import contextlib
import itertools
import json
import os
import statistics
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.ledger import environments, figures, processes, rig
from bench.ledger.parts import Unavailable
from bench.ledger.rig import Person

SLOTS: Final = 8
CLIENTS: Final = 8
ROUNDS: Final = 4
ALONE: Final = 20
TOGETHER: Final = 10
REST_SECONDS: Final = 0.05
BURST_SECONDS: Final = 1.0
OURS: Final = "daydream"
TITLES: Final = {OURS: "Daydream", "celery": "Celery and Redis", "rq": "RQ and Redis"}


@dataclass(frozen=True, kw_only=True)
class Client:
    """One client process, and in whose name it asks."""

    process: Process
    """Reads questions, writes answers."""
    person: Person | None
    """Nobody where the queue does not ask who one is."""

    async def ask(self, **question: Any) -> Any:
        """One question to its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        question["token"] = self.person.visitor.identity if self.person else ""
        self.process.stdin.write(json.dumps(question).encode() + b"\n")
        line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError("a client ended; what it said stands above")
        return json.loads(line)


async def measure(folder: Path, *, times: float) -> dict[str, Any]:
    """Round after round, every queue in its turn. Raises Unavailable where the peers are not installed."""
    if not environments.installed():
        raise Unavailable("Celery and RQ are not installed: python -m bench.ledger install")
    rounds = max(1, round(ROUNDS * times))
    with rig.durable_postgres() as postgres, contextlib.ExitStack() as stack:
        async with rig.running(folder, postgres=postgres) as running:
            redis = _peers(stack, folder)
            worker = running.worker(slots=SLOTS)
            ledger = await running.ledger(worker.target)
            people = await running.people(CLIENTS)
            variables = {"BENCH_TASKS": ledger.target, **redis}
            clients = {
                name: [
                    Client(
                        process=await _client(name, folder / f"{name}-{number}.sock", variables),
                        person=person if name == OURS else None,
                    )
                    for number, person in enumerate(people)
                ]
                for name in TITLES
            }
            found: dict[str, list[dict[str, Any]]] = {name: [] for name in TITLES}
            for name in TITLES:
                await _starts(clients[name], count=2)
            for number in range(rounds):
                # Who is first in one round is last in another.
                for name in itertools.islice(itertools.cycle(TITLES), number, number + len(TITLES)):
                    await running.renew(people)
                    found[name].append(await _round(clients[name]))
            for client in itertools.chain.from_iterable(clients.values()):
                await client.process.communicate(b"")
    return {"rounds": rounds, "slots": SLOTS, "queues": {name: _queue(name, found) for name in TITLES}}


def _peers(stack: contextlib.ExitStack, folder: Path) -> dict[str, str]:
    """Start Redis, which syncs every write, and both peers' workers; what their clients need to know."""
    bin_folder = environments.python().parent
    socket = folder / "redis.sock"
    variables = {"BENCH_REDIS": str(socket), "BENCH_SLOTS": str(SLOTS), "PYTHONPATH": str(environments.ROOT)}
    environment = {**os.environ, **variables}
    redis: list[str | Path] = [
        environments.redis_server(), "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "",
        "--appendonly", "yes", "--appendfsync", "always",
    ]  # fmt: skip
    celery: list[str | Path] = [
        bin_folder / "celery", "-A", "bench.ledger.peers.celery_app", "worker", "--loglevel", "WARNING",
    ]  # fmt: skip
    # Without a process forked for each job, which is quicker than RQ's usual worker.
    rq: list[str | Path] = [
        bin_folder / "rq", "worker-pool", "bench", "-n", str(SLOTS), "-w", "rq.worker.SimpleWorker",
        "-u", f"unix://{socket}", "-q",
    ]  # fmt: skip
    server = stack.enter_context(processes.running(redis, environment=environment, log=folder / "redis.log"))
    server.wait_until(socket.exists)
    for name, command in (("celery", celery), ("rq", rq)):
        stack.enter_context(processes.running(command, environment=environment, log=folder / f"{name}.log"))
    return variables


async def _client(queue: str, socket: Path, variables: Mapping[str, str]) -> Process:
    python = sys.executable if queue == OURS else environments.python()
    return await asyncio.create_subprocess_exec(
        python, "-m", "bench.ledger.peers.client", queue, str(socket),
        cwd=environments.ROOT, env={**os.environ, **variables}, stdin=PIPE, stdout=PIPE, limit=2**22,
    )  # fmt: skip


async def _round(clients: Sequence[Client]) -> dict[str, Any]:
    """One client alone, then all; first one job at a time, then submits only. Nothing is left in line after each."""
    alone = await _starts(clients[:1], count=ALONE, rest=REST_SECONDS)
    together = await _starts(clients, count=TOGETHER)
    one = await _burst(clients[:1])
    all_of_them = await _burst(clients)
    return {"alone": alone, "together": together, "submits_alone": one, "submits_together": all_of_them}


async def _starts(clients: Sequence[Client], *, count: int, rest: float = 0.0) -> dict[str, list[float]]:
    answers = await asyncio.gather(*(client.ask(do="starts", count=count, rest=rest) for client in clients))
    return {
        name: list(itertools.chain.from_iterable(answer[name] for answer in answers)) for name in ("starts", "submits")
    }


async def _burst(clients: Sequence[Client]) -> float:
    """Submits answered in a second; returns once all of them have begun."""
    answers = await asyncio.gather(*(client.ask(do="submits", seconds=BURST_SECONDS) for client in clients))
    # First in, first out: when this one has begun, everything before it has.
    await _starts(clients[:1], count=1)
    return float(sum(answer["count"] / answer["seconds"] for answer in answers))


def _queue(name: str, found: Mapping[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """One queue's figures; `beside` are ours over its, the median over the rounds."""
    rounds, ours = found[name], found[OURS]
    told: dict[str, Any] = {"title": TITLES[name]}
    for load in ("alone", "together"):
        told[load] = {
            "start": figures.milliseconds(second for each in rounds for second in each[load]["starts"]),
            "submit": figures.milliseconds(second for each in rounds for second in each[load]["submits"]),
            "beside": figures.beside(
                *([statistics.median(each[load]["starts"]) for each in side] for side in (ours, rounds))
            ),
        }
        rates = [each[f"submits_{load}"] for each in rounds]
        told[f"submits_{load}"] = {
            "a_second": statistics.median(rates),
            "beside": figures.beside([each[f"submits_{load}"] for each in ours], rates),
        }
    return told
