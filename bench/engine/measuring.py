"""The order of the measuring: each arm alone, the bare loop timed just before and just after every load."""

import io
import itertools
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from bench.engine import clients, figures, loads
from bench.engine.arms import Arm, Unavailable
from bench.engine.loads import BATCH, LONG_STEPS, SHORT_STEPS, SIZES, USUAL_STEPS, Job, Load
from bench.engine.peers.painter import Painter

READY_SECONDS: Final = 120
_REPEATS: Final = {SHORT_STEPS: 4, USUAL_STEPS: 2, LONG_STEPS: 1}
"""How often the bare loop draws an image of so many steps whenever it is timed."""
_WARM_ROUNDS: Final = 3
_SAME_LEVELS: Final = 2
"""Levels of 255 by which two PNGs of one picture may differ: batches of other sizes round otherwise."""

Say = Callable[[str], None]
Seconds = Mapping[int, float]


class Measuring:
    """Measures arm after arm with the same jobs."""

    def __init__(self, painter: Painter, *, times: float, say: Say) -> None:
        """Time the bare loop once, for how many jobs each load is to have: `times` as many as a usual run's."""
        self._painter, self._times, self._say = painter, times, say
        self._calibration: dict[int, Seconds] = {}
        # What was timed after one load stands for what would be timed before the next, when that comes at once.
        self._just_timed: dict[tuple[int, tuple[int, ...]], Seconds] = {}
        for size in SIZES:
            painter.draw([_job(SHORT_STEPS, size)])
            pace = self._calibration[size] = self._pace(size, tuple(_REPEATS))
            told = ", ".join(f"{steps} steps {seconds:.2f} s" for steps, seconds in pace.items())
            say(f"the bare loop at {size}²: {told}")

    def arm(self, arm: Arm) -> dict[str, Any]:
        """Everything measured of one arm, or why it could not be."""
        self._say(f"{arm.title}:")
        self._just_timed = {}
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            try:
                arm.start(Path(folder))
                self._make_ready(arm)
                sizes = {str(size): {load.name: self._load(arm, load, size) for load in loads.LOADS} for size in SIZES}
                return {"title": arm.title, "sizes": sizes, **arm.facts()}
            except Unavailable as error:
                self._say(f"  {error}")
                return {"title": arm.title, "missing": str(error)}
            finally:
                arm.stop()

    def _make_ready(self, arm: Arm) -> None:
        job = _job(USUAL_STEPS, SIZES[0])
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                picture = arm.draw(job, lambda: None)
                break
            except Exception as error:
                if time.monotonic() > deadline:
                    raise Unavailable(f"did not answer: {error}") from error
            # A short pause between looks at a condition, not a wait for time to pass.
            time.sleep(0.1)
        if not _same(picture, self._painter.draw([job])[0]):
            raise Unavailable("draws another picture than diffusers does")
        for size in SIZES:
            warm = itertools.repeat(_job(SHORT_STEPS, size))
            clients.closed(arm.draw, warm, clients=BATCH, count=_WARM_ROUNDS * BATCH)

    def _load(self, arm: Arm, load: Load, size: int) -> dict[str, Any]:
        count = load.count(self._calibration[size], size=size, times=self._times)
        asked = loads.jobs(load, size=size)
        if load.clients == 1:
            found = self._alone(arm, [next(asked) for _ in range(count)])
            self._just_timed = {}
        else:
            kinds = tuple(sorted(set(load.block)))
            before = self._just_timed.get((size, kinds)) or self._pace(size, kinds)
            if load.clients is None:
                rate = loads.OVERLOAD / load.mean(before)
                heard = clients.opened(arm.draw, asked, loads.arrivals(count, rate=rate))
            else:
                heard = clients.closed(arm.draw, asked, clients=load.clients, count=count + load.clients)
            after = self._pace(size, kinds)
            self._just_timed = {(size, kinds): after}
            found = figures.summary(heard, before, after, clients=load.clients)
            found["bare_images_per_second"] = 2 / (load.mean(before) + load.mean(after))
            found["failures"] = sorted({each.failure for each in heard if each.failure})
        speed = found.get("speed") or found.get("ratio")
        self._say(f"  {size}² {load.name}: {count} images, {speed or float('nan'):.2f}")
        return found

    def _alone(self, arm: Arm, jobs: list[Job]) -> dict[str, Any]:
        """One client and the bare loop by turns; `ratio` is the median of seconds over its two neighbours' mean."""
        bare = [self._seconds(jobs[0])]
        heard = []
        for job in jobs:
            heard.append(clients.ask(arm.draw, job))
            bare.append(self._seconds(job))
        return figures.alone(heard, bare)

    def _pace(self, size: int, kinds: tuple[int, ...]) -> Seconds:
        return {
            steps: statistics.median(self._seconds(_job(steps, size)) for _ in range(_REPEATS[steps]))
            for steps in kinds
        }

    def _seconds(self, job: Job) -> float:
        begun = time.perf_counter()
        self._painter.draw([job])
        return time.perf_counter() - begun


def _job(steps: int, size: int) -> Job:
    return Job(prompt="a red house under a yellow sun", steps=steps, seed=7, size=size)


def _same(one: bytes, other: bytes) -> bool:
    first, second = (np.asarray(Image.open(io.BytesIO(each)).convert("RGB"), np.int16) for each in (one, other))
    return first.shape == second.shape and int(np.abs(first - second).max()) <= _SAME_LEVELS
