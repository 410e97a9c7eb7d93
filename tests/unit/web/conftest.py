"""A gateway before made-up backends."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support import gateway


@pytest_asyncio.fixture
async def site() -> AsyncIterator[gateway.Site]:
    """The app without a socket."""
    async with gateway.in_process() as running:
        yield running


@pytest_asyncio.fixture
async def served() -> AsyncIterator[gateway.Served]:
    """The app behind a real socket: for streams and for what only bytes on a wire can show."""
    async with gateway.served() as running:
        yield running
