"""A store on a fresh SQLite file, where a test of one part needs the real thing beside it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.ledger_rows import Store, open_store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An empty ledger."""
    opened = await open_store(f"sqlite+aiosqlite:///{tmp_path}/tasks.db")
    yield opened
    await opened.engine.dispose()
