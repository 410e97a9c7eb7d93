"""auth, running on a database of each kind."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.auth import models
from tests.support.auth import RunningAuth, running_auth


@pytest.fixture(scope="module")
def module_postgres_url(new_postgres_url: Callable[[], str]) -> str:
    """One PostgreSQL database for a module: emptying it takes far less than making another."""
    return new_postgres_url()


@pytest.fixture(params=["sqlite", "postgresql"])
def auth_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, perhaps with what another test left in it."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/test.db"
    # Asked for only here, so that a run of the SQLite half alone starts no server.
    url: str = request.getfixturevalue("module_postgres_url")
    return url


@pytest.fixture
async def auth(auth_url: str, tmp_path: Path) -> AsyncIterator[RunningAuth]:
    """The real server on a socket, with nobody in its database."""
    async with running_auth(auth_url, tmp_path) as running:
        async with running.parts.engine.begin() as connection:
            for table in reversed(models.Base.metadata.sorted_tables):
                await connection.execute(sa.delete(table))
        yield running
