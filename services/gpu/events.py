"""What happens to a request, in the order a caller sees it: Admitted; Step, Preview and ImageReady; Finished."""

from dataclasses import dataclass, field

from services.gpu.requests import Plan


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """The request has a slot."""

    plan: Plan
    """What is drawn, every default filled in."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A call of the denoiser is done. Only rises within a request."""

    sample: int
    """Which image, from 0."""
    done: int
    """Calls done over all images of the request."""
    total: int
    """Calls there will be over all images."""
    remaining_ms: int
    """What is left, by the calls measured so far, in milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A rough look at an image that is forming."""

    sample: int
    """Which image, from 0."""
    done: int
    """The call it was made after, as in Step."""
    webp: bytes = field(repr=False)
    """The encoded picture, smaller than the image will be."""


@dataclass(frozen=True, kw_only=True)
class ImageReady:
    """An image is finished."""

    sample: int
    """Which image, from 0."""
    seed: int
    """Its own seed."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    png: bytes = field(repr=False)
    """The encoded image, without metadata."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Every image was made."""

    images: int
    """How many."""
    duration_ms: int
    """From admission to here, in milliseconds."""


Event = Admitted | Step | Preview | ImageReady | Finished
