"""What a generation is drawn from: words, numbers, a start image, a mask, LoRAs."""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, kw_only=True)
class StartImage:
    """A picture to begin from, by one of two names."""

    upload_id: str = ""
    """An upload of the owner's; empty for an image."""
    image_id: str = ""
    """An image of one of the owner's tasks; empty for an upload."""


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """A LoRA to draw with."""

    name: str
    """A name from the model."""
    weight: float = 1.0
    """How strongly; 1 as it was trained, 0 not at all."""


def steps_run(steps: int, strength: float | None) -> int:
    """Steps that are really gone with a start image of that strength, None without one."""
    return steps if strength is None else max(1, int(steps * strength))


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """What to draw and how, every default filled in."""

    prompt: str
    """What to draw."""
    negative_prompt: str
    """What to keep out; may be empty."""
    model: str
    """A model's name."""
    sampler: str
    """A sampler's name."""
    steps: int
    """Denoising steps an image."""
    guidance: float
    """Guidance scale."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    seed: int | None
    """Seed of the first image; None until the worker has drawn it. Image n uses seed + n."""
    samples: int
    """Images to make."""
    start_image: StartImage | None = None
    """What to begin from; None draws from noise alone."""
    mask_upload_id: str = ""
    """An upload of the owner's, white where the start image is drawn anew; empty for none."""
    strength: float | None = None
    """How much of the start image is drawn anew, above 0 to 1; None without one."""
    variation_seed: int | None = None
    """Seed that the noise is bent towards; None leaves it as it is. Image n uses variation_seed + n."""
    variation_strength: float = 0.0
    """How far it is bent, 0 to 1."""
    guidance_rescale: float = 0.0
    """How far guided predictions are brought back to the spread of unguided ones, 0 to 1."""
    clip_skip: int = 0
    """Layers of the text encoder to leave out, from its end."""
    adapters: tuple[Adapter, ...] = ()
    """LoRAs to draw with."""

    @property
    def steps_run(self) -> int:
        """Steps an image that are really gone: of a start image's, the worker leaves out the first."""
        return steps_run(self.steps, self.strength)

    def from_image(self, index: int) -> "Parameters":
        """The same as if image `index` were the first: every seed is so much higher."""
        return replace(
            self,
            seed=None if self.seed is None else self.seed + index,
            variation_seed=None if self.variation_seed is None else self.variation_seed + index,
        )


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The size of a picture that is kept."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """What the names in a request stand for; None where the caller has no such picture, or names none."""

    start: Shape | None = None
    """The start image's."""
    mask: Shape | None = None
    """The mask's."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The files that go to the worker, of the size that is drawn; empty where there is none."""

    start: bytes = field(default=b"", repr=False)
    """The start image."""
    mask: bytes = field(default=b"", repr=False)
    """White where the picture is drawn anew."""


NO_SHAPES = Shapes()
NO_PICTURES = Pictures()
