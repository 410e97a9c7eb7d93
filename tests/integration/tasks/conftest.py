"""A replica of the ledger with fakes round it, on either database."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_worker import FakeWorker
from tests.support.ledger import Studio, address
from tests.support.ledger_rows import Store, open_store


@pytest.fixture
def worker() -> FakeWorker:
    """A worker that draws at once."""
    return FakeWorker(address())


@pytest.fixture
def new_studio(database_url: str, nats_url: str, tmp_path: Path, worker: FakeWorker) -> Callable[..., Studio]:
    """Makes a studio with one worker; keywords change what is usual."""

    def make(**changes: Any) -> Studio:
        usual = {"database_url": database_url, "nats_url": nats_url, "folder": tmp_path, "workers": [worker]}
        return Studio(**{**usual, **changes})

    return make


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """An empty ledger that knows two workers."""
    opened = await open_store(database_url)
    await opened.workers.save("gpu-1", b"")
    await opened.workers.save("gpu-2", b"")
    yield opened
    await opened.engine.dispose()
