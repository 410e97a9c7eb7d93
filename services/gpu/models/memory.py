"""What fits into a memory limit: which economies a model needs there, how large its pictures may be, how many rows.

Economies are switched on one after the other, the cheapest first, and only until the model's own size fits; one that
saves nothing on this device is left off. What does not fit even so goes into the card's limits, and is refused before
it is queued. Knows no torch: what a picture takes is told by a Meter, which measures on an accelerator and reckons on a
CPU.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from services.foundation import logs
from services.gpu import errors
from services.gpu.card import Card, Limits
from services.gpu.checkpoints.anatomy import Anatomy

GUIDED_ROWS: Final = 2
"""Rows of one image with guidance: the least that a forward must have room for."""
_WORTH_IT: Final = 0.98
"""An economy must bring the peak below this share of what it was."""
_MOST_ROWS: Final = 64
_FULL: Final = 2**62
_FREE: Final = "sliced_vae"

log = logs.logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Economies:
    """What is done to save memory; each makes pictures slower or a little less exact."""

    half: bool = False
    """Weights and activations in 16 bits."""
    sliced_attention: bool = False
    """Attention one slice after the other."""
    sliced_vae: bool = False
    """Finished images decoded one by one."""
    tiled_vae: bool = False
    """Each decoded in overlapping tiles, which can be seen in flat areas."""


ORDER: Final = ("half", "sliced_attention", "sliced_vae", "tiled_vae")
"""In which they are tried."""


class Meter(Protocol):
    """Tells what drawing takes: bytes at most, the weights with them. Either may raise OutOfMemory."""

    def step(self, economies: Economies, *, width: int, height: int, rows: int) -> int:
        """One forward of the denoiser over so many rows."""

    def decode(self, economies: Economies, *, width: int, height: int) -> int:
        """The decoding of as many finished images as are ever decoded at once."""


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What a model can do within the limit."""

    economies: Economies
    """What it needs for that."""
    limits: Limits
    """Its card's limits, lowered to what fits."""
    rows: int
    """Rows of a forward at its own size that fit."""
    peak: int
    """Bytes one guided image at its own size takes, the weights with them."""


def fit(meter: Meter, card: Card, *, limit: int, allowed: Sequence[str] = ORDER, rows: int = GUIDED_ROWS) -> Fit:
    """How `card`'s model keeps within `limit` bytes with forwards of at least `rows` rows.

    `allowed` are the economies that may be switched on. Raises ModelUnusable when nothing makes its own size fit.
    """
    width, height = card.defaults.width, card.defaults.height

    def step(economies: Economies, wide: int, high: int, count: int) -> int:
        return _told(lambda: meter.step(economies, width=wide, height=high, rows=count))

    def peak(economies: Economies, wide: int, high: int) -> int:
        decoded = _told(lambda: meter.decode(economies, width=wide, height=high))
        return max(step(economies, wide, high, rows), decoded)

    chosen, taken = Economies(), peak(Economies(), width, height)
    for name in (each for each in ORDER if each in allowed):
        if taken <= limit:
            break
        more = _with(chosen, name)
        less = peak(more, width, height)
        # Where the device was full, nobody knows by how much: what was switched on stays, until the next one helps.
        if less < taken * _WORTH_IT or less <= limit or less == _FULL:
            chosen, taken = more, less
    if taken > limit:
        count = "more than there is" if taken == _FULL else said(taken)
        raise errors.ModelUnusable(
            f"The model {card.name} takes {count} for a picture of {width} × {height}, with all that saves "
            f"memory switched on, and the memory limit is {said(limit)}."
        )
    limits = _sizes(lambda wide, high: peak(chosen, wide, high) <= limit, card)
    if limits != card.limits and _FREE in allowed and not getattr(chosen, _FREE):
        # It costs next to nothing, and larger pictures fit with it.
        chosen = _with(chosen, _FREE)
        taken, limits = peak(chosen, width, height), _sizes(lambda wide, high: peak(chosen, wide, high) <= limit, card)
    most = _rows(lambda count: step(chosen, width, height, count), rows, limit)
    log.info("memory", model=card.name, peak=said(taken), limit=said(limit), economies=_names(chosen), rows=most)
    return Fit(economies=chosen, limits=limits, rows=most, peak=taken)


