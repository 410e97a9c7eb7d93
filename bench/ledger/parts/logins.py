"""A flood of sign-ins, and what it does to everybody else: their sessions are resolved, their tasks submitted."""

import asyncio
import itertools
from pathlib import Path
from typing import Any, Final

from bench.ledger import figures, loads, rig
from bench.ledger.parts.submits import parameters, submit
from bench.ledger.rig import Person, Replica
from tests.support.auth_process import PASSWORD

CALLERS: Final = 100
"""People who sign in again and again: more than auth lets wait for a hash, so that some are refused."""
RESOLVES: Final = 20.0
SUBMITS: Final = 5.0
SECONDS: Final = 10.0
PEOPLE: Final = 10


async def measure(folder: Path, *, times: float) -> dict[str, Any]:
    """The others' latencies in quiet, then during the flood."""
    seconds = max(2.0, SECONDS * times)
    with rig.durable_postgres() as postgres:
        async with rig.running(folder, postgres=postgres) as running:
            worker = running.worker()
            ledger = await running.ledger(worker.target)
            people = await running.people(PEOPLE)
            await _others(running, ledger, people, seconds=1.0)
            quiet = await _others(running, ledger, people, seconds=seconds)
            over = asyncio.Event()

            async def sign_in(number: int) -> None:
                await running.accounts.sign_in(
                    email=f"p{number % PEOPLE}@example.org",
                    # Half of them are wrong, which costs auth the same.
                    password=PASSWORD if number % 2 else "wrong horse battery",
                    stay=False,
                    user_agent="bench",
                )

            flood = asyncio.create_task(loads.again_and_again(sign_in, callers=CALLERS, until=over))
            during = await _others(running, ledger, people, seconds=seconds)
            over.set()
            asked = await flood
    refused = sum("TooMuch" in each.failure for each in asked)
    return {
        "callers": CALLERS,
        "sign_ins_a_second": (len(asked) - refused) / seconds,
        "refused_a_second": refused / seconds,
        "quiet": quiet,
        "during": during,
    }


async def _others(running: rig.Rig, ledger: Replica, people: list[Person], *, seconds: float) -> dict[str, Any]:
    turns = itertools.cycle(people)

    async def resolve(_number: int) -> None:
        await running.accounts.of_session(next(turns).opened.secret)

    async def ask(_number: int) -> None:
        await submit(ledger, next(turns), parameters())

    resolved, submitted = await asyncio.gather(
        loads.at_rate(resolve, rate=RESOLVES, count=round(RESOLVES * seconds)),
        loads.at_rate(ask, rate=SUBMITS, count=round(SUBMITS * seconds)),
    )
    return {"resolve": figures.latencies(resolved), "submit": figures.latencies(submitted)}
