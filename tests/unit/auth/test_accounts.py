"""Sessions that end with time, and sign-ins that meet a full hasher or a new password."""

import asyncio
import contextlib
import datetime as dt
import sqlite3
import traceback
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from services.auth import messages
from services.auth.accounts import Accounts
from services.auth.errors import SessionEnded, TooManySignIns, UnknownApiKey, WrongCredentials
from services.auth.keys import ApiKeys
from services.auth.passwords import Passwords
from services.auth.purse import Purse
from services.auth.sessions import Sessions
from services.auth.storage import Conflict, Storage, Work
from services.auth.stores import SqlStorage
from services.auth.tokens import Signer
from services.auth.values import Opened, SignUpMode
from services.foundation import database, errors
from services.foundation.identity import Caller, Role, Scope
from tests.support.clock import Clock

PASSWORD = "correct horse battery"


async def sign_up(accounts: Accounts) -> Opened:
    """Ada, signed in."""
    return await accounts.sign_up(email="ada@example.org", password=PASSWORD, username="", user_agent="")


async def sign_in(accounts: Accounts, *, email: str = "ada@example.org", password: str = PASSWORD) -> Opened:
    """Ada in another browser."""
    return await accounts.sign_in(email=email, password=password, stay_signed_in=False, user_agent="")


def caller_of(opened: Opened) -> Caller:
    """Who calls with the session's token."""
    return Caller(
        subject=opened.user.user_id,
        role=Role.USER,
        session_id=opened.session.session_id,
        scopes=frozenset({Scope.GENERATE, Scope.READ}),
    )


async def test_a_session_resolves_until_its_last_moment(accounts: Accounts, sessions: Sessions, clock: Clock) -> None:
    opened = await sign_up(accounts)

    clock.move(hours=12, seconds=-1)
    resolved = await sessions.resolve(opened.secret)

    assert resolved.session.last_seen_time == clock()
    clock.move(seconds=1)
    with pytest.raises(SessionEnded):
        await sessions.resolve(opened.secret)


class FullDisk:
    """A database that can still be read."""

    def __init__(self, storage: Storage) -> None:
        self.read = storage.read

    def write(self) -> AbstractAsyncContextManager[Work]:
        raise errors.Unavailable


async def test_who_calls_is_told_although_the_disk_is_full(
    accounts: Accounts, storage: SqlStorage, signer: Signer, clock: Clock
) -> None:
    opened = await sign_up(accounts)
    _, key = await ApiKeys(storage, signer, now=clock).create(caller_of(opened), name="mine", scopes=())
    full = FullDisk(storage)
    clock.move(minutes=5)

    by_session = await Sessions(full, signer, now=clock).resolve(opened.secret)
    by_key = await ApiKeys(full, signer, now=clock).resolve(key)

    assert by_session.user == by_key.user == opened.user
    assert by_session.session.last_seen_time == opened.session.last_seen_time
    assert by_key.key.last_used_time is None


