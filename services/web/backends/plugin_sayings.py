"""What each plugin says of itself, kept for a while. One that is slow, or fails, makes nobody wait but itself."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from services.foundation import logs

log = logs.logger(__name__)

_AT_ONCE: Final = 8
_MOST_KEPT: Final = 2_000
_KEPT_SECONDS: Final = 60.0
_SILENT_SECONDS: Final = 10.0
"""So long a plugin that quickly said nothing of use is not asked again."""


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long the host and its plugins are waited for, in seconds."""

    listing: float = 5.0
    """For the list of what is loaded."""
    view: float = 3.0
    """By a page, for all of them together; who is later is shown with what the list has."""
    turn: float = 1.0
    """By those behind it, for one of the few that are asked at once; pages wait no more for one that needs longer."""
    answer: float = 10.0
    """For what one says of itself, though nobody waits for it any more."""


@dataclass(frozen=True, kw_only=True)
class _Kept:
    until: float
    said: Any


class Sayings:
    """Asks plugins, each once at a time however many pages want to know."""

    def __init__(
        self, ask: Callable[[str, str], Awaitable[Any]], *, clock: Callable[[], float], patience: Patience
    ) -> None:
        """`ask` gets a path of the host with a token; it may raise whatever it likes."""
        self._ask = ask
        self._clock = clock
        self._patience = patience
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._kept: dict[str, _Kept] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._slow: set[str] = set()

    def of(self, root: str) -> Any:
        """What the plugin at this path said last; None before it said anything."""
        kept = self._kept.get(root)
        return kept.said if kept else None

    async def refresh(self, roots: Iterable[str], token: str) -> None:
        """Ask those that have not been heard of lately, and wait a little for those that are usually quick."""
        now, wanted = self._clock(), set(roots)
        if len(self._kept) > _MOST_KEPT:
            self._kept = {root: kept for root, kept in self._kept.items() if root in wanted}
            self._slow &= wanted
        for root in wanted - self._asking.keys():
            if root not in self._kept or self._kept[root].until <= now:
                self._asking[root] = asyncio.create_task(self._hear(root, token), name=f"about {root}")
        if waited := [self._asking[root] for root in wanted & self._asking.keys() - self._slow]:
            # The questions go on without this page: the next one has their answers.
            await asyncio.wait(waited, timeout=self._patience.view)

    async def close(self) -> None:
        """Ask no more."""
        asking = list(self._asking.values())
        for each in asking:
            each.cancel()
        await asyncio.gather(*asking, return_exceptions=True)

    async def _hear(self, root: str, token: str) -> None:
        try:
            async with asyncio.TaskGroup() as both:
                async with self._room:
                    answer = both.create_task(self._answer(root, token))
                    await asyncio.wait([answer], timeout=self._patience.turn)
                (self._slow.discard if answer.done() else self._slow.add)(root)
        finally:
            del self._asking[root]

    async def _answer(self, root: str, token: str) -> None:
        try:
            async with asyncio.timeout(self._patience.answer):
                said, seconds = await self._ask(root, token), _KEPT_SECONDS
        except Exception as error:
            # Whatever it is, it is that plugin's alone. What it said before is better than nothing.
            log.info("a plugin says nothing of itself", plugin=root, error=repr(error))
            # One that hangs holds a thread of the host's at every question.
            said, seconds = self.of(root), _KEPT_SECONDS if root in self._slow else _SILENT_SECONDS
        self._kept[root] = _Kept(until=self._clock() + seconds, said=said)
