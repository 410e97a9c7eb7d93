"""`python -m bench.web [run | table]`: how long pages take before a full ledger, and what they weigh."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bench import pages
from bench.engine import environments
from bench.web import results, table

DATABASES: Final = ("sqlite", "postgresql")
QUICK_FILE: Final = environments.HOME / "web-quick.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; without a word, `run`."""
    parser = argparse.ArgumentParser(prog="python -m bench.web", description=__doc__)
    parser.set_defaults(do=lambda _chosen: _run(DATABASES, quick=False))
    commands = parser.add_subparsers(metavar="run | table")
    run = commands.add_parser("run", help="measure, and write bench/web/results.json")
    run.add_argument("--databases", default=",".join(DATABASES), help="only these, set apart by commas")
    run.add_argument("--quick", action="store_true", help="few tasks and requests, into another file")
    run.set_defaults(do=lambda chosen: _run(chosen.databases.split(","), quick=chosen.quick))
    tables = commands.add_parser("table", help="print the tables of the figures")
    tables.add_argument("--write", action="store_true", help="put them into docs/performance.md instead")
    tables.set_defaults(
        do=lambda chosen: pages.tell(table.markdown(results.read(results.FILE)), table.paste, write=chosen.write)
    )
    chosen = parser.parse_args(arguments)
    do: Callable[[argparse.Namespace], int] = chosen.do
    return do(chosen)


def _run(databases: Sequence[str], *, quick: bool) -> int:
    unknown = sorted(set(databases) - set(DATABASES))
    if unknown:
        pages.say(f"There is no database {', '.join(unknown)}; there are {', '.join(DATABASES)}.")
        return 1
    # Nothing here forks to go on in Python; gRPC would warn of every program that is started.
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"
    # Here and not above: what measures imports the services, which printing can do without.
    from bench.web import measuring  # noqa: PLC0415

    # Asked to stop, it stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    file = QUICK_FILE if quick else results.FILE
    tasks, requests = (200, 16) if quick else (measuring.TASKS, measuring.REQUESTS)
    for database in databases:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            measured = measuring.measure(Path(folder) / "files", database=database, tasks=tasks, requests=requests)
            results.write(file, {database: asyncio.run(measured)})
    pages.say(table.markdown(results.read(file)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
