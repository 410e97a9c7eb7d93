"""`python -m bench.plugins [run | table]`: the plugin host under load, and beside another one."""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench import pages
from bench.engine import environments
from bench.plugins import results, table

PARTS: Final = ("asking", "streams", "filter")
QUICK_FILE: Final = environments.HOME / "plugins-quick.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; without a word, `run`."""
    parser = argparse.ArgumentParser(prog="python -m bench.plugins", description=__doc__)
    commands = parser.add_subparsers(metavar="run | table")
    run = commands.add_parser("run", help="measure, and write bench/plugins/results.json")
    run.add_argument("--parts", default=",".join(PARTS), help="only these, set apart by commas")
    run.add_argument("--quick", action="store_true", help="few requests and 50 MB, into another file")
    run.add_argument("--csv-megabytes", type=int, help="size of the file for the filter (1000; quick: 50)")
    run.add_argument("--url", help="ask the host at this URL too; it has to have the plugin of bench/plugins/folder")
    run.add_argument("--name", default="the other host", help="what that host is called in the table")
    run.set_defaults(do=_run)
    tables = commands.add_parser("table", help="print the tables of the figures")
    tables.add_argument("--write", action="store_true", help="put them into docs/performance.md instead")
    tables.set_defaults(
        do=lambda chosen: pages.tell(table.markdown(results.read(results.FILE)), table.paste, write=chosen.write)
    )
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = parser.parse_args(given or ["run"])
    do: Callable[[argparse.Namespace], int] = chosen.do
    return do(chosen)


def _run(chosen: argparse.Namespace) -> int:
    parts = chosen.parts.split(",")
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        pages.say(f"There is no part {', '.join(unknown)}; there are {', '.join(PARTS)}.")
        return 1
    # Asked to stop, it stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    file = QUICK_FILE if chosen.quick else results.FILE
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        results.write(file, _measure(chosen, parts, Path(folder)))
    pages.say(table.markdown(results.read(file)))
    return 0


def _measure(chosen: argparse.Namespace, parts: Sequence[str], folder: Path) -> dict[str, Any]:
    # Here and not above: what measures needs the services' packages, which printing can do without.
    from bench.plugins import asking, filtering, rig, streams  # noqa: PLC0415

    quick = chosen.quick
    found: dict[str, Any] = {results.OURS: {}}
    ours = found[results.OURS]
    if "asking" in parts or "streams" in parts:
        (folder / "host").mkdir()
        with rig.running(folder / "host") as host:
            if "asking" in parts:
                amounts = {"requests": 16, "trips": 5, "tasks": 20} if quick else _USUAL
                # One after the other, so that neither is measured while the other works.
                for name, url in {results.OURS: host.url, **({chosen.name: chosen.url} if chosen.url else {})}.items():
                    found.setdefault(name, {}).update(asyncio.run(asking.measure(url, **amounts)))
            if "streams" in parts:
                ours["streams"] = asyncio.run(streams.measure(host, streams=40 if quick else 500))
    if "filter" in parts:
        csv = folder / "entities.csv"
        rows = filtering.write(csv, megabytes=chosen.csv_megabytes or (50 if quick else 1000))
        (folder / "filter").mkdir()
        with filtering.offered(csv) as url:
            allowed = url.rpartition("/")[0]
            with rig.running(folder / "filter", ALLOWED_URL_ORIGINS=allowed, PLUGINS_WORKER_PROCESSES="1") as host:
                measured = filtering.measure(host, url, rows=rows, size=csv.stat().st_size)
                ours["filter"] = asyncio.run(measured)
    return found


_USUAL: Final = {"requests": 200, "trips": 30, "tasks": 100}

if __name__ == "__main__":
    sys.exit(main())
