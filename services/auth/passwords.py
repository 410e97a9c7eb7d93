"""Password hashes: argon2id with 19 MiB, two passes, one lane, in a few threads of their own.

Hashing is slow on purpose, so a flood of sign-ins could take the whole machine. It is therefore bounded twice: by the
threads that hash and by how many may wait for them.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

import argon2

from services.auth.errors import TooManySignIns
from services.auth.fields import PASSWORD_CHARACTERS

T = TypeVar("T")

MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1
RETRY_SECONDS: Final = 3.0


class Passwords:
    """Makes and checks password hashes off the event loop."""

    def __init__(self, *, threads: int, waiting: int) -> None:
        """`threads` hash at once, `waiting` more may queue up; the next is refused with TooManySignIns."""
        self._hasher = argon2.PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._executor = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="argon2")
        self._room = threads + waiting
        self._nobodys_hash = self._hasher.hash(secrets.token_urlsafe(16))

    async def hash(self, password: str) -> str:
        """The hash to keep."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password is the one. None, for an account that does not exist, takes as long and is False."""
        if len(password) > PASSWORD_CHARACTERS[1]:
            # No account has such a password, so the quick answer tells nobody anything.
            return False
        matches = await self._run(lambda: self._matches(password, password_hash or self._nobodys_hash))
        return matches and password_hash is not None

    def close(self) -> None:
        """Drop what waits and end the threads."""
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _matches(self, password: str, password_hash: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except argon2.exceptions.VerifyMismatchError:
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._room <= 0:
            raise TooManySignIns(retry_after=RETRY_SECONDS)
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        finally:
            self._room += 1
