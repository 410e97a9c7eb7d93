"""What auth says of people, acted on: a session is over, an account is gone. Each event has its effect once."""

import datetime as dt
from collections.abc import Callable
from typing import Final, Protocol

from services.foundation import logs
from services.foundation.outbox import back_off

log = logs.logger(__name__)
TOKENS_OUTLIVE: Final = dt.timedelta(minutes=6)
"""Identity tokens are believed for five minutes, so for so long may somebody still act who has no account any more."""


class Erasing(Protocol):
    """Removes what a person has here."""

    async def erase(self, user_id: str) -> bool:
        """Whether nothing of theirs is left; else it is to be called again later. Repeats do no harm."""
        ...


class Inbox(Protocol):
    """Events that were acted on; `store.inbox.Inbox` says what each call does."""

    async def knows(self, event_id: str) -> bool: ...
    async def end_session(self, event_id: str, *, user_id: str, session_id: str) -> bool: ...
    async def note(self, event_id: str) -> None: ...


class Accounts:
    """Acts on auth's events."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        erasing: Erasing,
        somebody_left: Callable[[], None],
        now: Callable[[], dt.datetime],
        tokens_outlive: dt.timedelta = TOKENS_OUTLIVE,
    ) -> None:
        """`somebody_left` hears of sessions that are over; `now` is the clock, aware."""
        self._inbox = inbox
        self._erasing = erasing
        self._somebody_left = somebody_left
        self._now = now
        self._tokens_outlive = tokens_outlive

    async def session_ended(self, event_id: str, *, user_id: str, session_id: str) -> None:
        """Whoever was present in the session has left."""
        if await self._inbox.end_session(event_id, user_id=user_id, session_id=session_id):
            self._somebody_left()

    async def user_deleted(self, event_id: str, *, user_id: str, time: dt.datetime, tries: int) -> float:
        """Erase everything of the person's, at once, and again once no token of theirs is believed any more.

        Submissions are refused by auth from the deletion on, but what asks auth for nothing, such as an upload, may
        still come in until then. Gives the seconds after which it is to be called again; 0 when all is done.
        """
        if await self._inbox.knows(event_id):
            return 0.0
        if not await self._erasing.erase(user_id):
            return back_off(tries)
        left = (time + self._tokens_outlive - self._now()).total_seconds()
        if left > 0:
            return left
        await self._inbox.note(event_id)
        log.info("nothing of a deleted account is left", user_id=user_id)
        return 0.0
