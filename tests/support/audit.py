"""Looks into both databases, the image files and the events, and says which invariants of docs/reliability.md fail.

It knows nothing of how things came about, so it serves after any fault: the fault tests and the soak both end with it.
"""

import asyncio
import hashlib
import io
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import nats
import PIL.Image
import sqlalchemy as sa
from daydream.tasks.v1 import tasks_pb2

from services.auth import models as auth_models
from services.foundation import events
from services.tasks import models as tasks_models
from services.tasks.states import State
from tests.support.system import Places

ENDED: Final = frozenset(state for state in State if state.ended)
Row = Any


@dataclass(frozen=True, kw_only=True)
class Found:
    """Everything there is."""

    users: list[Row]
    entries: list[Row]
    holds: list[Row]
    tasks: list[Row]
    images: Mapping[int, list[Row]]
    """By the inner id of their task, in order."""
    waiting: int
    settlements: list[Row]
    outbox: list[Row]


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What came of a look."""

    violations: list[str] = field(default_factory=list)
    """Each with the number of its invariant."""
    ends: Mapping[str, int] = field(default_factory=dict)
    """Tasks by state."""
    images: int = 0
    """Images delivered."""
    lost: int = 0
    """Attempts that were lost."""


def look(places: Places) -> Found:
    """Read everything."""
    auth, tasks = _engine(places.auth_url), _engine(places.tasks_url)
    images: dict[int, list[Row]] = defaultdict(list)
    try:
        with tasks.connect() as connection:
            for row in connection.execute(sa.select(tasks_models.Image.__table__).order_by(sa.column("index"))):
                images[row.task_id].append(row)
            ledger: dict[str, Any] = {
                "tasks": _all(connection, tasks_models.Task),
                "waiting": connection.execute(sa.select(tasks_models.Queue.waiting)).scalar_one(),
                "settlements": _all(connection, tasks_models.Settlement),
                "outbox": _all(connection, tasks_models.Event),
            }
        with auth.connect() as connection:
            purse: dict[str, Any] = {
                "users": _all(connection, auth_models.UserRow),
                "entries": list(
                    connection.execute(sa.select(auth_models.EntryRow.__table__).order_by(auth_models.EntryRow.id))
                ),
                "holds": _all(connection, auth_models.HoldRow),
            }
    finally:
        auth.dispose()
        tasks.dispose()
    return Found(images=images, **ledger, **purse)


def _engine(url: str) -> sa.Engine:
    # Of a snapshot, so that the rows of one table fit those of the next while the system runs.
    level = {} if url.startswith("sqlite") else {"isolation_level": "REPEATABLE READ"}
    return sa.create_engine(url.replace("+aiosqlite", ""), **level)


def _all(connection: sa.Connection, table: Any) -> list[Row]:
    return list(connection.execute(sa.select(table.__table__)))


def always(found: Found, *, slots: Mapping[str, int], limit: int) -> Iterator[str]:
    """What must be true at any moment, however many processes are dead."""
    yield from _purse(found)
    if found.waiting != sum(State(row.state).waits for row in found.tasks):
        yield f"6: the queue counts {found.waiting} that wait, which are others"
    # A task that goes back to the line needs no place: those that ran may wait beside as many as may wait at all.
    if found.waiting > limit + sum(slots.values()):
        yield f"6: {found.waiting} wait where {limit} may"
    running = Counter(row.worker for row in found.tasks if row.state == State.RUNNING)
    for worker, number in running.items():
        if number > slots.get(worker, 0):
            yield f"9: {number} leases for the {slots.get(worker, 0)} slots of {worker}"
    for row in found.tasks:
        # What its owner deleted since was delivered all the same.
        delivered = len(found.images[row.id]) + row.deleted.bit_count()
        if row.state == State.SUCCEEDED and delivered != row.samples:
            yield f"10: {row.uuid} succeeded with {delivered} of {row.samples} images"
        if row.state in ENDED and row.charged != row.price // row.samples * delivered:
            yield f"2: {row.uuid} is charged {row.charged} for {delivered} images"


def _purse(found: Found) -> Iterator[str]:
    lines: dict[str, list[Row]] = defaultdict(list)
    for entry in found.entries:
        lines[entry.user_id].append(entry)
    for user in found.users:
        balance = 0
        for entry in lines[user.uuid]:
            balance += entry.amount
            if entry.balance_after != balance or balance < 0:
                yield f"1: entry {entry.entry_id} says {entry.balance_after} where {balance} is left"
        if user.tokens != balance:
            yield f"1: {user.uuid} has {user.tokens}, the entries come to {balance}"
    by_hold = Counter((entry.hold_id, entry.kind) for entry in found.entries if entry.hold_id)
    yield from (
        f"2: {number} entries of kind {kind} for {hold}" for (hold, kind), number in by_hold.items() if number > 1
    )


def at_rest(found: Found) -> Iterator[str]:
    """What must be true besides once every task has ended and everything is delivered."""
    holds = {row.hold_id: row for row in found.holds}
    tasks = {row.uuid: row for row in found.tasks}
    yield from (f"3: {row.uuid} is {row.state}" for row in found.tasks if row.state not in ENDED)
    yield from (f"2: a settlement for {row.hold_id} waits" for row in found.settlements)
    yield from (f"11: event {row.event_id} waits" for row in found.outbox)
    for task_id, task in tasks.items():
        hold = holds.get(task_id)
        if task.imported_from is not None:
            if hold is not None or task.price:
                yield f"2: {task_id} was brought, not drawn, and is paid for"
        elif hold is None or (hold.user_id, hold.tokens, hold.charge) != (task.user_id, task.price, task.charged):
            yield f"2: the hold of {task_id} is {hold}, its price {task.price}, charged {task.charged}"
    for hold_id, hold in holds.items():
        if hold.charge is None:
            yield f"2: hold {hold_id} is open"
        elif hold_id not in tasks and hold.charge != 0:
            yield f"6: {hold_id} was never accepted and is charged {hold.charge}"


def files(found: Found, folder: Path, *, swept: bool) -> Iterator[str]:
    """What must be true of image files; once swept, that there are no others."""
    known: set[str] = set()
    for rows in found.images.values():
        for row in rows:
            known.update((row.path, *(row.path.replace(".png", f".{size}.webp") for size in ("small", "medium"))))
            path = folder / row.path
            data = path.read_bytes() if path.exists() else b""
            if hashlib.sha256(data).hexdigest() != row.sha256 or len(data) != row.bytes:
                yield f"10: {row.path} is not what its row says"
                continue
            with PIL.Image.open(io.BytesIO(data), formats=["PNG"]) as image:
                image.load()
    if swept:
        there = (path.relative_to(folder).as_posix() for path in folder.glob("*/*/*") if path.is_file())
        yield from (f"10: no row speaks of {path}" for path in there if path not in known)


async def published(found: Found, nats_url: str) -> list[str]:
    """What is wrong with the completion events that JetStream holds."""
    connection = await nats.connect(nats_url.split(","))
    wrong = []
    try:
        stream = connection.jetstream(timeout=30)
        about = await stream.stream_info(events.TASKS_STREAM, subjects_filter=f"{events.TASK_ENDED}.*")
        there = dict(about.state.subjects or {})
        # One that was imported had ended when it came: nobody waits to hear of it.
        for row in (each for each in found.tasks if each.imported_from is None):
            subject = f"{events.TASK_ENDED}.ended-{row.uuid}"
            if row.state in ENDED and there.get(subject) != 1:
                wrong.append(f"11: {there.get(subject, 0)} events say that {row.uuid} ended")
            elif row.state in ENDED:
                message = await stream.get_last_msg(events.TASKS_STREAM, subject)
                told = tasks_pb2.TaskEnded.FromString(message.data or b"").task
                if tasks_pb2.TaskState.Name(told.state) != f"TASK_STATE_{row.state}" or told.charged != row.charged:
                    wrong.append(f"11: the event of {row.uuid} says something else than the ledger")
    finally:
        await connection.close()
    return wrong


async def audit(
    places: Places,
    *,
    slots: Mapping[str, int],
    limit: int = 100,
    answered: Collection[str] = (),
    swept: bool = False,
) -> Audit:
    """Everything, for a system at rest. `slots` are those of each worker, `answered` the tasks that people know of."""
    found = await asyncio.to_thread(look, places)
    there = {row.uuid for row in found.tasks}
    violations = [
        *always(found, slots=slots, limit=limit),
        *at_rest(found),
        *(f"4: {task_id} was answered and is gone" for task_id in answered if task_id not in there),
        *await asyncio.to_thread(lambda: list(files(found, places.folder / "images", swept=swept))),
        *await published(found, places.nats_url),
    ]
    return Audit(
        violations=violations,
        ends=Counter(row.state for row in found.tasks),
        images=sum(len(rows) for rows in found.images.values()),
        lost=sum(row.lost for row in found.tasks),
    )


def settled(places: Places) -> bool:
    """Whether the system has come to rest: every task ended, every letter delivered."""
    found = look(places)
    return not found.settlements and not found.outbox and all(row.state in ENDED for row in found.tasks)
