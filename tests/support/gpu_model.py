"""A model for the engine that draws nothing: it fills the same port, steps only when told to, and fails on request."""

import threading
from dataclasses import dataclass
from typing import Any, Final

from services.gpu import errors, samplers
from services.gpu.card import Card, Defaults, Limits
from services.gpu.requests import Plan

RAISES: Final = "raise"
LOSES_DEVICE: Final = "lose the device"
FAILS_TO_ENCODE: Final = "no such words"


def card(**limits: Any) -> Card:
    """A card with small defaults; `limits` replaces what a test wants to reach."""
    return Card(
        name="fake",
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


class FakeModel:
    """Steps at once, or one for every `allow` after `hold`."""

    device = "cpu"

    def __init__(self, *, image: bytes = b"png") -> None:
        """`image` is what every picture encodes to."""
        self.card = card()
        self.stepped: list[str] = []
        """The prompts whose trajectories went a step, in order."""
        self.encoded: list[str] = []
        """The prompts that were encoded, in order."""
        self._image = image
        self._held = False
        self._permits = threading.Semaphore(0)

    def hold(self) -> None:
        """From now on every step waits for a permit."""
        self._held = True

    def allow(self, steps: int) -> None:
        """Let so many steps happen."""
        for _ in range(steps):
            self._permits.release()

    def encode(self, plan: Plan) -> str:
        """The prompt itself."""
        if plan.prompt == FAILS_TO_ENCODE:
            raise ValueError(plan.prompt)
        self.encoded.append(plan.prompt)
        return plan.prompt

    def begin(self, plan: Plan, conditioning: str, sample: int) -> FakeTrajectory:
        """As many calls as steps."""
        assert conditioning == plan.prompt
        return FakeTrajectory(plan, sample, calls=plan.steps)

    def step(self, trajectory: FakeTrajectory) -> None:
        """Count; fail as the prompt asks."""
        if self._held:
            assert self._permits.acquire(timeout=30)
        self.stepped.append(trajectory.plan.prompt)
        if trajectory.plan.prompt == RAISES:
            raise ValueError("a scheduler that does not like it")
        if trajectory.plan.prompt == LOSES_DEVICE:
            raise errors.DeviceLost
        trajectory.done += 1

    def preview(self, trajectory: FakeTrajectory) -> bytes:
        """Which step it was."""
        return f"preview {trajectory.done}".encode()

    def finish(self, trajectory: FakeTrajectory) -> bytes:
        """The picture."""
        assert trajectory.done == trajectory.calls
        return self._image
