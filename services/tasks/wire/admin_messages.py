"""What staff see, as protos. Nothing here decides anything."""

from collections.abc import Mapping
from typing import Final

from daydream.tasks.v1 import admin_pb2

from services.tasks.machine import crew
from services.tasks.machine.deeds import Deed, DeedKind
from services.tasks.machine.watch import Sight
from services.tasks.states import State
from services.tasks.values import View
from services.tasks.wire import messages

_KINDS: Final[Mapping[DeedKind, admin_pb2.TaskDeedKind.ValueType]] = {
    DeedKind.TASK_CANCELLED: admin_pb2.TASK_DEED_KIND_TASK_CANCELLED,
    DeedKind.PICTURE_HIDDEN: admin_pb2.TASK_DEED_KIND_PICTURE_HIDDEN,
    DeedKind.PICTURE_RESTORED: admin_pb2.TASK_DEED_KIND_PICTURE_RESTORED,
}


def to_owned(view: View) -> admin_pb2.OwnedTask:
    """A task and whose it is."""
    task = messages.to_task(view)
    task.progress.preview, task.progress.preview_content_type = b"", ""
    if view.progress is None:
        task.ClearField("progress")
    return admin_pb2.OwnedTask(task=task, user_id=view.task.user_id, worker=view.task.worker)


def to_worker(worker: crew.Worker) -> admin_pb2.Worker:
    """A worker."""
    told = admin_pb2.Worker(
        target=worker.target,
        answers=worker.answers,
        seen_time=messages.to_time(worker.seen),
        task_ids=worker.task_ids,
        fate=None if worker.fate is None else _to_fate(worker.fate),
    )
    if (said := worker.said) is not None:
        told.worker_id, told.device, told.slots = said.worker_id, said.device, said.slots
        told.models.extend(model.name for model in said.models)
        told.steps_per_second = said.steps_per_second()
        told.memory_used, told.memory_total = said.memory_used, said.memory_total
        if (started := messages.to_time(said.started)) is not None:
            told.started_time.CopyFrom(started)
    return told


def _to_fate(fate: crew.Fate) -> admin_pb2.Fate:
    number = fate.states.get
    return admin_pb2.Fate(
        waiting=number(State.QUEUED, 0),
        running=number(State.RUNNING, 0),
        succeeded=number(State.SUCCEEDED, 0),
        failed=number(State.FAILED, 0),
        cancelled=number(State.CANCELLED, 0),
    )


def to_sight(sight: Sight, queue_limit: int) -> admin_pb2.WatchMachineResponse:
    """One message of the stream."""
    return admin_pb2.WatchMachineResponse(
        tasks=[to_owned(view) for view in sight.views],
        gone_task_ids=sight.gone,
        queued=sight.queued,
        running=sight.running,
        queue_limit=queue_limit,
        workers=[to_worker(worker) for worker in sight.workers],
    )


def to_deed(deed: Deed) -> admin_pb2.TaskDeed:
    """A line of the log."""
    return admin_pb2.TaskDeed(
        deed_id=deed.deed_id,
        kind=_KINDS[deed.kind],
        staff_id=deed.staff_id,
        user_id=deed.user_id,
        task_id=deed.task_id,
        gallery_id=deed.gallery_id,
        detail=deed.detail,
        created_time=messages.to_time(deed.created),
    )
