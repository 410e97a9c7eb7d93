"""`python -m bench.memory`: every economy beside none, each in a process of its own, for docs/performance.md.

The weights are random, which changes neither the time nor the memory. Peaks are what the process had resident at most,
less what it had when the model was loaded; seconds are beside those of the same work without economies.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from services.gpu.models.memory import Economies, Reckoning

ROOT: Final = Path(__file__).parents[2]
PARTS: Final = {"step": "one forward of two rows", "decode": "four pictures decoded"}
_PRACTICE: Final = 64
_KILOBYTE: Final = 1024


@dataclass(frozen=True, kw_only=True)
class Case:
    """One economy at one part of the work."""

    part: str
    """`step` or `decode`."""
    economy: str | None
    """One of `Economies`' fields; None for none."""


CASES: Final = (
    *(Case(part="step", economy=each) for each in (None, "half", "sliced_attention")),
    *(Case(part="decode", economy=each) for each in (None, "half", "sliced_vae", "tiled_vae")),
)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What one process measured."""

    weights: int
    """Bytes of the part's weights."""
    peak: int
    """Bytes at most beside what was there before."""
    seconds: float
    """How long it took."""
    reckoned: int
    """Bytes that the worker would have reckoned beside the weights, where it cannot measure."""


def main() -> int:
    """Measure everything and print the table; or one case, as the child that does it."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--case", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.case is not None:
        print(json.dumps(vars(measure(CASES[chosen.case], chosen.size))))
        return 0
    print(f"| at {chosen.size} × {chosen.size} | weights, MB | peak beside them, MB | reckoned, MB | seconds, ratio |")
    print("|---|--:|--:|--:|--:|")
    plain: dict[str, Figures] = {}
    for number, case in enumerate(CASES):
        found = _child(number, chosen.size)
        plain.setdefault(case.part, found)
        ratio = found.seconds / plain[case.part].seconds
        name = (case.economy or "no economy").replace("_", " ")
        print(
            f"| {PARTS[case.part]}, {name} | {found.weights / 1e6:.0f} | {found.peak / 1e6:.0f} "
            f"| {found.reckoned / 1e6:.0f} | {ratio:.2f} |",
            flush=True,
        )
    return 0


def _child(number: int, size: int) -> Figures:
    command = [sys.executable, "-m", "bench.memory", "--size", str(size), "--case", str(number)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return Figures(**json.loads(done.stdout.splitlines()[-1]))


def measure(case: Case, size: int) -> Figures:
    """Build the part, do a little work for practice and the work once."""
    # Here and not above: the parent needs none of it, and its own memory is nobody's business.
    import torch  # noqa: PLC0415

    from bench.memory import shape  # noqa: PLC0415

    torch.set_num_threads(1)
    economies = Economies(**{each.name: each.name == case.economy for each in fields(Economies)})
    dtype = torch.bfloat16 if economies.half else torch.float32
    part: Any = shape.denoiser() if case.part == "step" else shape.autoencoder()
    part = part.to(dtype).eval().requires_grad_(False)
    weights = sum(each.nbytes for each in part.parameters())
    prepare = shape.step if case.part == "step" else shape.decode
    work = prepare(part, size, dtype, economies)
    with torch.inference_mode():
        # What is done only once, such as laying weights out anew, is no part of it.
        prepare(part, _PRACTICE, dtype, economies)()
        before = _begin_anew()
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
    meter = Reckoning(shape.ANATOMY, parameters=0, bytes_each=dtype.itemsize, decoded=shape.DECODED)
    plain = Economies(sliced_vae=economies.sliced_vae, tiled_vae=economies.tiled_vae)
    if case.part == "step":
        reckoned = meter.step(plain, width=size, height=size, rows=shape.ROWS)
    else:
        reckoned = meter.decode(plain, width=size, height=size)
    return Figures(weights=weights, peak=max(0, _resident("VmHWM") - before), seconds=seconds, reckoned=reckoned)


def _begin_anew() -> int:
    """Forget the most that was resident, which was while the part was made; bytes that are now. Linux only."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return _resident("VmRSS")


def _resident(line: str) -> int:
    for each in Path("/proc/self/status").read_text("ascii").splitlines():
        name, _, value = each.partition(":")
        if name == line:
            return int(value.split()[0]) * _KILOBYTE
    raise LookupError(line)


if __name__ == "__main__":
    raise SystemExit(main())
