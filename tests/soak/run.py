"""One soak: a system, people, chaos, and the audit at the end."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from daydream.tasks.v1 import tasks_pb2

from tests.soak.chaos import Chaos, victims
from tests.soak.people import Memory, Somebody
from tests.support.aftermath import at_rest, sweep
from tests.support.audit import always, audit, look
from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.system import Places, System, running

PEOPLE: Final = 4
LEASE_SECONDS: Final = 3.0
REST_SECONDS: Final = 240.0
LIMIT: Final = 60
MOST_TOLD: Final = 40


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a soak."""

    seconds: float
    """How long people used it."""
    seed: int
    """What decided."""
    ends: Mapping[str, int]
    """Tasks, by how they ended."""
    images: int
    """Images delivered."""
    lost: int
    """Attempts that were lost and made good."""
    done: Mapping[str, int]
    """What was killed or stopped, and how often."""
    said: Mapping[str, int]
    """Calls of people, and what became of them."""
    looks: int
    """How often the invariants that hold at any moment were looked at meanwhile."""
    violations: Sequence[str]
    """What should not be."""

    def told(self) -> str:
        """In words."""
        kills, stops = (
            sum(number for what, number in self.done.items() if what.endswith(how)) for how in ("killed", "stopped")
        )
        counts = [(what, number) for each in (self.ends, self.done, self.said) for what, number in sorted(each.items())]
        lines = [
            f"{self.seconds:.0f} s, seed {self.seed}: {sum(self.ends.values())} tasks, {self.images} images, "
            f"{kills} kills, {stops} stops, {self.lost} attempts lost, "
            f"{self.looks} looks, {len(self.violations)} violations",
            *(f"  {what}: {number}" for what, number in counts),
            *(f"  VIOLATION {each}" for each in self.violations[:MOST_TOLD]),
        ]
        return "\n".join(lines)


async def soak(folder: Path, *, seconds: float, seed: int) -> Result:
    """Run one; `folder` is for everything it writes but the databases."""
    postgres, nats = await asyncio.to_thread(lambda: Postgres(durable=True)), await asyncio.to_thread(Nats)
    try:
        places = Places(
            auth_url=postgres.new_url(), tasks_url=postgres.new_url(), nats_url=nats.url, folder=folder / "data"
        )
        system = System(
            places, replicas=2, workers=2, slots=2, step_ms=80, lease_seconds=LEASE_SECONDS, queue_limit=LIMIT,
            AUTH_SIGNUP_TOKENS="1000000",
        )  # fmt: skip
        chaos = Chaos(victims(system, nats, postgres), seed)
        async with running(system):
            async with asyncio.TaskGroup() as group:
                supervising = group.create_task(chaos.supervise())
                memory = await _use(system, chaos, seconds=seconds, seed=seed)
                supervising.cancel()
            return await _look_at(system, chaos, memory, seconds=seconds, seed=seed)
    finally:
        await asyncio.to_thread(nats.remove)
        await asyncio.to_thread(postgres.stop)


async def _use(system: System, chaos: Chaos, *, seconds: float, seed: int) -> Memory:
    """Let people use it while it is broken, and wait until it rests."""
    memory = Memory()
    people = [await system.sign_up() for _ in range(PEOPLE)]
    await system.ready(people[0])

    async def look_meanwhile() -> None:
        # Not while the database is down.
        with contextlib.suppress(sa.exc.OperationalError):
            found = await asyncio.to_thread(look, system.places)
            memory.wrong.extend(always(found, slots=_slots(system), limit=LIMIT))
            memory.looks += 1

    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        group.create_task(chaos.rage(until, look_meanwhile))
        for number, member in enumerate(people):
            group.create_task(Somebody(system, member, memory, seed * 1000 + number).live(until))
    try:
        await at_rest(system, seconds=REST_SECONDS)
    except TimeoutError:
        memory.wrong.append(f"3: the system does not come to rest within {REST_SECONDS:.0f} s")
    return memory


def _slots(system: System) -> Mapping[str, int]:
    return dict.fromkeys(system.gpu_targets, system.slots)


async def _look_at(system: System, chaos: Chaos, memory: Memory, *, seconds: float, seed: int) -> Result:
    """Look at everything that is left, and at what people were told."""
    await sweep(system)
    answered = set(memory.answered.values())
    found = await audit(system.places, slots=_slots(system), limit=LIMIT, answered=answered, swept=True)
    violations = [*memory.wrong, *found.violations]
    states = {row.uuid: row.state for row in (await asyncio.to_thread(look, system.places)).tasks}
    for task_id, state in memory.ends.items():
        if f"TASK_STATE_{states.get(task_id)}" != tasks_pb2.TaskState.Name(state):  # type: ignore[arg-type]
            violations.append(f"3: a watcher saw {task_id} end as {state}, it is {states.get(task_id)}")
    return Result(
        seconds=seconds,
        seed=seed,
        ends=found.ends,
        images=found.images,
        lost=found.lost,
        done=Counter(chaos.done),
        said=Counter(memory.said),
        looks=memory.looks,
        violations=violations,
    )
