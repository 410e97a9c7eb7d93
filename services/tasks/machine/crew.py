"""The workers as staff see them: those that this replica asks, and those that were there until lately."""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from services.tasks.states import State
from services.tasks.workers.capabilities import Capabilities

REMEMBERED: Final = dt.timedelta(hours=1)
"""How long a worker is shown after it was last seen that is named no more: long enough to be missed."""
CLOCKS_DIFFER: Final = dt.timedelta(seconds=5)
"""What a worker held is told by the database's clock, and when it last answered by ours."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """A worker as this replica's fleet knows it."""

    target: str
    """Its address."""
    answers: bool
    """Whether it answered when it was last asked."""
    seen: dt.datetime | None
    """When it last answered this replica; None when it never did."""
    said: Capabilities | None
    """What it said last."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """A worker as the ledger has it stored."""

    capabilities: bytes
    """What it said last."""
    seen: dt.datetime
    """When; up to half a minute before it last answered."""


@dataclass(frozen=True, kw_only=True)
class Fate:
    """Where tasks are now that a silent worker held."""

    states: Mapping[State, int]
    """How many are in which state; no state without one."""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """A worker, as far as anybody here knows it."""

    target: str
    """Its address."""
    answers: bool
    """Whether it answered when it was last asked."""
    seen: dt.datetime | None
    """When it last answered; None while it does, and when it never did."""
    said: Capabilities | None
    """What it said last; None when it was never seen."""
    task_ids: tuple[str, ...]
    """The tasks it holds, whichever replica gave them to it."""
    fate: Fate | None
    """What became of those it held when it fell silent; None while it answers, and when there were none."""


class Fleet(Protocol):
    """The workers that are named now."""

    def members(self) -> Iterator[Member]:
        """Each of them, in the order of preference."""
        ...


class Rows(Protocol):
    """What the ledger knows of workers; `store.machine.Machine` says what each call does."""

    async def known_workers(self) -> Mapping[str, Known]: ...
    async def held(self) -> Mapping[str, Sequence[str]]: ...
    async def left(self, target: str, *, since: dt.datetime) -> Mapping[State, int]: ...


class Crew:
    """Tells about the workers."""

    def __init__(
        self,
        *,
        fleet: Fleet,
        rows: Rows,
        decode: Callable[[bytes], Capabilities],
        now: Callable[[], dt.datetime],
    ) -> None:
        """`decode` reads what the ledger has stored; `now` is the clock, aware."""
        self._fleet, self._rows, self._decode, self._now = fleet, rows, decode, now

    async def workers(self) -> tuple[Worker, ...]:
        """Those that are named, in the order of preference, then those that were until lately, by their names."""
        known, held = await self._rows.known_workers(), await self._rows.held()
        members = list(self._fleet.members())
        named = {member.target for member in members}
        for target in sorted(known):
            if target not in named and self._now() - known[target].seen < REMEMBERED:
                members.append(Member(target=target, answers=False, seen=None, said=None))
        return tuple([await self._worker(each, known.get(each.target), held.get(each.target, ())) for each in members])

    async def _worker(self, member: Member, known: Known | None, held: Sequence[str]) -> Worker:
        said, seen = member.said, member.seen
        if known is not None:
            # This replica may have started after the worker fell silent.
            said = said or self._decode(known.capabilities)
            seen = seen or known.seen
        fate = None
        if not member.answers and seen is not None:
            states = await self._rows.left(member.target, since=seen - CLOCKS_DIFFER)
            fate = Fate(states=states) if states else None
        return Worker(
            target=member.target,
            answers=member.answers,
            seen=None if member.answers else seen,
            said=said,
            task_ids=tuple(held),
            fate=fate,
        )
