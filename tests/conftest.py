"""The real things tests run against: PostgreSQL, NATS, Chromium, and the whole stack as `make run` starts it."""

import datetime
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.stack import Stack, temporary_data

TODAY: Final = datetime.datetime.now(tz=datetime.UTC).date().toordinal()
EVERYTHING: Final = bool(os.environ.get("DAYDREAM_TEST_ALL"))
WINDOWS: Final = ("look", "width", "height")
"""Parameters by which browser tests are repeated for another theme or window."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Small things first: what breaks a unit test is not waited for behind a browser. Twins take turns by the day."""
    order = {"unit": 0, "integration": 1, "faults": 2, "e2e": 3}
    items.sort(key=lambda item: order.get(item.path.relative_to(Path(__file__).parent).parts[0], -1))
    if EVERYTHING:
        return
    left_out = [item for item in items if not _todays(item)]
    gone = set(map(id, left_out))
    items[:] = [item for item in items if id(item) not in gone]
    config.hook.pytest_deselected(items=left_out)


def _todays(item: pytest.Item) -> bool:
    if item.get_closest_marker("rotating"):
        # By its name, so that a test which is new moves no other to another day.
        return (zlib.crc32(item.name.encode()) + TODAY) % 2 == 0
    spec = getattr(item, "callspec", None)
    if spec is None or not isinstance(item, pytest.Function) or not item.get_closest_marker("browser"):
        return True
    windows = [name for name in WINDOWS if name in spec.params]
    if not windows:
        return True
    others = sum(at for name, at in spec.indices.items() if name not in WINDOWS)
    turn: int = zlib.crc32((item.originalname or item.name).encode()) + others + spec.indices[windows[0]]
    return (turn + TODAY) % 2 == 0


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for the session."""
    server = Postgres()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def new_postgres_url(postgres: Postgres) -> Callable[[], str]:
    """Makes an empty database; gives its URL."""
    return postgres.new_url


@pytest.fixture(scope="session")
def nats_server() -> Iterator[Nats]:
    """A NATS server for the session. Tests that stop NATS start their own."""
    server = Nats()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def nats_url(nats_server: Nats) -> str:
    """Where the session's NATS listens."""
    return nats_server.url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/test.db"
    # Asked for only here, so that a run of the SQLite half alone starts no server.
    make: Callable[[], str] = request.getfixturevalue("new_postgres_url")
    return make()


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The whole stack, running, for the session."""
    with temporary_data() as data:
        running = Stack(Path(data)).wait()
        yield running
        running.stop()
