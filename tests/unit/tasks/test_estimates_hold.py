"""What people are told about when their task starts, beside what then happens on a worker that is simulated.

The worker gives turns by the engine's own policy; only its forwards are made of arithmetic, in place of a model, and
its clock is a number. So what is tested is whether the ledger's picture of a worker is near enough to the real thing.
"""

import random
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

import pytest

from services.gpu.engine import policy
from services.gpu.engine.pool import Job, Pool
from services.tasks.asking.ingredients import Parameters
from services.tasks.asking.parameters import Asked, resolve
from services.tasks.queue import estimates
from services.tasks.queue.estimates import Line, Standing
from services.tasks.workers.capabilities import StepTime
from tests.support.fake_parts import MODEL

IMAGE_US = 20_000


@dataclass(kw_only=True)
class Trajectory:
    """An image with guidance: two rows of every forward."""

    calls: int
    done: int = 0
    rows: int = 2
    nbytes: int = 1


@dataclass(eq=False)
class Run:
    """A task on the worker."""

    task: str
    left: int


@dataclass(kw_only=True)
class Machine:
    """One worker, and when each task began on it, in microseconds."""

    fixed_us: int
    """What a forward takes whatever is in it."""
    row_us: int
    """And for each row."""
    rows: int = 16
    """What pays in one forward."""
    now: int = 0
    started: dict[str, int] = field(default_factory=dict)

    @property
    def slots(self) -> int:
        """As many tasks at once as fill two forwards."""
        return self.rows

    def forward_us(self, rows: int) -> int:
        """How long one takes."""
        return self.fixed_us + self.row_us * rows

    @property
    def step_times(self) -> tuple[StepTime, ...]:
        """What such a worker would have measured at its start."""
        images = self.rows // 2
        times = StepTime(
            width=64,
            height=64,
            step_us=self.forward_us(2),
            image_us=IMAGE_US,
            shared_step_us=self.forward_us(self.rows) // images,
            images_at_once=images,
        )
        return (times,)

    def draw(self, tasks: Sequence[tuple[str, Parameters]]) -> None:
        """Everything, first come first, as many tasks at once as there are slots."""
        line = list(tasks)
        pool = Pool(places=64)
        runs: set[Run] = set()
        while line or runs:
            while line and len(runs) < self.slots:
                name, asked = line.pop(0)
                run = Run(name, asked.samples)
                self.started[name] = self.now
                runs.add(run)
                for sample in range(asked.samples):
                    pool.add(_job(run, sample, asked.steps, "alike"))
            jobs = policy.shortest(pool, lambda job: self.rows)
            pool.turn(jobs)
            self.now += self.forward_us(sum(job.trajectory.rows for job in jobs))
            for job in jobs:
                job.trajectory.done += 1  # type: ignore[misc]
                if not job.remaining:
                    pool.remove(job)
                    self.now += IMAGE_US
                    job.run.left -= 1  # type: ignore[attr-defined]
                    if not job.run.left:  # type: ignore[attr-defined]
                        runs.discard(job.run)


def _job(run: Run, sample: int, steps: int, bucket: Hashable) -> Job:
    return Job(run=run, sample=sample, trajectory=Trajectory(calls=steps), bucket=bucket)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "machine",
    [Machine(fixed_us=15_000, row_us=1_000), Machine(fixed_us=0, row_us=10_000, rows=2)],
    ids=["batching pays", "it does not"],
)
@pytest.mark.parametrize("mix", [(20,), (4, 4, 4, 4, 50), (10, 20, 30)], ids=["alike", "short and long", "various"])
@pytest.mark.parametrize("samples", [(1,), (1, 2, 4)], ids=["one image", "several"])
def test_waiting_tasks_start_when_their_people_were_told_within_a_fifth(
    machine: Machine, mix: tuple[int, ...], samples: tuple[int, ...]
) -> None:
    machine = replace(machine, started={})
    dice = random.Random(7)
    timed = replace(MODEL, step_times=machine.step_times)
    tasks = [
        (
            f"task {number}",
            resolve(
                Asked(prompt="a", width=64, height=64, steps=dice.choice(mix), samples=dice.choice(samples)), [timed]
            ),
        )
        for number in range(80)
    ]
    standing = [Standing(task_id=name, left=estimates.work(asked, [timed])) for name, asked in tasks]
    # Everybody asked at once: the first have a slot, all others wait.
    line = Line(running=tuple(standing[: machine.slots]), waiting=tuple(standing[machine.slots :]), slots=machine.slots)

    machine.draw(tasks)

    late = [name for name, _ in tasks[machine.slots + 8 :]]
    told = {name: place.start_ms for name in late if (place := line.place(name)) is not None}
    off = {name: (told[name] or 0) / (machine.started[name] / 1000) - 1 for name in late}
    assert max(abs(each) for each in off.values()) <= 0.2, off
