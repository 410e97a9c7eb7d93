"""The machine in the words of the pages for staff: tasks in line, workers, and how long things take.

Pages and the live line say the same, so both take it from here. Decides nothing.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

from daydream.tasks.v1 import admin_pb2, tasks_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.web.present import ENDED

STATES: Final = {
    "waiting": tasks_pb2.TASK_STATE_QUEUED,
    "running": tasks_pb2.TASK_STATE_RUNNING,
    "done": tasks_pb2.TASK_STATE_SUCCEEDED,
    "failed": tasks_pb2.TASK_STATE_FAILED,
    "cancelled": tasks_pb2.TASK_STATE_CANCELLED,
}
"""What a state is called in an address and on a page."""
_WORDS: Final = {number: word for word, number in STATES.items()}
_LOOKS: Final = {
    "running": "dd-chip-sea",
    "done": "dd-chip-ok",
    "failed": "dd-chip-danger",
    "cancelled": "dd-chip-warn",
}
_GIGABYTE: Final = 1_000_000_000

Names = Mapping[str, str]
"""Address by id; whose account is gone is not there."""


def span(seconds: float) -> str:
    """How long something takes, in one figure, as the studio's scripts say it."""
    if seconds < 0.95:
        return "under 1 s"
    if seconds < 90:
        return f"{round(seconds)} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    hours = round(seconds / 3600)
    return f"{hours} h" if hours < 48 else f"{round(hours / 24)} days"


def in_line(queued: int, running: int) -> str:
    """How many tasks there are."""
    return f"{running} running, {queued} waiting"


def task(owned: admin_pb2.OwnedTask, names: Names) -> dict[str, Any]:
    """A task as lists and the question before it is cancelled show it."""
    value = owned.task
    word = _WORDS.get(value.state, "waiting")
    ended = value.state in ENDED
    return {
        "id": value.task_id,
        "prompt": value.parameters.prompt,
        "owner_id": owned.user_id,
        "owner": names.get(owned.user_id, ""),
        # Spelled here, as the live line is rendered beside Flask.
        "person": f"/admin/users/{owned.user_id}",
        "cancel": f"/admin/queue/{value.task_id}/cancel",
        "state": word,
        "look": _LOOKS.get(word, ""),
        "ended": ended,
        "images": len(value.images),
        "samples": value.parameters.samples,
        "price": value.price,
        "charged": value.charged,
        "created": value.created_time.ToDatetime(dt.UTC),
    }


def row(owned: admin_pb2.OwnedTask, names: Names) -> dict[str, Any]:
    """A task that waits or runs, as a row of the queue."""
    value = owned.task
    running = value.state == tasks_pb2.TASK_STATE_RUNNING
    progress = value.progress
    return {
        **task(owned, names),
        "running": running,
        "tells": _running(owned) if running else _waiting(progress),
        "percent": progress.percent,
        # Those that run stand first, in the order they came; the others by their place.
        "at": f"0-{value.created_time.ToNanoseconds():020}" if running else f"1-{progress.position:010}",
    }


def _running(owned: admin_pb2.OwnedTask) -> str:
    progress = owned.task.progress
    said = [f"step {progress.step} of {progress.steps}" if progress.steps else "just taken"]
    if progress.HasField("remaining_ms"):
        said.append(f"{span(progress.remaining_ms / 1000)} left")
    if owned.worker:
        said.append(f"on {owned.worker}")
    return ", ".join(said)


def _waiting(progress: tasks_pb2.Progress) -> str:
    place = "next" if progress.position <= 1 else f"{_ordinal(progress.position)} in line"
    return f"{place}, in {span(progress.start_ms / 1000)}" if progress.HasField("start_ms") else place


def _ordinal(number: int) -> str:
    ending = "th" if number // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def ready(workers: Iterable[admin_pb2.Worker]) -> dict[str, str]:
    """How many workers answer, as a chip says it."""
    known = list(workers)
    answering = sum(each.answers for each in known)
    look = "dd-chip-ok" if answering == len(known) else "dd-chip-warn"
    return {"words": f"{answering} of {len(known)} ready", "look": look if answering else "dd-chip-danger"}


def worker(value: admin_pb2.Worker, now: dt.datetime) -> dict[str, Any]:
    """A worker as its card shows it."""
    seen, started = _moment(value, "seen_time"), _moment(value, "started_time")
    return {
        "name": value.target,
        "answers": value.answers,
        "known": bool(value.worker_id),
        "pace": f"{value.steps_per_second:.1f} steps/s" if value.steps_per_second else "",
        "held": len(value.task_ids),
        "slots": value.slots,
        "memory_used": value.memory_used,
        "memory_total": value.memory_total,
        "memory": _of(value.memory_used, value.memory_total) if value.memory_total else "",
        "models": ", ".join(value.models),
        "device": value.device,
        "started": started,
        "up": span((now - started).total_seconds()) if started else "",
        "seen": seen,
        "silent": span((now - seen).total_seconds()) if seen else "",
        "fate": fate(value.fate) if value.HasField("fate") else "",
    }


def _moment(value: admin_pb2.Worker, field: Any) -> dt.datetime | None:
    stamp: Timestamp = getattr(value, field)
    return stamp.ToDatetime(dt.UTC) if value.HasField(field) else None


def _of(used: int, total: int) -> str:
    return f"{used / _GIGABYTE:.1f} of {_rounded(total / _GIGABYTE)} GB"


def _rounded(gigabytes: float) -> str:
    return f"{gigabytes:.0f}" if gigabytes >= 10 else f"{gigabytes:.1f}".removesuffix(".0")


def fate(value: admin_pb2.Fate) -> str:
    """What became of the tasks that a silent worker held."""
    ends = (
        (value.waiting, "went back to the queue"),
        (value.running, "went on elsewhere"),
        (value.succeeded, "went on elsewhere and got done"),
        (value.failed, "failed"),
        (value.cancelled, "was cancelled" if value.cancelled == 1 else "were cancelled"),
    )
    told = [(number, words) for number, words in ends if number]
    total = sum(number for number, _ in told)
    whole = "Its task" if total == 1 else f"Its {total} tasks"
    if len(told) == 1:
        return f"{whole} {told[0][1]}."
    return f"Of its {total} tasks, " + ", ".join(f"{number} {words}" for number, words in told) + "."
