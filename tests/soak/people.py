"""People who use the studio while it is being broken, and remember what they were told."""

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

import grpc
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from tests.support.ledger import ENDED
from tests.support.picture_files import PNG
from tests.support.system import Member, System

PAUSE_SECONDS: Final = (0.05, 0.5)
TOKEN_SECONDS: Final = 120.0
CALL_SECONDS: Final = 15.0
# What a system that is being broken may say: try again.
PASSING: Final = (
    errors.Unavailable,
    errors.TooMuch,
    errors.Unexpected,
    errors.NotAuthenticated,
    grpc.RpcError,
    TimeoutError,
)


@dataclass
class Memory:
    """What everybody was told, which must be true in the end."""

    answered: dict[str, str] = field(default_factory=dict)
    """Task ids by who asked and under which request id."""
    ends: dict[str, int] = field(default_factory=dict)
    """The terminal state that a watcher saw, by task."""
    wrong: list[str] = field(default_factory=list)
    """What should never have been said."""
    said: Counter[str] = field(default_factory=Counter)
    """Calls, and what became of them."""
    looks: int = 0
    """How often the databases were looked at meanwhile."""


class Somebody:
    """One person: asks, asks again, changes their mind, looks on; goes to another replica when one does not answer."""

    def __init__(self, system: System, member: Member, memory: Memory, seed: int) -> None:
        """`seed` decides what they do, as far as they alone decide it."""
        self._system, self._memory = system, memory
        self._members = [member, *(member.at(target) for target in system.targets[1:])]
        self._at = 0
        self._random = random.Random(seed)
        self._asked: list[tuple[str, int]] = []
        self._renewed = time.monotonic()
        self._watching: set[asyncio.Task[None]] = set()

    @property
    def _member(self) -> Member:
        return self._members[self._at % len(self._members)]

    async def live(self, until: float) -> None:
        """Use the studio until that time on the monotonic clock, then let go of it."""
        while time.monotonic() < until:
            acts = (self._submit, self._again, self._reuse, self._cancel, self._watch, self._bring)
            (do,) = self._random.choices(acts, (8, 3, 1, 3, 3, 1))
            try:
                await self._renew()
                async with asyncio.timeout(CALL_SECONDS):
                    await do()
                self._memory.said[f"{do.__name__.strip('_')}: answered"] += 1
            except PASSING as error:
                # Then somebody else may answer.
                self._memory.said[f"{do.__name__.strip('_')}: {type(error).__name__}"] += 1
                self._at += 1
            except errors.DaydreamError as error:
                self._memory.wrong.append(f"refused: {do.__name__.strip('_')}: {error!r}")
            await asyncio.sleep(self._random.uniform(*PAUSE_SECONDS))
        for each in self._watching:
            each.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        for member in self._members[1:]:
            await member.channel.close()

    async def _renew(self) -> None:
        if time.monotonic() - self._renewed > TOKEN_SECONDS:
            await self._system.renew(self._members[0])
            for member in self._members[1:]:
                member.metadata = self._members[0].metadata
            self._renewed = time.monotonic()

    async def _submit(self) -> None:
        # Noted before it is sent: whoever hears no answer asks again under the same id.
        self._asked.append((f"request-{len(self._asked)}", self._random.randint(1, 3)))
        await self._ask(*self._asked[-1])

    async def _again(self) -> None:
        if self._asked:
            await self._ask(*self._random.choice(self._asked[-20:]))

    async def _ask(self, request_id: str, samples: int) -> None:
        self._remember(request_id, await self._member.submit(request_id=request_id, samples=samples))

    async def _bring(self) -> None:
        # Few names, so that many of them are sent again.
        request_id = f"picture-{self._random.randint(1, 40)}"
        self._remember(request_id, await self._member.bring(PNG, request_id=request_id))

    def _remember(self, request_id: str, task: tasks_pb2.Task) -> None:
        key = f"{self._member.name}/{request_id}"
        if self._memory.answered.setdefault(key, task.task_id) != task.task_id:
            self._memory.wrong.append(f"5: {key} is {self._memory.answered[key]} and {task.task_id}")

    async def _reuse(self) -> None:
        known = [each for each in self._asked if f"{self._member.name}/{each[0]}" in self._memory.answered]
        if known:
            request_id, samples = self._random.choice(known)
            try:
                await self._member.submit("something else", request_id=request_id, samples=samples)
                self._memory.wrong.append(f"5: {request_id} was accepted with other content")
            except errors.InvalidInput as error:
                if error.detail_reason != errors.RequestIdReused.reason:
                    raise

    def _some_task(self) -> str | None:
        mine = [task_id for key, task_id in self._memory.answered.items() if key.startswith(self._member.name)]
        return self._random.choice(mine[-6:]) if mine else None

    async def _cancel(self) -> None:
        if (task_id := self._some_task()) is not None:
            await self._member.cancel(task_id)

    async def _watch(self) -> None:
        if (task_id := self._some_task()) is not None:
            watching = asyncio.create_task(self._follow(self._member, task_id))
            self._watching.add(watching)
            watching.add_done_callback(self._watching.discard)

    async def _follow(self, member: Member, task_id: str) -> None:
        latest = tasks_pb2.Task()
        with contextlib.suppress(*PASSING):
            async for message in member.watch(task_id):
                task = message.task
                if latest.state in ENDED and task.state != latest.state:
                    self._memory.wrong.append(f"3: {task_id} went from {latest.state} to {task.state}")
                if task.revision < latest.revision or len(task.images) < len(latest.images):
                    self._memory.wrong.append(f"12: {task_id} went back from revision {latest.revision}")
                latest.CopyFrom(task)
        if latest.state in ENDED and self._memory.ends.setdefault(task_id, latest.state) != latest.state:
            self._memory.wrong.append(f"3: {task_id} ended twice")
