"""The real things tests run against: PostgreSQL, NATS, Chromium, and the whole stack as `make run` starts it."""

import datetime
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest
import structlog
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.support.nats import Nats
from tests.support.postgres import Postgres
from tests.support.stack import Stack, temporary_data

# What a service reports of an exception would be drawn with every local variable of every frame, which keeps the event
# loop of a test busy for seconds, on a slow machine for a minute: locks and leases that others wait for end meanwhile.
structlog.dev.ConsoleRenderer.get_active().exception_formatter = structlog.dev.plain_traceback

TODAY: Final = datetime.datetime.now(tz=datetime.UTC).date().toordinal()
EVERYTHING: Final = bool(os.environ.get("DAYDREAM_TEST_ALL"))
WINDOWS: Final = frozenset({"look", "width", "height"})
"""Parameters by which tests are repeated for another theme or window."""
DATABASES: Final = ("sqlite", "postgresql")
"""Values by which tests are repeated for another kind of database."""


class OneStack(LoadFileScheduling):  # type: ignore[misc]
    """Gives each file to one process, and every file whose tests use the whole stack to the same one."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        """Reads the test files, as the process that gives out the tests does not import them."""
        super().__init__(config, log)
        files = Path(__file__).parent.rglob("test_*.py")
        asks = re.compile(r"^(async )?def test_\w+\([^)]*\bstack: Stack", re.MULTILINE)
        self._with_stack = {str(each.relative_to(config.rootpath)) for each in files if asks.search(each.read_text())}

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "the whole stack" if file in self._with_stack else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneStack:
    """Starting the stack takes longer than most of what is done with it."""
    return OneStack(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Small things first: what breaks a unit test is not waited for behind a browser. Twins take turns by the day."""
    order = {"unit": 0, "integration": 2, "faults": 3, "e2e": 4}

    def rank(item: pytest.Item) -> int:
        # The longest first of what waits for other processes, so that nobody waits for it alone at the end.
        with_stack = "stack" in getattr(item, "fixturenames", ())
        return 1 if with_stack else order.get(item.path.relative_to(Path(__file__).parent).parts[0], -1)

    items.sort(key=rank)
    if EVERYTHING:
        return
    todays = set(map(id, _todays(items)))
    left_out = [item for item in items if id(item) not in todays]
    items[:] = [item for item in items if id(item) in todays]
    config.hook.pytest_deselected(items=left_out)


def _todays(items: Sequence[pytest.Item]) -> Iterator[pytest.Item]:
    families: dict[tuple[object, ...], list[pytest.Item]] = {}
    taken: Counter[tuple[Path, str]] = Counter()
    for item in items:
        params = _params(item)
        others = tuple((name, id(value)) for name, value in params.items() if not _is_twin(name, value))
        alone = others if len(others) < len(params) else (id(item),)
        families.setdefault((item.path, getattr(item, "originalname", item.name), alone), []).append(item)
    for number, twins in enumerate(families.values()):
        # Of what is alike but for window or database, one is run a day; of one file all with the same database, as
        # its tests may share a server.
        windows = any(name in WINDOWS for name in _params(twins[0]))
        turn = number if windows else zlib.crc32(twins[0].path.name.encode())
        item = twins[(turn + TODAY) % len(twins)]
        # By its name, so that a test which is new moves no other to another day; cases of one test one after the other,
        # and so slowly that in its time each twin comes in each window.
        marker = item.get_closest_marker("rotating")
        days = (*marker.args, 2)[0] if marker is not None else 1
        name = getattr(item, "originalname", item.name)
        of_function = taken[item.path, name]
        taken[item.path, name] += 1
        if (zlib.crc32(name.encode()) + of_function + TODAY // len(twins) ** 2) % days == 0:
            yield item


def _is_twin(name: str, value: object) -> bool:
    return name in WINDOWS or value in DATABASES


def _params(item: pytest.Item) -> dict[str, object]:
    return dict(getattr(getattr(item, "callspec", None), "params", {}))


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


@pytest.fixture(params=DATABASES)
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
