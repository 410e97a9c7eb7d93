"""Values ↔ protos. Nothing here decides anything."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Final

from daydream.tasks.v1 import tasks_pb2
from google.protobuf import timestamp_pb2
from google.rpc import status_pb2

from services.foundation import errors
from services.foundation.rpc import status
from services.tasks import values
from services.tasks.files.imports import Header
from services.tasks.files.uploads import KEPT_AFTER_USE
from services.tasks.ports import Change
from services.tasks.queue.estimates import Line
from services.tasks.states import State
from services.tasks.watching.watch import Update
from services.tasks.wire import parameter_messages

_BLAMED: Final[Mapping[values.Blame, type[errors.DaydreamError]]] = {
    values.Blame.REQUEST: errors.InvalidInput,
    values.Blame.WORKER: errors.Unavailable,
    values.Blame.OURS: errors.Unexpected,
}
_SIZES: Final[Mapping[int, values.Size]] = {
    tasks_pb2.ImageSize.IMAGE_SIZE_UNSPECIFIED: values.Size.ORIGINAL,
    tasks_pb2.ImageSize.IMAGE_SIZE_ORIGINAL: values.Size.ORIGINAL,
    tasks_pb2.ImageSize.IMAGE_SIZE_SMALL: values.Size.SMALL,
    tasks_pb2.ImageSize.IMAGE_SIZE_MEDIUM: values.Size.MEDIUM,
}


def to_states(numbers: Iterable[int]) -> tuple[State, ...]:
    """States of a filter. Raises InvalidInput for one that does not exist or is not said."""
    names: dict[int, str] = {number: name.removeprefix("TASK_STATE_") for name, number in tasks_pb2.TaskState.items()}
    found = []
    for number in numbers:
        # An open enum: a number from another version arrives as it is.
        state = names.get(number, "")
        if state not in State.__members__:
            raise errors.InvalidInput.of(
                errors.FieldViolation(field="states", description=f"{number} is not a state of a task.")
            )
        found.append(State[state])
    return tuple(found)


def to_cancel_on_leave(leaving: int) -> bool:
    """Whether tasks are cancelled when their owner leaves. Raises InvalidInput for a choice that is none."""
    if leaving not in (tasks_pb2.Leaving.LEAVING_KEEP, tasks_pb2.Leaving.LEAVING_CANCEL):
        raise errors.InvalidInput.of(
            errors.FieldViolation(field="leaving", description="leaving is LEAVING_KEEP or LEAVING_CANCEL.")
        )
    return leaving == tasks_pb2.Leaving.LEAVING_CANCEL


def to_size(number: int) -> values.Size:
    """The size of an image that is asked for. Raises InvalidInput for one that does not exist."""
    try:
        return _SIZES[number]
    except KeyError as error:
        raise errors.InvalidInput.of(
            errors.FieldViolation(field="size", description=f"{number} is not a size of images.")
        ) from error


def to_task(view: values.View) -> tasks_pb2.Task:
    """A task as its owner sees it."""
    task = view.task
    return tasks_pb2.Task(
        task_id=task.task_id,
        session_id=task.session_id,
        revision=task.revision,
        state=tasks_pb2.TaskState.Value(f"TASK_STATE_{task.state.name}"),
        parameters=parameter_messages.to_imported(task.parameters)
        if task.imported_from
        else parameter_messages.to_parameters(task.parameters),
        progress=None if view.progress is None else to_progress(view.progress),
        price=task.price,
        charged=task.charged,
        images=[to_image(image) for image in task.images],
        error=None if task.failure is None else to_error(task.failure),
        created_time=to_time(task.created),
        started_time=to_time(task.started),
        finished_time=to_time(task.finished),
        duration_ms=task.duration_ms or 0,
        settled_time=to_time(task.settled),
        deleted_indexes=sorted(task.deleted),
        imported_from=task.imported_from,
        reference=task.reference,
    )


def to_progress(progress: values.Progress) -> tasks_pb2.Progress:
    """How far a task is."""
    return tasks_pb2.Progress(
        position=progress.position,
        ahead=progress.ahead,
        start_ms=progress.start_ms,
        step=progress.step,
        steps=progress.steps,
        percent=progress.percent,
        remaining_ms=progress.remaining_ms,
        preview=progress.preview,
        preview_content_type=progress.preview_content_type,
    )


def to_image(image: values.Image) -> tasks_pb2.Image:
    """A finished image."""
    return tasks_pb2.Image(
        image_id=image.image_id,
        index=image.index,
        seed=image.seed,
        width=image.width,
        height=image.height,
        content_type=image.content_type,
        bytes=image.bytes,
        sha256=image.sha256,
        created_time=to_time(image.created),
        published=image.published,
        hidden=image.hidden,
    )


def to_part(request: tasks_pb2.ImportImageRequest) -> Header | bytes:
    """What a message of an import brings: what the picture is, or a piece of it."""
    if request.WhichOneof("part") != "header":
        return request.data
    header = request.header
    return Header(request_id=header.request_id, title=header.title, imported_from=header.imported_from)


def to_upload(upload: values.Upload) -> tasks_pb2.Upload:
    """A picture somebody brought."""
    return tasks_pb2.Upload(
        upload_id=upload.upload_id,
        width=upload.width,
        height=upload.height,
        bytes=upload.bytes,
        sha256=upload.sha256,
        created_time=to_time(upload.created),
        expire_time=to_time(upload.used + KEPT_AFTER_USE),
    )


def to_error(failure: values.Failure) -> status_pb2.Status:
    """Why a task failed, with its one ErrorInfo."""
    return status.to_status(_BLAMED[failure.blame](failure.message, reason=failure.reason))


def to_time(time: dt.datetime | None) -> timestamp_pb2.Timestamp | None:
    """A time, if there is one."""
    if time is None:
        return None
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(time)
    return stamp


def to_session_update(update: Update) -> tasks_pb2.WatchSessionResponse:
    """One message of a session's stream."""
    return tasks_pb2.WatchSessionResponse(tasks=[to_task(view) for view in update.views], revision=update.revision)


def to_task_ended(event_id: str, task: values.Task) -> bytes:
    """The completion event of a task, serialised."""
    view = values.View(task=task, progress=None)
    return tasks_pb2.TaskEnded(event_id=event_id, task=to_task(view), user_id=task.user_id).SerializeToString()


def to_task_changed(change: Change, origin: str) -> tasks_pb2.TaskChanged:
    """A live change, for other replicas."""
    return tasks_pb2.TaskChanged(
        user_id=change.user_id,
        session_id=change.session_id,
        task_id=change.task_id,
        progress=None if change.progress is None else to_progress(change.progress),
        attempt=change.attempt,
        origin=origin,
        waits=change.waits,
    )


def from_task_changed(changed: tasks_pb2.TaskChanged) -> Change:
    """A live change of another replica's."""
    progress = None
    if changed.HasField("progress"):
        progress = values.Progress(
            step=changed.progress.step,
            steps=changed.progress.steps,
            remaining_ms=changed.progress.remaining_ms if changed.progress.HasField("remaining_ms") else None,
            preview=changed.progress.preview,
            preview_content_type=changed.progress.preview_content_type,
        )
    return Change(
        user_id=changed.user_id,
        session_id=changed.session_id,
        task_id=changed.task_id,
        attempt=changed.attempt,
        progress=progress,
        waits=changed.waits,
    )


def to_queue(line: Line) -> tasks_pb2.GetCapabilitiesResponse:
    """How full the queue is."""
    return tasks_pb2.GetCapabilitiesResponse(
        queued=len(line.waiting), running=len(line.running), start_ms=line.start_ms()
    )
