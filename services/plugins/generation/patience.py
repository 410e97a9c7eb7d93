"""How one drawing asks other services: with a token that is renewed, again and again while they are away."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from services.foundation import errors, logs
from services.foundation.outbox import back_off
from services.plugins.generation.ports import Grants
from services.plugins.generation.values import CannotGoOn

log = logs.logger(__name__)
T = TypeVar("T")
RENEW_SECONDS: Final = 200.0
"""A token lasts five minutes; a stream that is opened with it needs some of them."""
MOST_FAULTS: Final = 6
"""Tries of what fails by somebody's fault, rather than by being away."""
QUEUE_SECONDS: Final = 5.0
"""Between two tries where the ledger's queue is full and it does not say when to come again."""
MOST_QUEUE_SECONDS: Final = 60.0
DELEGATION_ENDED: Final = "DELEGATION_ENDED"
NOT_ANY_MORE: Final = "Nothing more can be drawn in your name: the account is gone or closed, or a day has passed."


class Patience:
    """Calls in the name of one delegation."""

    def __init__(
        self, grants: Grants, delegation: str, *, say: Callable[[str], Awaitable[None]], pause: float = 1.0
    ) -> None:
        """`say` notes why it waits, once; `pause` stretches the waits, for tests."""
        self._grants, self._delegation, self._say, self._pause = grants, delegation, say, pause
        self._token, self._since = "", float("-inf")
        self._renewing = asyncio.Lock()
        self._said: set[str] = set()

    async def call(self, ask: Callable[[str], Awaitable[T]]) -> T:
        """What `ask` gives for a token. Raises CannotGoOn with the sentence of whoever refused."""
        attempts = faults = 0
        while True:
            attempts += 1
            try:
                return await ask(await self._fresh())
            except errors.TooMuch as error:
                faults = 0
                seconds = min(MOST_QUEUE_SECONDS, error.retry_after or QUEUE_SECONDS)
                await self._say_once(f"{error.message} Waiting for a place.")
                await asyncio.sleep(seconds * self._pause)
            except errors.Unavailable as error:
                await self._say_once(f"{error.message} Waiting.")
                await asyncio.sleep(back_off(attempts) * self._pause)
            except (errors.NotAuthenticated, errors.Unexpected) as error:
                if error.detail_reason == DELEGATION_ENDED:
                    raise CannotGoOn(NOT_ANY_MORE) from error
                # A token that was over sooner than thought, or that was signed with a key of yesterday.
                self._since = float("-inf")
                faults += 1
                if faults >= MOST_FAULTS:
                    raise CannotGoOn(error.message) from error
                log.warning("asked again", reason=error.detail_reason, detail=error.cause_detail)
                await asyncio.sleep(back_off(faults) * self._pause)
            except errors.DaydreamError as error:
                raise CannotGoOn(error.message) from error

    def renew(self) -> None:
        """Ask for a new token before the next call."""
        self._since = float("-inf")

    async def _fresh(self) -> str:
        async with self._renewing:
            if time.monotonic() - self._since >= RENEW_SECONDS:
                self._token = await self._grants.issue_delegated_token(self._delegation)
                self._since = time.monotonic()
            return self._token

    async def _say_once(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            await self._say(sentence)
