"""Writers on SQLite take turns; a database that is held or gone is told apart, in one line."""

import asyncio
import contextlib
import socket
import sqlite3
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.auth import bootstrap
from services.foundation import database, migrations


async def test_writers_get_in_in_the_order_they_came(tmp_path: Path) -> None:
    engine = database.open_engine(f"sqlite+aiosqlite:///{tmp_path}/test.db")
    sessions, turn = database.make_sessions(engine), database.WritersTurn(engine)
    served: list[int] = []

    async def write(number: int) -> None:
        async with turn, sessions.begin() as session:
            await session.execute(sa.text("SELECT 1"))
            served.append(number)

    async with turn:
        writers = [asyncio.create_task(write(number)) for number in range(30)]
    await asyncio.gather(*writers)

    assert served == list(range(30))
    await engine.dispose()


async def test_sqlite_puts_the_letters_of_every_language_in_lower_case(tmp_path: Path) -> None:
    engine = database.open_engine(f"sqlite+aiosqlite:///{tmp_path}/test.db")

    async with engine.connect() as connection:
        lowered = (await connection.execute(sa.text("SELECT lower('ÜBER Ёлка'), lower(NULL), lower(7)"))).one()

    assert tuple(lowered) == ("über ёлка", None, "7")
    await engine.dispose()


async def test_a_postgresql_that_never_answers_is_given_up() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        engine = database.open_engine(f"postgresql+psycopg://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing")
        begun = time.monotonic()

        with pytest.raises(sa.exc.OperationalError) as refused:
            async with engine.connect():
                pass

    assert time.monotonic() - begun < 9
    assert "\n" not in migrations.explain(refused.value)
    await engine.dispose()


async def test_a_migration_says_that_another_holds_the_database(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "test.db")) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(sa.exc.OperationalError) as refused:
            await migrations.upgrade(f"sqlite+aiosqlite:///{tmp_path}/test.db", bootstrap.MIGRATIONS, wait_seconds=0.2)

    assert migrations.explain(refused.value).startswith("the database is in use: another migration")
