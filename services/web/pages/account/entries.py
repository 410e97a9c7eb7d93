"""Lines of the token ledger as people read them."""

import datetime as dt
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from daydream.auth.v1 import auth_pb2
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.web.backends.accounts import Visitor
from services.web.backends.ledger import Tasks

_PROMPT_CHARS: Final = 80
_WORDS: Final = {
    auth_pb2.ENTRY_KIND_SIGN_UP: "Signed up",
    auth_pb2.ENTRY_KIND_HOLD: "Pictures",
    auth_pb2.ENTRY_KIND_RETURN: "Returned",
    auth_pb2.ENTRY_KIND_GRANT: "From staff",
    auth_pb2.ENTRY_KIND_CODE: "Code redeemed",
}
# A state's word and the look of its chip; what ended well needs none.
_CHIPS: Final = {
    tasks_pb2.TASK_STATE_QUEUED: ("waiting", ""),
    tasks_pb2.TASK_STATE_RUNNING: ("running", "dd-chip-sea"),
    tasks_pb2.TASK_STATE_FAILED: ("failed", "dd-chip-danger"),
    tasks_pb2.TASK_STATE_CANCELLED: ("cancelled", ""),
}

ById = Mapping[str, tasks_pb2.Task]


def month_began(now: dt.datetime) -> dt.datetime:
    """When the month of a time in UTC began."""
    return now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def words(entry: auth_pb2.Entry) -> str:
    """What an entry is, told by itself alone."""
    if entry.kind == auth_pb2.ENTRY_KIND_GRANT and entry.amount < 0:
        return "Taken by staff"
    return _WORDS.get(entry.kind, "Entry")


async def shown(entries: Sequence[auth_pb2.Entry], tasks: Tasks, visitor: Visitor) -> list[dict[str, Any]]:
    """Entries for a page, each with what its task was and has come to."""
    known = await _tasks_of(entries, tasks, visitor)
    return [_entry(each, known.get(each.task_id)) for each in entries]


async def _tasks_of(entries: Iterable[auth_pb2.Entry], tasks: Tasks, visitor: Visitor) -> ById:
    """The tasks that entries belong to. The ledger stands without them: what cannot be read is left out."""
    try:
        return await tasks.some(visitor, {each.task_id for each in entries if each.task_id})
    except errors.DaydreamError:
        return {}


def _entry(entry: auth_pb2.Entry, task: tasks_pb2.Task | None) -> dict[str, Any]:
    # auth writes a hold once and never changes it; whether it still is one, its task knows.
    hold = entry.kind == auth_pb2.ENTRY_KIND_HOLD
    held = hold and task is not None and not task.HasField("settled_time")
    said = words(entry)
    if hold and task is not None:
        kept = held or task.charged
        said = "Held" if held or not kept else said
        if not task.session_id:
            # Only what a key asked for belongs to no session.
            said = f"{said} by API key"
    tells = held or entry.kind == auth_pb2.ENTRY_KIND_RETURN
    return {
        "words": said,
        "chip": _CHIPS.get(task.state) if task is not None and tells else None,
        "running": held and task is not None and task.state == tasks_pb2.TASK_STATE_RUNNING,
        "about": _first_words(task.parameters.prompt) if task is not None else entry.reason,
        "when": entry.created_time.ToDatetime(dt.UTC),
        "amount": entry.amount,
        "balance": entry.balance_after,
        "held": held,
    }


def _first_words(prompt: str) -> str:
    return textwrap.shorten(prompt, _PROMPT_CHARS, placeholder=" …")
