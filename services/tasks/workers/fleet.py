"""The workers: who answers, what they can do, and who is left alone for a moment."""

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.foundation import logs
from services.tasks.errors import WorkerLost
from services.tasks.machine import crew
from services.tasks.ports import WorkerStore
from services.tasks.workers import capabilities
from services.tasks.workers.capabilities import Capabilities, Model
from services.tasks.workers.generation import Worker

log = logs.logger(__name__)
POLL_SECONDS: Final = 2.0
AWAY_POLL_SECONDS: Final = 0.5
SAVE_SECONDS: Final = 30.0
FIRST_REST_SECONDS: Final = 0.25
MOST_REST_SECONDS: Final = 10.0

Encode = Callable[[Capabilities], bytes]
Decode = Callable[[bytes], Capabilities]


@dataclass(kw_only=True)
class Member:
    """One worker as this replica knows it."""

    target: str
    """Its address; also its name in the ledger."""
    worker: Worker
    """How to call it."""
    seen: Capabilities | None = None
    """What it said last."""
    silence_logged: bool = False
    """Whether the log has it that it does not answer."""
    answers: bool = False
    """Whether it answered when it was last asked or used."""
    answered: dt.datetime | None = None
    """When it last answered; None when it never did since this process started."""
    rests_until: float = 0.0
    """Nothing is given to it before."""
    refusals: int = 0
    """In a row."""
    saved_at: float = float("-inf")
    """When what it says was last written down."""
    watching: asyncio.Task[None] | None = None
    """What asks it, while the fleet runs."""


class Fleet:
    """Asks every worker in turn what it can do, and says which may be given work."""

    def __init__(
        self,
        workers: Mapping[str, Worker] | None = None,
        *,
        store: WorkerStore,
        encode: Encode,
        decode: Decode,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        """`workers` by address, in the order of preference; `encode` and `decode` for what the store keeps.

        `clock` counts seconds, `now` is the time of day, aware.
        """
        self._members = [Member(target=target, worker=worker) for target, worker in (workers or {}).items()]
        self._store = store
        self._encode, self._decode = encode, decode
        self._clock, self._now = clock, now
        self._said_before: dict[str, Capabilities] = {}
        self._group: asyncio.TaskGroup | None = None
        self._listeners: list[Callable[[], None]] = []

    def targets(self) -> Sequence[str]:
        """The workers there are, in the order of preference."""
        return [member.target for member in self._members]

    def members(self) -> Iterator[crew.Member]:
        """Each of them as staff see it, in the order of preference."""
        for each in self._members:
            yield crew.Member(target=each.target, answers=each.answers, seen=each.answered, said=each.seen)

    def join(self, target: str, worker: Worker) -> None:
        """There is one worker more; a target that is there already is no news."""
        if target not in self.targets():
            member = Member(target=target, worker=worker, seen=self._said_before.get(target))
            self._members.append(member)
            self._begin(member)

    def leave(self, target: str) -> bool:
        """A worker is to go; whether it went, which it does not while it answers."""
        for member in self._members:
            if member.target == target and not member.answers:
                self._members.remove(member)
                if member.watching is not None:
                    member.watching.cancel()
                return True
        return False

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` when a worker begins to answer."""
        self._listeners.append(listener)

    async def load(self) -> None:
        """Recall what workers said before this process started."""
        self._said_before = {target: self._decode(stored) for target, stored in (await self._store.load()).items()}
        for member in self._members:
            member.seen = self._said_before.get(member.target)

    async def run(self) -> None:
        """Ask the workers until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            for member in self._members:
                self._begin(member)
            # More may join at any time, so that a fleet of none runs on, too.
            await asyncio.Event().wait()

    def models(self) -> Sequence[Model]:
        """Models of the workers seen last; of those that answer first."""
        up = [member.seen for member in self._members if member.seen is not None and member.answers]
        seen = [member.seen for member in self._members if member.seen is not None and not member.answers]
        # Workers at addresses that are no longer given: better than nothing, until one of ours was seen.
        return capabilities.union((*up, *seen, *(() if up or seen else self._said_before.values())))

    def slots(self) -> int:
        """Tasks that the workers which answer take at once."""
        return sum(member.seen.slots for member in self._members if member.answers and member.seen is not None)

    def answering(self) -> int:
        """How many workers answer."""
        return sum(member.answers for member in self._members)

    def ready(self) -> Iterator[tuple[str, Worker, Capabilities]]:
        """Workers that may be given work now."""
        for member in self._members:
            if member.answers and member.seen is not None and self._clock() >= member.rests_until:
                yield member.target, member.worker, member.seen

    def rest(self, target: str, *, seconds: float | None = None, gone: bool = False) -> float:
        """Give a worker nothing for a while, longer at every refusal in a row; `gone` until it answers again.

        `seconds` is what the worker suggested. Returns for how many seconds it rests.
        """
        rest = 0.0
        for member in self._members:
            if member.target == target:
                doubled = min(MOST_REST_SECONDS, FIRST_REST_SECONDS * 2.0 ** min(member.refusals, 16))
                member.refusals += 1
                rest = max(doubled, min(seconds or 0.0, MOST_REST_SECONDS))
                member.rests_until = self._clock() + rest
                member.answers = member.answers and not gone
        return rest

    def took(self, target: str) -> None:
        """The worker took a task, so whatever it refused before is over."""
        for member in self._members:
            if member.target == target:
                member.refusals = 0

    def _begin(self, member: Member) -> None:
        if self._group is not None:
            member.watching = self._group.create_task(self._watch(member))

    async def _watch(self, member: Member) -> None:
        while True:
            answered = await self.ask(member)
            await asyncio.sleep(POLL_SECONDS if answered else AWAY_POLL_SECONDS)

    async def ask(self, member: Member) -> bool:
        """Ask one worker; whether it answered."""
        try:
            said = await member.worker.capabilities()
            # Kept before it is used: claims are counted against what the ledger knows of the worker.
            if said.models != (member.seen and member.seen.models) or self._clock() - member.saved_at > SAVE_SECONDS:
                await self._store.save(member.target, self._encode(said))
                member.saved_at = self._clock()
        except WorkerLost as error:
            if not member.silence_logged:
                log.warning("worker does not answer", target=member.target, why=str(error))
            member.silence_logged = True
            member.answers = False
            return False
        except Exception:
            # The database is away; the worker is as before.
            log.exception("what a worker said cannot be kept", target=member.target)
            return False
        member.seen, member.answered = said, self._now()
        if not member.answers:
            log.info("worker answers", target=member.target, device=said.device, slots=said.slots)
            member.answers, member.silence_logged = True, False
            for listener in self._listeners:
                listener()
        return True
