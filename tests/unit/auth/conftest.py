"""The domain of auth on a small SQLite database, with a clock that the test moves."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.auth import messages, models
from services.auth.accounts import Accounts
from services.auth.codes import Codes
from services.auth.keys import ApiKeys
from services.auth.passwords import Passwords
from services.auth.purse import Purse
from services.auth.sessions import Sessions
from services.auth.stores import SqlStorage
from services.auth.tokens import Signer
from services.auth.values import SignUpMode
from services.foundation import database
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    """Stands still at an hour of its own until it is moved."""
    return Clock(dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC))


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[SqlStorage]:
    """An empty database."""
    engine = database.open_engine(f"sqlite+aiosqlite:///{tmp_path}/auth.db")
    async with engine.begin() as connection:
        await connection.run_sync(models.Base.metadata.create_all)
    yield SqlStorage(engine, encode=messages.encode)
    await engine.dispose()


@pytest.fixture
def signer(clock: Clock) -> Signer:
    """Signs with a key of its own."""
    return Signer(Ed25519PrivateKey.generate(), now=clock)


@pytest.fixture
async def passwords() -> AsyncIterator[Passwords]:
    """Room for one hash at a time and one that waits."""
    made = Passwords(threads=1, waiting=1)
    yield made
    made.close()


@pytest.fixture
def sessions(storage: SqlStorage, signer: Signer, clock: Clock) -> Sessions:
    """Sessions."""
    return Sessions(storage, signer, now=clock)


@pytest.fixture
def keys(storage: SqlStorage, signer: Signer, clock: Clock) -> ApiKeys:
    """API keys."""
    return ApiKeys(storage, signer, now=clock)


@pytest.fixture
def accounts(storage: SqlStorage, passwords: Passwords, sessions: Sessions, clock: Clock) -> Accounts:
    """Accounts that start with 100 tokens."""
    return Accounts(storage, passwords, sessions, sign_up_mode=SignUpMode.OPEN, sign_up_tokens=100, now=clock)


@pytest.fixture
def purse(storage: SqlStorage, clock: Clock) -> Purse:
    """Tokens."""
    return Purse(storage, now=clock)


@pytest.fixture
def codes(storage: SqlStorage, clock: Clock) -> Codes:
    """Codes."""
    return Codes(storage, now=clock)
