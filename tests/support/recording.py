"""Real models that write down what they draw, and what their forwards were made of; some of them stumble on purpose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from services.gpu import errors
from services.gpu.card import Card, Memory
from services.gpu.diffusion.pipeline import Conditioning, StableDiffusion
from services.gpu.diffusion.sampling import Rows, Trajectory
from services.gpu.requests import Plan
from tests.support.reference import Values

RAISES = "spoils the forward"
"""Prompt of a request that makes every forward raise that it is in."""
STUMBLES = "spoils its own step"
"""Prompt of a request whose sampler raises at its second step."""
NOT_A_NUMBER = "spoils its own numbers"
"""Prompt of a request whose noise is not a number."""
_FULL_EVERY = 7


class _Spoiling(Trajectory):
    def feed(self) -> Rows:
        raise RuntimeError(RAISES)


class _Stumbling(Trajectory):
    def advance(self, prediction: torch.Tensor) -> None:
        if self.done == 1:
            raise RuntimeError(STUMBLES)
        super().advance(prediction)


@dataclass(kw_only=True)
class Drawn:
    """One image."""

    latents: Values
    """As they were decoded."""
    picture: Values
    """Height × width × 3, from 0 to 1."""


@dataclass(kw_only=True)
class Forward:
    """One call of the denoiser."""

    requests: list[str]
    """Whose images were in it."""
    rows: int
    """What it was filled up to."""
    full: bool = False
    """Whether it found no memory."""


@dataclass(kw_only=True)
class Notes:
    """What was written down."""

    drawn: dict[tuple[str, int], Drawn] = field(default_factory=dict)
    """By request and sample."""
    forwards: list[Forward] = field(default_factory=list)
    """In order."""


class Recording(StableDiffusion):
    """A model that writes down what it draws."""

    def __init__(self, like: StableDiffusion, *, full_at_times: bool = False) -> None:
        """Of the same parts; `full_at_times` makes a forward of several find no memory now and then."""
        super().__init__(like.parts)
        self.notes = Notes()
        self._whose: dict[Trajectory, tuple[str, int]] = {}
        self._full_at_times = full_at_times

    def begin(self, plan: Plan, conditioning: Conditioning, sample: int) -> Trajectory:
        """As it would, save for what the prompt asks."""
        trajectory = super().begin(plan, conditioning, sample)
        spoilt = {RAISES: _Spoiling, STUMBLES: _Stumbling}.get(plan.prompt)
        if spoilt is not None:
            whole, trajectory = trajectory, spoilt.__new__(spoilt)
            trajectory.__dict__.update(whole.__dict__)
        if plan.prompt == NOT_A_NUMBER:
            trajectory.latents = trajectory.latents * float("nan")
        self._whose[trajectory] = (plan.request_id, sample)
        return trajectory

    def step(self, trajectories: Sequence[Trajectory], *, rows: int | None = None) -> Sequence[Exception | None]:
        """As it would, with a note."""
        requests = [self._whose[each][0] for each in trajectories]
        note = Forward(requests=requests, rows=max(rows or 0, sum(each.rows for each in trajectories)))
        self.notes.forwards.append(note)
        if self._full_at_times and len(trajectories) > 1 and len(self.notes.forwards) % _FULL_EVERY == 0:
            note.full = True
            raise errors.OutOfMemory
        return super().step(trajectories, rows=rows)

    def pictures(self, trajectories: Sequence[Trajectory]) -> Sequence[torch.Tensor | Exception]:
        """As it would, with a note."""
        pictures = super().pictures(trajectories)
        for trajectory, picture in zip(trajectories, pictures, strict=True):
            if isinstance(picture, torch.Tensor):
                self.notes.drawn[self._whose[trajectory]] = Drawn(
                    latents=trajectory.latents.numpy(), picture=np.asarray(picture.permute(1, 2, 0))
                )
        return pictures


class Models:
    """A library of models that are all in memory."""

    def __init__(self, models: Mapping[str, StableDiffusion]) -> None:
        """By name."""
        self._models = models

    def cards(self) -> Sequence[Card]:
        """Their cards."""
        return tuple(model.card for model in self._models.values())

    def memory(self) -> Memory:
        """Nobody knows."""
        return Memory()

    def listen(self, listener: Callable[[], None]) -> None:
        """Nothing ever arrives."""

    def get(self, name: str) -> StableDiffusion:
        """The model."""
        return self._models[name]

    def ask(self, name: str) -> StableDiffusion:
        """The model."""
        return self._models[name]

    def pin(self, name: str) -> None:
        """It stays anyway."""

    def unpin(self, name: str) -> None:
        """It stays anyway."""