async def test_who_calls_is_told_while_another_program_holds_the_database(
    accounts: Accounts, sessions: Sessions, clock: Clock, tmp_path: Path
) -> None:
    opened = await sign_up(accounts)
    clock.move(minutes=5)

    with contextlib.closing(sqlite3.connect(tmp_path / "auth.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(5):
            resolved = await sessions.resolve(opened.secret)

    assert resolved.session.last_seen_time == opened.session.last_seen_time


async def test_writes_come_in_the_order_they_were_asked_for(storage: SqlStorage) -> None:
    served: list[int] = []

    async def write(number: int) -> None:
        async with storage.write() as work:
            await work.users.get("nobody")
            served.append(number)

    async with storage.write():
        writers = [asyncio.create_task(write(number)) for number in range(30)]
        await asyncio.sleep(0)
    await asyncio.gather(*writers)

    assert served == list(range(30))


async def test_an_expired_session_is_not_listed_and_counts_as_ended_already(
    accounts: Accounts, sessions: Sessions, clock: Clock
) -> None:
    await sign_up(accounts)
    clock.move(hours=6)
    await sign_in(accounts)
    opened = await sign_in(accounts)
    clock.move(hours=7)

    listed = await sessions.listing(caller_of(opened), page_size=0, page_token="")
    ended = await accounts.change_password(caller_of(opened), current=PASSWORD, new="a better password")

    assert len(listed.items) == 2
    assert ended == 1


async def test_an_expired_session_makes_no_key(accounts: Accounts, keys: ApiKeys, clock: Clock) -> None:
    opened = await sign_up(accounts)
    clock.move(hours=12)

    with pytest.raises(SessionEnded):
        await keys.create(caller_of(opened), name="mine", scopes=())


async def test_an_identity_token_ends_five_minutes_after_it_was_given(accounts: Accounts, clock: Clock) -> None:
    opened = await sign_up(accounts)

    assert opened.identity_token.expire_time == clock() + dt.timedelta(minutes=5)


@pytest.fixture
def flooded(storage: SqlStorage, sessions: Sessions, clock: Clock) -> Iterator[Accounts]:
    """The same accounts behind a hasher that has no room."""
    full = Passwords(threads=1, waiting=-1)
    yield Accounts(storage, full, sessions, sign_up_mode=SignUpMode.OPEN, sign_up_tokens=100, now=clock)
    full.close()


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org", "not an address"])
async def test_every_email_known_or_not_costs_a_place_at_the_hasher(
    accounts: Accounts, flooded: Accounts, email: str
) -> None:
    await sign_up(accounts)

    with pytest.raises(TooManySignIns):
        await sign_in(flooded, email=email)


async def test_an_overlong_password_never_reaches_the_hasher(accounts: Accounts, flooded: Accounts) -> None:
    await sign_up(accounts)

    with pytest.raises(WrongCredentials):
        await sign_in(flooded, password="x" * 1_000_000)

    with pytest.raises(errors.InvalidInput):
        await flooded.sign_up(email="eve@example.org", password="x" * 1_000_000, username="", user_agent="")


async def test_a_password_changed_while_it_was_checked_signs_nobody_in(
    accounts: Accounts, storage: SqlStorage, sessions: Sessions
) -> None:
    opened = await sign_up(accounts)
    async with storage.read() as work:
        checked = await work.users.credentials(email="ada@example.org")
    assert checked is not None
    await accounts.change_password(caller_of(opened), current=PASSWORD, new="a better password")

    async with storage.write() as work:
        noted = await work.users.note_session(
            opened.user.user_id, password_hash=checked.password_hash, session_id="another"
        )

    assert noted is None
    assert (await sessions.resolve(opened.secret)).user.latest_session_id == opened.session.session_id


async def test_a_demoted_person_keeps_no_staff_scope_in_old_keys(
    accounts: Accounts, keys: ApiKeys, storage: Storage
) -> None:
    user, secret = await accounts.create_staff(
        email="staff@daydream.local", password=PASSWORD, tokens=0, key_name="first run"
    )

    async with storage.write() as work:
        await work.users.change(user.user_id, {"role": Role.USER.value})
    resolved = await keys.resolve(secret)

    assert resolved.user.role is Role.USER
    assert "admin" not in resolved.identity_token.token


async def test_a_key_without_its_start_is_unknown(accounts: Accounts, keys: ApiKeys) -> None:
    opened = await sign_up(accounts)
    _, secret = await keys.create(caller_of(opened), name="mine", scopes=())

    with pytest.raises(UnknownApiKey):
        await keys.resolve(secret.removeprefix("dd_"))


async def test_what_the_database_complains_of_holds_no_hash(accounts: Accounts, storage: SqlStorage) -> None:
    opened = await sign_up(accounts)
    # A traceback quotes the source, so the source must not quote the hash where it is passed on.
    password_hash = "a-hash-of-a-password"

    with pytest.raises(Conflict) as refused:
        await add_again(storage, opened, password_hash)

    assert password_hash not in "".join(traceback.format_exception(refused.value))


async def add_again(storage: SqlStorage, opened: Opened, password_hash: str) -> None:
    """Write the account once more."""
    async with storage.write() as work:
        await work.users.add(opened.user, password_hash)


async def test_a_database_that_does_not_answer_is_unavailable() -> None:
    engine = database.open_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    purse = Purse(SqlStorage(engine, encode=messages.encode), now=database.utc_now)

    with pytest.raises(errors.Unavailable):
        await purse.hold(hold_id="task-1", user_id="ada", tokens=1, reason="")

    await engine.dispose()
