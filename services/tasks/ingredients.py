"""What a generation can be drawn from beside words: a start image, a mask, LoRAs."""

from dataclasses import dataclass, field


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
