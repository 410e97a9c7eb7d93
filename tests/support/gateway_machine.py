"""The machine as staff ask tasks for it, in memory: the made-up ledger's tasks, workers as the test has them, a log."""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, Protocol

from daydream.tasks.v1 import admin_pb2, admin_pb2_grpc, tasks_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.foundation import errors, identity
from services.tasks.machine.deeds import check_reason
from tests.support.gateway_people import paged, stamp

GPU: Final = "gpu-1:8013"
_OPEN: Final = (tasks_pb2.TASK_STATE_QUEUED, tasks_pb2.TASK_STATE_RUNNING)


class Ledger(Protocol):
    """What it needs of the made-up ledger."""

    tasks: dict[str, tasks_pb2.Task]
    owners: dict[str, str]
    slow_to_stop: bool
    breaks: list[errors.DaydreamError]

    async def cancelled(self, task_id: str) -> None: ...
    async def moved(self) -> None: ...
    async def until_changed(self, version: int, breaks: int) -> int: ...


class FakeMachine(admin_pb2_grpc.AdminServiceServicer):
    """AdminService for staff alone."""

    def __init__(self, ledger: Ledger) -> None:
        """One worker that is ready."""
        self._ledger = ledger
        self.workers: dict[str, admin_pb2.Worker] = {
            GPU: admin_pb2.Worker(
                target=GPU,
                answers=True,
                worker_id="w",
                device="cpu",
                slots=2,
                models=["daydream-mini"],
                steps_per_second=38.5,
                memory_used=1_100_000_000,
                memory_total=8_000_000_000,
                started_time=Timestamp(seconds=stamp().seconds - 6 * 86_400),
            )
        }
        """By target. Call `tell` after a change."""
        self.deeds: list[admin_pb2.TaskDeed] = []
        """The log, oldest first."""
        self.watching = 0
        """Streams that are open."""
        self.watch_refusal: errors.DaydreamError | None = None
        """What the next watches are refused with."""
        self._numbers = itertools.count(1)

    async def tell(self) -> None:
        """Whoever watches looks again."""
        await self._ledger.moved()

    def note(self, kind: admin_pb2.TaskDeedKind.ValueType, staff_id: str, **about: str) -> None:
        """Write a deed down."""
        number = next(self._numbers)
        self.deeds.append(
            admin_pb2.TaskDeed(
                deed_id=f"task-deed-{number}", kind=kind, staff_id=staff_id, created_time=stamp(), **about
            )
        )

    def _owned(self, task: tasks_pb2.Task) -> admin_pb2.OwnedTask:
        running = task.state == tasks_pb2.TASK_STATE_RUNNING
        owner = self._ledger.owners[task.task_id]
        return admin_pb2.OwnedTask(task=task, user_id=owner, worker=GPU if running else "")

    async def ListAllTasks(self, request: Any, _call: Any) -> admin_pb2.ListAllTasksResponse:
        """Newest first, paged."""
        _only_staff()
        found = [
            self._owned(task)
            for task in reversed(self._ledger.tasks.values())
            if request.user_id in {"", self._ledger.owners[task.task_id]}
            and request.task_id in {"", task.task_id}
            and (not request.states or task.state in request.states)
            and request.query.lower() in task.parameters.prompt.lower()
        ]
        page, more = paged(found, request)
        return admin_pb2.ListAllTasksResponse(tasks=page, next_page_token=more)

    async def CancelAnyTask(self, request: Any, _call: Any) -> admin_pb2.CancelAnyTaskResponse:
        """As its owner would, and written down."""
        staff_id = _only_staff()
        check_reason(request.reason)
        task = self._ledger.tasks.get(request.task_id)
        if task is None:
            raise errors.NotFound("There is no such task.", reason="TASK_NOT_FOUND")
        if task.state in _OPEN:
            self.note(
                admin_pb2.TASK_DEED_KIND_TASK_CANCELLED,
                staff_id,
                user_id=self._ledger.owners[task.task_id],
                task_id=task.task_id,
                detail=request.reason,
            )
            if not self._ledger.slow_to_stop:
                await self._ledger.cancelled(task.task_id)
        return admin_pb2.CancelAnyTaskResponse(task=self._owned(task))

    async def ListWorkers(self, _request: Any, _call: Any) -> admin_pb2.ListWorkersResponse:
        """As the test has them."""
        _only_staff()
        return admin_pb2.ListWorkersResponse(workers=self._workers())

    def _workers(self) -> Sequence[admin_pb2.Worker]:
        running = [task.task_id for task in self._ledger.tasks.values() if task.state == tasks_pb2.TASK_STATE_RUNNING]
        told = []
        for worker in self.workers.values():
            shown = admin_pb2.Worker()
            shown.CopyFrom(worker)
            shown.task_ids.extend(running if worker.target == GPU and worker.answers else ())
            told.append(shown)
        return told

    async def WatchMachine(self, _request: Any, _call: Any) -> AsyncIterator[admin_pb2.WatchMachineResponse]:
        """All of it, then what changes."""
        _only_staff()
        if self.watch_refusal is not None:
            raise self.watch_refusal
        told: Mapping[str, bytes] = {}
        workers: Sequence[admin_pb2.Worker] = []
        version, breaks, first = -1, len(self._ledger.breaks), True
        self.watching += 1
        try:
            while True:
                line = [self._owned(task) for task in self._ledger.tasks.values() if task.state in _OPEN]
                for place, each in enumerate(_waiting(line), start=1):
                    each.task.progress.position = place
                now = {each.task.task_id: each.SerializeToString() for each in line}
                fresh = [each for each in line if told.get(each.task.task_id) != now[each.task.task_id]]
                gone = [task_id for task_id in told if task_id not in now]
                crew = self._workers()
                if first or fresh or gone or crew != workers:
                    yield admin_pb2.WatchMachineResponse(
                        tasks=fresh,
                        gone_task_ids=gone,
                        queued=len(_waiting(line)),
                        running=len(line) - len(_waiting(line)),
                        queue_limit=100,
                        workers=crew if crew != workers else (),
                    )
                told, workers, first = now, crew, False
                version = await self._ledger.until_changed(version, breaks)
        finally:
            self.watching -= 1

    async def CountImages(self, request: Any, _call: Any) -> admin_pb2.CountImagesResponse:
        """Of the tasks there are."""
        _only_staff()
        counts: dict[str, int] = {}
        for task_id, owner in self._ledger.owners.items():
            if owner in request.user_ids and self._ledger.tasks[task_id].images:
                counts[owner] = counts.get(owner, 0) + len(self._ledger.tasks[task_id].images)
        return admin_pb2.CountImagesResponse(images=counts)

    async def ListDeeds(self, request: Any, _call: Any) -> admin_pb2.ListDeedsResponse:
        """Newest first, paged."""
        _only_staff()
        found = [
            deed
            for deed in reversed(self.deeds)
            if request.user_id in {"", deed.user_id} and request.staff_id in {"", deed.staff_id}
        ]
        page, more = paged(found, request)
        return admin_pb2.ListDeedsResponse(deeds=page, next_page_token=more)


def _waiting(line: Sequence[admin_pb2.OwnedTask]) -> Sequence[admin_pb2.OwnedTask]:
    return [each for each in line if each.task.state == tasks_pb2.TASK_STATE_QUEUED]


def _only_staff() -> str:
    caller = identity.caller()
    if not caller.is_staff:
        raise errors.NotAllowed
    return caller.subject
