"""The audit that every fault test ends with finds nothing in a sound system, and what is wrong in one that is not."""

import asyncio
import datetime as dt
import hashlib
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.auth import bootstrap as auth_bootstrap
from services.foundation import migrations
from services.tasks.states import State
from tests.support.audit import always, at_rest, files, look
from tests.support.fake_worker import png
from tests.support.ledger_rows import claim, new_image, open_store
from tests.support.system import Places

AUTH_ROWS = """
INSERT INTO users (uuid, session_id, email, mobile, password_hash, tokens, username, first_name, last_name, role, state,
  subscription, created_time) VALUES ('ada', 's', 'ada@example.org', '', 'x', 98, '', '', '', 'user', 1, 0, :time);
INSERT INTO holds (hold_id, user_id, tokens, charge, reason, created_time) VALUES (:task, 'ada', 2, 2, '', :time);
INSERT INTO entries (entry_id, user_id, kind, amount, balance_after, reason, created_time)
  VALUES ('one', 'ada', 'sign_up', 100, 100, '', :time);
INSERT INTO entries (entry_id, user_id, kind, amount, balance_after, hold_id, reason, created_time)
  VALUES ('two', 'ada', 'hold', -2, 98, :task, '', :time)
"""
SLOTS = {"gpu-1": 1}


async def sound(places: Places) -> None:
    """A task of two images that succeeded and was settled, in both databases and the folder."""
    await migrations.upgrade(places.auth_url, auth_bootstrap.MIGRATIONS)
    store = await open_store(places.tasks_url)
    await store.workers.save("gpu-1", b"")
    task_id = await store.queued()
    lease = await claim(store)
    for index in range(2):
        data, image = png(index, 64, 64), new_image(index)
        path = places.folder / "images" / image.path
        await asyncio.to_thread(path.parent.mkdir, parents=True)
        await asyncio.to_thread(path.write_bytes, data)
        await store.leases().deliver(
            lease, type(image)(**{**vars(image), "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        )
    await store.leases().end(lease, State.SUCCEEDED)
    await store.outbox.settled(task_id)
    await store.outbox.published(f"ended-{task_id}")
    await store.engine.dispose()
    engine = sa.create_engine(places.auth_url.replace("+aiosqlite", ""))
    with engine.begin() as connection:
        for statement in AUTH_ROWS.split(";"):
            names = {name for name in ("task", "time") if f":{name}" in statement}
            values = {"task": task_id, "time": dt.datetime.now(dt.UTC).isoformat(" ")}
            connection.execute(sa.text(statement), {name: values[name] for name in names})
    engine.dispose()


def found_in(places: Places) -> set[str]:
    """The numbers of the invariants that do not hold."""
    found = look(places)
    folder = places.folder / "images"
    wrong = [*always(found, slots=SLOTS, limit=1), *at_rest(found), *files(found, folder, swept=True)]
    return {each.partition(":")[0] for each in wrong}


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A sound system of one task."""
    made = Places(
        auth_url=f"sqlite+aiosqlite:///{tmp_path}/auth.db",
        tasks_url=f"sqlite+aiosqlite:///{tmp_path}/tasks.db",
        nats_url="",
        folder=tmp_path,
    )
    asyncio.run(sound(made))
    return made


def test_in_a_sound_system_nothing_is_found(places: Places) -> None:
    assert found_in(places) == set()


def test_what_was_brought_needs_no_hold_and_must_have_none(places: Places) -> None:
    brought = "UPDATE task SET imported_from = 'image-resize', price = 0, charged = 0"
    with sqlite3.connect(places.folder / "tasks.db") as connection:
        connection.execute(brought)
    paid = found_in(places)
    with sqlite3.connect(places.folder / "auth.db") as connection:
        connection.execute("DELETE FROM holds")

    unpaid = found_in(places)

    assert (paid, unpaid) == ({"2"}, set())


@pytest.mark.parametrize(
    ("database", "statement", "invariant"),
    [
        ("auth", "UPDATE users SET tokens = 99", "1"),
        ("auth", "UPDATE entries SET balance_after = 97 WHERE entry_id = 'two'", "1"),
        ("auth", "UPDATE holds SET charge = NULL", "2"),
        ("auth", "UPDATE holds SET charge = 1", "2"),
        ("auth", "DELETE FROM holds", "2"),
        ("tasks", "UPDATE task SET charged = 1", "2"),
        ("tasks", "UPDATE task SET state = 'QUEUED'", "3"),
        ("tasks", "UPDATE queue SET waiting = 1", "6"),
        ("tasks", "UPDATE task SET state = 'RUNNING', worker = 'gpu-2'", "9"),
        ("tasks", 'DELETE FROM image WHERE "index" = 1', "10"),
        ("tasks", "UPDATE image SET sha256 = 'other'", "10"),
        ("tasks", "INSERT INTO outbox (event_id, payload, attempts, due) VALUES ('e', 'x', 0, '2026-01-01')", "11"),
    ],
)
def test_what_is_wrong_is_found(places: Places, database: str, statement: str, invariant: str) -> None:
    with sqlite3.connect(places.folder / f"{database}.db") as connection:
        connection.execute(statement)

    assert invariant in found_in(places)


def test_a_file_that_is_gone_cut_or_nobodys_is_found(places: Places) -> None:
    image = next(iter((places.folder / "images").glob("*/*/*.png")))
    data = image.read_bytes()
    found = []

    for spoil in (image.unlink, lambda: image.write_bytes(data[:-1]), lambda: image.with_name("9-1.png").touch()):
        spoil()
        found.append(found_in(places))
        image.write_bytes(data)

    assert found == [{"10"}] * 3
