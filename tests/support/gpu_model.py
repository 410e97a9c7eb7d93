"""Models for the engine that draw nothing: they fill the same ports, step only when told to, and fail on request."""

import asyncio
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from services.gpu import errors, samplers
from services.gpu.card import Card, Defaults, Limits, Memory
from services.gpu.engine.budget import Budget
from services.gpu.images import Pixels
from services.gpu.requests import NO_PICTURES, Pictures, Plan

RAISES: Final = "raise"
"""The forward raises as long as it is among its rows."""
FAILS_ALONE: Final = "fail alone"
"""Its own step fails."""
LOSES_DEVICE: Final = "lose the device"
FAILS_TO_ENCODE: Final = "no such words"
FAILS_TO_DECODE: Final = "no such colours"
FAILS_TO_PREVIEW: Final = "no such look"


def card(name: str = "fake", **limits: Any) -> Card:
    """A card with small defaults; `limits` replaces what a test wants to reach."""
    return Card(
        name=name,
        title="Fake",
        description="Draws nothing.",
        defaults=Defaults(steps=3, guidance=2.0, width=64, height=64, sampler="DPM++ 2M"),
        limits=Limits.model_validate({"max_size": 256, "size_multiple": 8, **limits}),
        samplers=samplers.SAMPLERS,
        examples=("a house",),
        words=("a", "house"),
    )


@dataclass
class FakeTrajectory:
    """Counts its steps."""

    plan: Plan
    sample: int
    calls: int
    done: int = 0
    nbytes: int = 1000

    @property
    def rows(self) -> int:
        """Two with guidance."""
        return 2 if self.plan.guided else 1


class FakeModel:
    """Steps at once, or one forward for every `allow` after `hold`."""

    device = "cpu"

    def __init__(self, *, name: str = "fake", rows: int = 4, out_of_memory_above: int | None = None) -> None:
        """`rows` pay in one forward; with more than `out_of_memory_above` there is no room for it."""
        self.card = card(name)
        self.budget = Budget(rows=rows)
        self.forwards: list[list[str]] = []
        """The prompts whose trajectories went a step, forward by forward."""
        self.filled: list[int] = []
        """How many rows each forward was filled up to."""
        self.decodes_at_once = 100
        """There is no memory for more."""
        self.decoded: list[int] = []
        """How many pictures each decoding was of."""
        self.begun = 0
        """Forwards that have begun, the one that waits for its permit included."""
        self.encoded: list[str] = []
        """The prompts that were encoded, in order."""
        self.seen: list[Pictures] = []
        """The pictures that came with them."""
        self._room = out_of_memory_above
        self._held = False
        self._permits = threading.Semaphore(0)

    @property
    def stepped(self) -> list[str]:
        """The prompts whose trajectories went a step, in order."""
        return [prompt for forward in self.forwards for prompt in forward]

    def hold(self) -> None:
        """From now on every forward waits for a permit."""
        self._held = True

    def allow(self, forwards: int) -> None:
        """Let so many forwards happen."""
        for _ in range(forwards):
            self._permits.release()

    async def until_begun(self, forwards: int) -> None:
        """Return once so many forwards have begun."""
        async with asyncio.timeout(60):
            # A pause between looks at what the engine's thread counts.
            while self.begun < forwards:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    def encode(self, plan: Plan, pictures: Pictures = NO_PICTURES) -> str:
        """The prompt itself."""
        if plan.prompt == FAILS_TO_ENCODE:
            raise ValueError(plan.prompt)
        self.encoded.append(plan.prompt)
        self.seen.append(pictures)
        return plan.prompt

    def begin(self, plan: Plan, conditioning: str, sample: int) -> FakeTrajectory:
        """As many calls as steps."""
        assert conditioning == plan.prompt
        return FakeTrajectory(plan, sample, calls=plan.steps)

    def bucket(self, trajectory: FakeTrajectory) -> Hashable:
        """Its size."""
        return (trajectory.plan.width, trajectory.plan.height)

    def step(self, trajectories: Sequence[FakeTrajectory], *, rows: int | None = None) -> Sequence[Exception | None]:
        """Count; fail as the prompts ask."""
        self.begun += 1
        if self._held:
            assert self._permits.acquire(timeout=150)
        assert len({self.bucket(each) for each in trajectories}) == 1
        prompts = [each.plan.prompt for each in trajectories]
        if LOSES_DEVICE in prompts:
            raise errors.DeviceLost
        if RAISES in prompts:
            raise ValueError("a denoiser that does not like it")
        own = sum(each.rows for each in trajectories)
        if self._room is not None and own > self._room:
            raise errors.OutOfMemory
        self.forwards.append(prompts)
        self.filled.append(max(rows or 0, own))
        for each in trajectories:
            each.done += 1
        return [ValueError("a sampler that does not like it") if each == FAILS_ALONE else None for each in prompts]

    def preview(self, trajectory: FakeTrajectory) -> Pixels:
        """As dark as it is far."""
        if trajectory.plan.prompt == FAILS_TO_PREVIEW:
            raise ValueError(trajectory.plan.prompt)
        return np.full((8, 8, 3), trajectory.done, np.uint8)

    def decode(self, trajectories: Sequence[FakeTrajectory]) -> Sequence[Pixels | Exception]:
        """A picture of the size asked for, as dark as its sample's number."""
        assert all(each.done == each.calls for each in trajectories)
        if len(trajectories) > 1 and any(each.plan.prompt == FAILS_TO_DECODE for each in trajectories):
            raise ValueError(FAILS_TO_DECODE)
        if len(trajectories) > self.decodes_at_once:
            raise errors.OutOfMemory
        self.decoded.append(len(trajectories))
        return [
            errors.NotFinite()
            if each.plan.prompt == FAILS_TO_DECODE
            else np.full((each.plan.height, each.plan.width, 3), each.sample, np.uint8)
            for each in trajectories
        ]


