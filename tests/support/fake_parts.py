"""Parts of the ledger service as fakes: a purse, a worker that follows a list, and somebody who writes down changes."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from services.foundation import errors
from services.tasks.errors import AccountClosed, AuthUnavailable, NotEnoughTokens, WorkerLost
from services.tasks.ports import Change
from services.tasks.workers.capabilities import Capabilities, Defaults, Limits, Model, Sampler
from services.tasks.workers.generation import Admitted, Finished, Happening, Picture, Request, Step
from tests.support import fake_auth
from tests.support.fake_worker import png


class FakePurse:
    """A purse in memory, which can be away."""

    def __init__(self) -> None:
        """Everyone has 1,000 tokens."""
        self.kept = fake_auth.Purse()
        self.away = False

    async def hold(self, *, hold_id: str, user_id: str, tokens: int, reason: str) -> None:
        """Take tokens aside."""
        if self.away:
            raise AuthUnavailable
        try:
            self.kept.hold(hold_id, user_id, tokens)
        except (errors.NotAllowed, errors.NotFound) as error:
            raise AccountClosed from error
        except errors.NotPossibleNow as error:
            if error.detail_reason == NotEnoughTokens.reason:
                raise NotEnoughTokens(error.message, metadata=error.metadata) from error
            raise AuthUnavailable from error

    async def settle(self, *, hold_id: str, user_id: str, charge: int, reason: str) -> None:
        """End a hold."""
        if self.away:
            raise AuthUnavailable
        try:
            self.kept.settle(hold_id, user_id, charge)
        except errors.DaydreamError as error:
            raise AuthUnavailable from error


class Notes:
    """Writes down every change it is told."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self.changes: list[Change] = []

    def announce(self, change: Change) -> None:
        """Write it down."""
        self.changes.append(change)


MODEL = Model(
    name="mini",
    defaults=Defaults(steps=4, guidance=2.5, width=64, height=64),
    limits=Limits(
        min_size=64, max_size=512, size_multiple=8, max_steps=50, max_guidance=20.0, max_samples=4, max_prompt_chars=512
    ),
    samplers=(Sampler(name="DDIM"),),
)


class FakeWorker:
    """Plays one list of happenings a call.

    An exception in it is raised, an event waited for, and `SILENCE` is never followed by anything.
    """

    SILENCE = "silence"

    def __init__(self, *plays: Sequence[Happening | Exception | str | asyncio.Event], slots: int = 1) -> None:
        """After the last play, calls are answered well."""
        self._plays = list(plays)
        self.requests: list[Request] = []
        self.answers = True
        self.said = Capabilities(worker_id="fake", device="cpu", slots=slots, busy_slots=0, models=(MODEL,))

    async def capabilities(self) -> Capabilities:
        """What it can do."""
        if not self.answers:
            raise WorkerLost
        return self.said

    async def generate(self, request: Request) -> AsyncGenerator[Happening, None]:
        """Play the next list."""
        self.requests.append(request)
        for happening in self._plays.pop(0) if self._plays else good_answer(request):
            if isinstance(happening, str):
                await asyncio.Event().wait()
            elif isinstance(happening, asyncio.Event):
                await happening.wait()
            elif isinstance(happening, Exception):
                raise happening
            else:
                yield happening


def good_answer(request: Request) -> list[Happening]:
    """Everything a worker says of a request that goes well."""
    seed = 7 if request.part.seed is None else request.part.seed
    steps = request.parameters.steps * request.part.samples
    said: list[Happening] = [Admitted(seed=seed)]
    for index in range(request.part.samples):
        done = (index + 1) * request.parameters.steps
        said += [Step(step=done, steps=steps, remaining_ms=steps - done), picture(index, seed + index)]
    return [*said, Finished()]


def picture(index: int, seed: int) -> Picture:
    """A finished image."""
    return Picture(sample_index=index, seed=seed, width=64, height=64, data=png(seed, 64, 64))
