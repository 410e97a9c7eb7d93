"""`python -m bench.ledger install | run | table`: the ledger under load, and beside other task queues."""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench import pages
from bench.ledger import environments, results, table
from bench.ledger.parts import Unavailable

PARTS: Final = (
    "submits_postgres", "submits_sqlite", "claims", "streams", "requeues", "failover", "starts", "logins"
)  # fmt: skip
QUICK_TIMES: Final = 0.1
PART_SECONDS: Final = 180.0
"""What no part takes in a usual run, however badly it goes."""

Measure = Callable[..., Awaitable[dict[str, Any]]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; 1 where a part of it could not be done."""
    parser = argparse.ArgumentParser(prog="python -m bench.ledger", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="install | run | table")
    install = commands.add_parser("install", help="make the environment of Celery and RQ under var/bench")
    install.set_defaults(do=lambda _chosen: _install())
    run = commands.add_parser("run", help="measure, and write bench/ledger/results.json")
    run.add_argument("--parts", default=",".join(PARTS), help="only these, set apart by commas")
    length = run.add_mutually_exclusive_group()
    length.add_argument("--times", type=float, default=1.0, help="so many times as much as a usual run")
    length.add_argument("--quick", action="store_true", help="as little as there can be, into another file")
    run.set_defaults(do=lambda chosen: _run(chosen.parts.split(","), times=chosen.times, quick=chosen.quick))
    tables = commands.add_parser("table", help="print the tables of the figures")
    tables.add_argument("--write", action="store_true", help="put them into docs/performance.md instead")
    tables.set_defaults(
        do=lambda chosen: pages.tell(table.markdown(results.read(results.FILE)), table.paste, write=chosen.write)
    )
    chosen = parser.parse_args(arguments)
    do: Callable[[argparse.Namespace], int] = chosen.do
    return do(chosen)


def _install() -> int:
    try:
        environments.install()
    except subprocess.CalledProcessError as error:
        pages.say(f"could not be installed: {error}")
        return 1
    return 0


def _run(names: Sequence[str], *, times: float, quick: bool) -> int:
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        pages.say(f"There is no part {', '.join(unknown)}; there are {', '.join(PARTS)}.")
        return 1
    # Nothing here forks to go on in Python; gRPC would warn of every program that is started.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"
    # Here and not above: what measures imports the services, which installing and printing can do without.
    from bench.ledger.parts import claims, failover, logins, requeues, starts, streams, submits  # noqa: PLC0415

    # Asked to stop, it stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    measures: dict[str, Measure] = {
        "submits_postgres": submits.on_postgres,
        "submits_sqlite": submits.on_sqlite,
        "claims": claims.measure,
        "streams": streams.measure,
        "requeues": requeues.measure,
        "failover": failover.measure,
        "starts": starts.measure,
        "logins": logins.measure,
    }
    file = results.QUICK_FILE if quick else results.FILE
    failed = False
    for name in (name for name in PARTS if name in names):
        begun = time.monotonic()
        found = _measured(measures[name], times=QUICK_TIMES if quick else times)
        failed = failed or "missing" in found
        results.write(file, {name: found})
        pages.say(f"{name}: {found.get('missing', 'done')} ({time.monotonic() - begun:.0f} s)")
    pages.say(table.markdown(results.read(file)))
    return int(failed)


def _measured(measure: Measure, *, times: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        try:
            return asyncio.run(_in_time(measure(Path(folder) / "files", times=times), PART_SECONDS * max(1.0, times)))
        except Unavailable as error:
            return {"missing": str(error)}
        except Exception as error:  # told in its place; the others are measured all the same
            traceback.print_exc()
            return {"missing": f"{type(error).__name__} {error}".strip()}


async def _in_time(measuring: Awaitable[dict[str, Any]], seconds: float) -> dict[str, Any]:
    async with asyncio.timeout(seconds):
        return await measuring


if __name__ == "__main__":
    sys.exit(main())
