"""`python -m bench.engine install | run | table`: the engine beside bare diffusers and other ways to serve it."""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from bench import pages
from bench.engine import environments, results, table

BARE = ("bare", "static")
ARMS = (*BARE, "daydream", *environments.names())


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what is asked; 1 where a part of it could not be done."""
    parser = argparse.ArgumentParser(prog="python -m bench.engine", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="install | run | table")
    install = commands.add_parser("install", help="make the peers' environments under var/bench")
    install.add_argument("names", nargs="*", default=environments.names(), help="only these")
    install.set_defaults(do=lambda chosen: _install(chosen.names))
    run = commands.add_parser("run", help="measure, and write bench/engine/results.json")
    run.add_argument("--arms", default=",".join(ARMS), help="only these, set apart by commas")
    length = run.add_mutually_exclusive_group()
    length.add_argument("--times", type=float, default=1.0, help="so many times as many images as a usual run")
    length.add_argument("--quick", action="store_true", help="as few images as there can be, into another file")
    run.set_defaults(do=lambda chosen: _run(chosen.arms.split(","), times=0.0 if chosen.quick else chosen.times))
    tables = commands.add_parser("table", help="print the tables of the figures")
    tables.add_argument("--write", action="store_true", help="put them into docs/performance.md instead")
    tables.set_defaults(
        do=lambda chosen: pages.tell(table.markdown(results.read(results.FILE)), table.paste, write=chosen.write)
    )
    chosen = parser.parse_args(arguments)
    do: Callable[[argparse.Namespace], int] = chosen.do
    return do(chosen)


def _install(names: Sequence[str]) -> int:
    failed = []
    for name in names:
        pages.say(f"{name} …")
        try:
            environments.install(name)
        except subprocess.CalledProcessError as error:
            failed.append(name)
            pages.say(f"{name} could not be installed: {error}")
    return int(bool(failed))


def _run(names: Sequence[str], *, times: float) -> int:
    unknown = sorted(set(names) - set(ARMS))
    if unknown:
        pages.say(f"There is no arm {', '.join(unknown)}; there are {', '.join(ARMS)}.")
        return 1
    # Before torch is imported: idle threads that spin would be measured too.
    os.environ |= {"OMP_NUM_THREADS": "1", "GOMP_SPINCOUNT": "0", "TOKENIZERS_PARALLELISM": "false"}
    # Here and not above: torch takes seconds to import, and is not needed to install or to print.
    from bench.engine import measuring, servers, worker  # noqa: PLC0415
    from bench.engine.arms import Bare  # noqa: PLC0415
    from bench.engine.loads import BATCH  # noqa: PLC0415
    from bench.engine.peers.painter import Painter  # noqa: PLC0415

    # Asked to stop, it stops what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begun = time.monotonic()
    painter = Painter()
    arms = [
        Bare(painter, name="bare", title="bare diffusers, one at a time", batch=1),
        Bare(painter, name="static", title=f"bare diffusers, batches of {BATCH}", batch=BATCH),
        worker.Worker(),
        *(servers.Peer(recipe) for recipe in servers.RECIPES),
    ]
    file = results.FILE if times else results.QUICK_FILE
    measured = measuring.Measuring(painter, times=times, say=pages.say)
    for arm in arms:
        if arm.name in names:
            results.write(file, {arm.name: measured.arm(arm)})
    pages.say(f"{(time.monotonic() - begun) / 60:.1f} minutes")
    pages.say(table.markdown(results.read(file)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