class FakeLibrary:
    """Models that are all there, or so many of them at a time as there is room for."""

    def __init__(self, *models: FakeModel, room: int | None = None) -> None:
        """`room` models fit into memory; None means all."""
        self._models = {model.card.name: model for model in models}
        self._room = len(models) if room is None else room
        self._loaded: list[str] = []
        self.pins: dict[str, int] = dict.fromkeys(self._models, 0)
        """How often each is pinned."""
        self.away: set[str] = set()
        """Those that are being read, until `arrive`."""
        self.asked = 0
        """How often one of those was asked for."""
        self._listeners: list[Callable[[], None]] = []

    def cards(self) -> Sequence[Card]:
        """Their cards."""
        return tuple(model.card for model in self._models.values())

    def memory(self) -> Memory:
        """Always the same."""
        return Memory(used=1_000_000, total=8_000_000)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call it when a model arrives."""
        self._listeners.append(listener)

    def arrive(self, name: str) -> None:
        """It has been read."""
        self.away.discard(name)
        for listener in self._listeners:
            listener()

    def get(self, name: str) -> FakeModel:
        """The model; it must be there."""
        model = self.ask(name)
        assert model is not None
        return model

    def ask(self, name: str) -> FakeModel | None:
        """The model, if it is there and there is room for it."""
        if name in self.away:
            self.asked += 1
            return None
        if name not in self._loaded:
            free = [each for each in self._loaded if not self.pins[each]]
            if len(self._loaded) == self._room:
                if not free:
                    raise errors.OutOfMemory
                self._loaded.remove(free[0])
            self._loaded.append(name)
        return self._models[name]

    def pin(self, name: str) -> None:
        """Keep it."""
        self.pins[name] += 1

    def unpin(self, name: str) -> None:
        """It may leave."""
        self.pins[name] -= 1
        assert self.pins[name] >= 0
