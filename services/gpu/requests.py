"""What a caller asks for, and what is drawn once every default is filled in; knows neither protobuf nor torch."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Request:
    """A generation as it was asked for; None takes the model's default."""

    prompt: str
    """What to draw."""
    negative_prompt: str = ""
    """What to keep out."""
    request_id: str = ""
    """The caller's id for it, for logs."""
    model: str | None = None
    """Which model."""
    sampler: str | None = None
    """Which sampler, by the name people know."""
    steps: int | None = None
    """Denoising steps."""
    guidance: float | None = None
    """Guidance scale; 1 and below switches guidance off."""
    width: int | None = None
    """Pixels."""
    height: int | None = None
    """Pixels."""
    seed: int | None = None
    """Seed of the first image; None and −1 draw one."""
    samples: int | None = None
    """Images; None means one."""
    preview_every: int = 0
    """A preview every so many steps; 0 sends none."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A generation that keeps to its model's limits, with nothing left open."""

    prompt: str
    """What to draw."""
    negative_prompt: str
    """What to keep out."""
    request_id: str
    """The caller's id for it, for logs."""
    model: str
    """The model's name."""
    sampler: str
    """The sampler's name."""
    steps: int
    """Denoising steps an image; samplers of second order call the model more often than that."""
    guidance: float
    """Guidance scale."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    seed: int
    """Seed of the first image; image n uses seed + n."""
    samples: int
    """Images."""
    preview_every: int
    """A preview every so many steps; 0 makes none."""

    @property
    def guided(self) -> bool:
        """Whether the model is asked twice a step, with the prompt and with the negative one."""
        return self.guidance > 1
