"""The ledger and auth as a drawing knows them, made up: what is asked of them can be seen, their answers chosen."""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from tests.support.fake_worker import png

STEPS: Final = 4


class DelegationEnded(errors.NotAuthenticated):
    """The delegation has ended."""

    reason = "DELEGATION_ENDED"


class TokenExpired(errors.NotAuthenticated):
    """The stream has lasted for as long as its token."""

    reason = "TOKEN_EXPIRED"


class FakeGrants:
    """auth's side: one delegation for each reference."""

    def __init__(self) -> None:
        """Nobody has any."""
        self.open: set[str] = set()
        self.issued: Counter[str] = Counter()

    async def create_delegation(self, subject_token: str, reference: str) -> str:
        """One is as good as its name."""
        assert subject_token
        self.open.add(f"for-{reference}")
        return f"for-{reference}"

    async def issue_delegated_token(self, delegation_id: str) -> str:
        """A token that says which."""
        if delegation_id not in self.open:
            raise DelegationEnded
        self.issued[delegation_id] += 1
        return f"{delegation_id}#{self.issued[delegation_id]}"

    async def end_delegation(self, delegation_id: str) -> None:
        """It is over."""
        self.open.discard(delegation_id)


class FakeLedger:
    """Generations by their request ids; each is drawn as soon as it is watched, unless `holds`."""

    def __init__(self) -> None:
        """Nothing is asked for yet."""
        self.tasks: dict[str, tasks_pb2.Task] = {}
        self.requests: dict[str, str] = {}
        """Request ids by task ids."""
        self.uploads: list[bytes] = []
        self.refusals: deque[errors.DaydreamError] = deque()
        """What the next submits are refused with."""
        self.losses: deque[errors.DaydreamError] = deque()
        """What the next submits raise although they are accepted."""
        self.unstoppable: set[str] = set()
        """Request ids that a cancel is refused for."""
        self.submits: Counter[str] = Counter()
        self.seen: dict[str, int] = {}
        """The revision that whoever watches has dealt with, by request id."""
        self.cancelled: set[str] = set()
        """Request ids."""
        self.holds = False
        self.expires = 0
        """How many of the next watches end because their token does."""
        self.changed = asyncio.Condition()

    async def submit(self, token: str, request_id: str, parameters: Mapping[str, Any]) -> tasks_pb2.Task:
        """The same id, the same task."""
        assert request_id.startswith(token.removeprefix("for-").partition("#")[0])
        self.submits[request_id] += 1
        if request_id not in self.tasks:
            if self.refusals:
                raise self.refusals.popleft()
            asked = tasks_pb2.Parameters(**{"steps": STEPS, "samples": 1, **parameters})
            self.tasks[request_id] = tasks_pb2.Task(
                task_id=f"task-{len(self.tasks)}", state=tasks_pb2.TASK_STATE_QUEUED, revision=1, parameters=asked,
                progress=tasks_pb2.Progress(position=3, steps=asked.steps * asked.samples),
            )  # fmt: skip
            self.requests[f"task-{len(self.tasks) - 1}"] = request_id
        if self.losses:
            raise self.losses.popleft()
        return self.tasks[request_id]

    async def cancel(self, token: str, task_id: str) -> None:
        """Stop one."""
        request_id = self.requests[task_id]
        if request_id in self.unstoppable:
            raise errors.NotAllowed
        self.cancelled.add(request_id)
        if self.tasks[request_id].state == tasks_pb2.TASK_STATE_QUEUED:
            await self.change(request_id, state=tasks_pb2.TASK_STATE_CANCELLED)

    async def change(self, request_id: str, *, step: int = 0, **fields: Any) -> None:
        """Something happens to a task; whoever watches it hears."""
        async with self.changed:
            task = tasks_pb2.Task()
            task.CopyFrom(self.tasks[request_id])
            task.revision += 1
            task.progress.step = step or task.progress.step
            task.MergeFrom(tasks_pb2.Task(**fields))
            self.tasks[request_id] = task
            self.changed.notify_all()

    async def draw(self, request_id: str) -> None:
        """All its images, in the colours of seeds from 100 on."""
        asked = self.tasks[request_id].parameters
        images = [
            tasks_pb2.Image(image_id=f"{request_id}/{number}", index=number, seed=100 + number)
            for number in range(asked.samples)
        ]
        state = tasks_pb2.TASK_STATE_SUCCEEDED
        await self.change(request_id, step=asked.steps * asked.samples, state=state, images=images)

    @contextlib.asynccontextmanager
    async def watch(self, token: str, task_id: str, after: int) -> AsyncIterator[AsyncIterator[tasks_pb2.Task]]:
        """Every change after a revision."""
        request_id = self.requests[task_id]
        if self.expires:
            self.expires -= 1
            raise TokenExpired
        if not self.holds and self.tasks[request_id].state == tasks_pb2.TASK_STATE_QUEUED:
            await self.draw(request_id)

        async def changes() -> AsyncIterator[tasks_pb2.Task]:
            seen = after
            while True:
                async with self.changed:
                    while self.tasks[request_id].revision <= seen:
                        await self.changed.wait()
                    task = self.tasks[request_id]
                seen = task.revision
                yield task
                # Whoever asks for more has dealt with this one.
                self.seen[request_id] = seen
                if task.state >= tasks_pb2.TASK_STATE_SUCCEEDED:
                    return

        yield changes()

    async def upload(self, token: str, picture: IO[bytes]) -> str:
        """Keep it."""
        self.uploads.append(picture.read())
        return f"upload-{len(self.uploads)}"

    async def download(self, token: str, image_id: str, to: Path) -> None:
        """A picture in the colour of its seed."""
        if image_id.startswith("gone"):
            raise errors.NotFound
        await asyncio.to_thread(to.write_bytes, png(100 + int(image_id.rpartition("/")[2]), 8, 8))
