"""The real things tests run against: PostgreSQL, NATS, Chromium, and the whole stack as `make run` starts it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.stack import Stack, temporary_data


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Small things first: what breaks a unit test is not waited for behind a browser."""
    order = {"unit": 0, "integration": 1, "faults": 2, "e2e": 3}
    items.sort(key=lambda item: order.get(item.path.relative_to(Path(__file__).parent).parts[0], -1))


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