def _told(measure: Callable[[], int]) -> int:
    try:
        return measure()
    except errors.OutOfMemory:
        return _FULL


def _with(economies: Economies, name: str) -> Economies:
    return Economies(**{each: getattr(economies, each) or each == name for each in ORDER})


def _names(economies: Economies) -> list[str]:
    return [name for name in ORDER if getattr(economies, name)]


def _sizes(fits: Callable[[int, int], bool], card: Card) -> Limits:
    """The card's limits with the largest square that fits as the most pixels; memory grows with them."""
    limits = card.limits
    asked = limits.max_pixels or limits.max_size**2
    own = card.defaults.width * card.defaults.height
    multiple = limits.size_multiple
    fitting, failing = math.isqrt(own) // multiple, math.isqrt(asked) // multiple
    if failing <= fitting or fits(failing * multiple, failing * multiple):
        return limits
    while failing - fitting > 1:
        middle = (fitting + failing) // 2
        if fits(middle * multiple, middle * multiple):
            fitting = middle
        else:
            failing = middle
    pixels = max(own, (fitting * multiple) ** 2)
    # A long side is as good as a square one while the pixels are as many.
    longest = min(limits.max_size, pixels // limits.min_size) // multiple * multiple
    longest = max(longest, card.defaults.width, card.defaults.height)
    return limits.model_copy(update={"max_pixels": pixels, "max_size": longest})


def _rows(step: Callable[[int], int], rows: int, limit: int) -> int:
    """How many rows fit, by what `rows` take and twice as many."""
    few, many = step(rows), step(2 * rows)
    a_row = (many - few) / rows
    return max(rows, min(_MOST_ROWS, math.floor(rows + (limit - few) / a_row) if a_row > 0 else 2 * rows))


def said(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


class Reckoning:
    """A meter that reckons from a checkpoint's configuration: for a CPU, and for models that are not in memory yet.

    The tensors that are alive at once are counted, at the place where they are largest: in the denoiser every skip
    connection and what a residual block of its widest level works with, in the decoder a block of its last level. That
    is an estimate; libraries take working memory of their own beside it.
    """

    _UNET_TENSORS: Final = 8
    _VAE_TENSORS: Final = 6

    def __init__(self, anatomy: Anatomy, *, parameters: int, bytes_each: int, decoded: int) -> None:
        """`parameters` numbers of `bytes_each` are its weights; `decoded` images are decoded at once at most."""
        self._anatomy, self._parameters = anatomy, parameters
        self._bytes_each, self._decoded = bytes_each, decoded

    def step(self, economies: Economies, *, width: int, height: int, rows: int) -> int:
        """Reckoned; attention is taken to be the fused kind, which keeps no scores, so slicing it saves nothing."""
        each = self._each(economies)
        channels = self._anatomy.unet["block_out_channels"]
        layers = self._anatomy.unet.get("layers_per_block", 2)
        layers = layers if isinstance(layers, int) else max(layers)
        skips = sum((layers + 1) * wide / 4**level for level, wide in enumerate(channels))
        latents = width * height // self._anatomy.latent_pixels**2
        return int(each * (self._parameters + rows * latents * (skips + self._UNET_TENSORS * channels[0])))

    def decode(self, economies: Economies, *, width: int, height: int) -> int:
        """Reckoned."""
        each = self._each(economies)
        tile = tile_side(self._anatomy.native_size)
        shown = min(width * height, tile * tile) if economies.tiled_vae else width * height
        images = 1 if economies.sliced_vae else self._decoded
        channels = self._anatomy.vae["block_out_channels"]
        return int(each * (self._parameters + images * shown * self._VAE_TENSORS * channels[0]))

    def _each(self, economies: Economies) -> int:
        return min(2, self._bytes_each) if economies.half else self._bytes_each


def tile_side(native_size: int) -> int:
    """Pixels a side of the tiles a picture is decoded in, for a model of that size: half of it."""
    return native_size // 2
