"""Systems of real processes to break. `make test-faults` runs them all; `make test` some of them, others each day.

Those marked `patient` wait for what takes half a minute to be noticed, and run in `make test-faults` alone.
"""

import datetime
import os
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.nats import Nats
from tests.support.system import Places, System, running

SHARES: Final = 8
TODAY: Final = datetime.datetime.now(tz=datetime.UTC).date().toordinal() % SHARES
EVERYTHING: Final = bool(os.environ.get("DAYDREAM_TEST_ALL"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not today's, unless everything is asked for."""
    if EVERYTHING:
        return
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    left_out = [item for item in here if item.get_closest_marker("patient") or not _todays(item)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def _todays(item: pytest.Item) -> bool:
    # By its name, so that a test which is new moves no other to another day.
    return zlib.crc32(item.name.encode()) % SHARES == TODAY


@pytest.fixture
def own_nats() -> Iterator[Nats]:
    """A NATS server that a test may kill."""
    server = Nats()
    yield server
    server.remove()


@pytest.fixture
def places(request: pytest.FixtureRequest, database_url: str, tmp_path: Path, own_nats: Nats) -> Places:
    """Databases of either kind, and a NATS and a folder of the test's own."""
    auth_url = f"sqlite+aiosqlite:///{tmp_path}/auth.db"
    if database_url.startswith("postgresql"):
        auth_url = request.getfixturevalue("new_postgres_url")()
    return Places(auth_url=auth_url, tasks_url=database_url, nats_url=own_nats.url, folder=tmp_path)


NewSystem = Callable[..., Any]


@pytest.fixture
def new_system(places: Places) -> NewSystem:
    """Makes a running system: `async with new_system(replicas=2) as system`."""

    @asynccontextmanager
    async def make(**changes: Any) -> AsyncIterator[System]:
        async with running(System(places, **changes)) as system:
            yield system

    return make
