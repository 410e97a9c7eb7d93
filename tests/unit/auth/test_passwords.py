"""Hashing is argon2id as agreed, and bounded."""

import asyncio

import pytest

from services.auth.errors import TooManySignIns
from services.auth.passwords import Passwords


async def test_a_hash_is_argon2id_with_19_mib_two_passes_one_lane(passwords: Passwords) -> None:
    made = await passwords.hash("correct horse")

    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


async def test_the_right_password_alone_verifies(passwords: Passwords) -> None:
    made = await passwords.hash("pässword ☂")

    assert await passwords.verify("pässword ☂", made)
    assert not await passwords.verify("password ☂", made)
    assert not await passwords.verify("", made)
    assert not await passwords.verify("pässword ☂", None)


async def test_what_finds_no_room_is_refused_and_told_when_to_come_back(passwords: Passwords) -> None:
    results = await asyncio.gather(*(passwords.hash("correct horse") for _ in range(4)), return_exceptions=True)

    refused = [each for each in results if isinstance(each, TooManySignIns)]
    assert [isinstance(each, str) for each in results] == [True, True, False, False]
    assert all(each.retry_after == 3 for each in refused)
    assert await passwords.hash("correct horse")


async def leave_while_it_hashes(passwords: Passwords) -> None:
    """A caller whose deadline passes as soon as the hash has begun."""
    async with asyncio.timeout(0):
        await passwords.hash("correct horse")


async def test_a_caller_who_leaves_gives_the_place_back(passwords: Passwords) -> None:
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await leave_while_it_hashes(passwords)

    assert await passwords.hash("correct horse")


@pytest.mark.parametrize("length", [257, 1_000_000])
async def test_an_overlong_password_is_wrong_without_a_hash(length: int) -> None:
    nowhere = Passwords(threads=1, waiting=-1)

    assert not await nowhere.verify("x" * length, None)

    with pytest.raises(TooManySignIns):
        await nowhere.verify("x" * 256, None)
    nowhere.close()
