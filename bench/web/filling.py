"""Databases as they are after years of one busy person: written straight into the tables, which takes seconds."""

import datetime as dt
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from services.auth import models as auth_models
from services.auth.values import EntryKind
from services.tasks import models
from services.tasks.states import State

SAMPLES: Final = 4
PUBLISHED_EVERY: Final = 10
"""One image of so many hangs in the gallery."""
_AT_ONCE: Final = 500
_PROMPTS: Final = (
    "a red house under a yellow sun",
    "a white boat on the sea at night with a moon, mountains behind and a lighthouse on the right",
    "three yellow stars on a black background",
    "a purple cottage and a tree in the snow by day, mountains behind",
)


async def ledger(url: str, *, user_id: str, session_id: str, count: int) -> None:
    """Write `count` tasks of one person's session, all drawn, each with its images, some of those in the gallery."""
    begun = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=60 * count)
    rows: dict[Any, list[dict[str, Any]]] = {models.Task: [], models.Image: [], models.GalleryEntry: []}
    for number in range(1, count + 1):
        date = begun + dt.timedelta(seconds=60 * number)
        rows[models.Task].append(_task(number, date, user_id=user_id, session_id=session_id))
        for index in range(SAMPLES):
            image_id = (number - 1) * SAMPLES + index + 1
            sha256 = f"{image_id:064x}"
            rows[models.Image].append(
                {
                    "id": image_id, "task_id": number, "index": index, "path": f"bench/{image_id}.png",
                    "uuid": f"bench-image-{image_id}", "seed": number + index, "width": 256, "height": 256,
                    "bytes": 100_000, "sha256": sha256, "date": date,
                }
            )  # fmt: skip
            if image_id % PUBLISHED_EVERY == 0:
                rows[models.GalleryEntry].append(
                    {"uuid": f"bench-gallery-{image_id}", "image_id": image_id, "sha256": sha256, "published": date}
                )
    rows[models.Owner] = [{"user_id": user_id, "revision": count}]
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        for table, values in rows.items():
            await _insert(connection, table, values)
        if connection.dialect.name == "postgresql":
            # Rows that brought their own numbers must not meet those that are numbered by the database.
            for table in (models.Task, models.Image):
                sequence = sa.func.pg_get_serial_sequence(table.__tablename__, "id")
                highest = sa.select(sa.func.max(table.id)).scalar_subquery()
                await connection.execute(sa.select(sa.func.setval(sequence, highest)))
    await engine.dispose()


def _task(number: int, date: dt.datetime, *, user_id: str, session_id: str) -> dict[str, Any]:
    return {
        "id": number, "uuid": task_id(number), "user_id": user_id, "sessionid": session_id,
        "request_id": f"bench-{number}", "digest": f"{number:064x}", "prompt": _PROMPTS[number % len(_PROMPTS)],
        "negative_prompt": "fog" if number % 2 else "", "model": "mini", "sampler": "DDIM", "imgw": 256, "imgh": 256,
        "samples": SAMPLES, "steps": 20, "guide": 2.5, "seed": number, "state": State.SUCCEEDED.value,
        "price": SAMPLES, "charged": SAMPLES, "place": number, "revision": number, "attempt": 1,
        "step": 20 * SAMPLES, "steps_total": 20 * SAMPLES, "date": date, "started": date + dt.timedelta(seconds=1),
        "finished": date + dt.timedelta(seconds=9), "timer": 8_000, "settled": date + dt.timedelta(seconds=9),
        "from_studio": True,
    }  # fmt: skip


def task_id(number: int) -> str:
    """The id of the nth task."""
    return f"bench-task-{number}"


async def purse(url: str, *, user_id: str, count: int) -> None:
    """Write what auth keeps of as many tasks: a hold that was charged, and its line of the ledger."""
    begun = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=60 * count)
    engine = create_async_engine(url)
    users, holds, lines = auth_models.UserRow, auth_models.HoldRow, auth_models.EntryRow
    async with engine.begin() as connection:
        tokens = (await connection.execute(sa.select(users.tokens).where(users.uuid == user_id))).scalar_one()
        await _insert(connection, holds, [
            {
                "hold_id": task_id(number), "user_id": user_id, "tokens": SAMPLES, "charge": SAMPLES,
                "reason": f"{SAMPLES} pictures", "created_time": begun + dt.timedelta(seconds=60 * number),
                "settled_time": begun + dt.timedelta(seconds=60 * number + 9),
            }
            for number in range(1, count + 1)
        ])  # fmt: skip
        await _insert(connection, lines, [
            {
                "entry_id": f"bench-entry-{number}", "user_id": user_id, "kind": EntryKind.HOLD.value,
                "amount": -SAMPLES, "balance_after": tokens - SAMPLES * number, "hold_id": task_id(number),
                "reason": f"{SAMPLES} pictures", "created_time": begun + dt.timedelta(seconds=60 * number),
            }
            for number in range(1, count + 1)
        ])  # fmt: skip
        spent = sa.update(users).where(users.uuid == user_id).values(tokens=tokens - SAMPLES * count)
        await connection.execute(spent)
    await engine.dispose()


async def _insert(connection: AsyncConnection, table: Any, values: list[dict[str, Any]]) -> None:
    for at in range(0, len(values), _AT_ONCE):
        await connection.execute(sa.insert(table.__table__), values[at : at + _AT_ONCE])
