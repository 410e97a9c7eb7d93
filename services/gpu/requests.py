"""What a caller asks for, and what is drawn once every default is filled in; knows neither protobuf nor torch."""

from dataclasses import dataclass, field

from services.gpu.images import Pixels


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A LoRA to draw with."""

    name: str
    """A name from the model's card."""
    weight: float
    """How strongly; 1 as it was trained, 0 not at all."""


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
    start_image: bytes | None = field(default=None, repr=False)
    """An image file to begin from."""
    mask: bytes | None = field(default=None, repr=False)
    """An image file: white where the start image is drawn anew, black where it stays."""
    strength: float | None = None
    """How much of the start image is drawn anew, above 0 to 1; None means 0.8, and 1 where there is a mask."""
    variation_seed: int | None = None
    """Seed that the noise is bent towards; None leaves it as it is."""
    variation_strength: float = 0.0
    """How far it is bent, 0 to 1."""
    guidance_rescale: float = 0.0
    """How far guided predictions are brought back to the spread of unguided ones, 0 to 1."""
    clip_skip: int = 0
    """Layers of the text encoder to leave out, from its end."""
    adapters: tuple[Adapter, ...] = ()
    """LoRAs to draw with."""
    deadline: float | None = None
    """When the caller gives up, by `time.monotonic`; None waits for ever."""


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
    start_image: bytes | None = field(default=None, repr=False)
    """An image file to begin from."""
    mask: bytes | None = field(default=None, repr=False)
    """An image file: white where the start image is drawn anew."""
    strength: float = 1.0
    """How much of the start image is drawn anew, above 0 to 1."""
    variation_seed: int | None = None
    """Seed that the noise is bent towards; image n uses variation_seed + n."""
    variation_strength: float = 0.0
    """How far it is bent, 0 to 1."""
    guidance_rescale: float = 0.0
    """How far guided predictions are brought back to the spread of unguided ones, 0 to 1."""
    clip_skip: int = 0
    """Layers of the text encoder to leave out, from its end."""
    adapters: tuple[Adapter, ...] = ()
    """LoRAs to draw with."""
    deadline: float | None = None
    """When the caller gives up, by `time.monotonic`; None waits for ever."""

    @property
    def guided(self) -> bool:
        """Whether the model is asked twice a step, with the prompt and with the negative one."""
        return self.guidance > 1


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """A plan's image files, decoded and of the plan's size."""

    start: Pixels | None = None
    """Height × width × 3."""
    mask: Pixels | None = None
    """Height × width: 255 where the picture is drawn anew, 0 where it stays."""


NO_PICTURES = Pictures()
