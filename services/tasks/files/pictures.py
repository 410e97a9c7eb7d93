"""Pictures that people bring: looked at before anything is unpacked, then made anew as plain PNGs.

Nothing of the file that came survives but its pixels: no metadata, no place it was taken at, nothing hidden behind the
last chunk. Blocks while it decodes, so callers run it in a thread.
"""

import io
from dataclasses import dataclass, field
from typing import Final

import PIL.Image
import PIL.ImageOps

from services.tasks.errors import PictureRefused

FORMATS: Final = ("PNG", "JPEG", "WEBP")
"""Pillow reads many more, some of them by running other programs."""
LEAST_SIDE: Final = 16
MOST_SIDE: Final = 16_384
MOST_PIXELS: Final = 25_000_000
"""What it unpacks to is decided by this and not by the size of the file: some 100 MB at four bytes a pixel."""
KEPT_SIDE: Final = 2048
"""No model here draws larger, so nothing larger is kept to begin from."""
_SIXTEEN_BITS: Final = "I;16"
_SCALE_TO_EIGHT: Final = 1 / 257


@dataclass(frozen=True, kw_only=True)
class Plain:
    """A picture made anew."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    data: bytes = field(repr=False)
    """A PNG file, RGB or RGBA with eight bits a channel, without metadata."""


def plain(data: bytes, *, most_side: int = KEPT_SIDE) -> Plain:
    """The picture of a PNG, JPEG or WebP file: upright, its longer side `most_side` at most. Raises PictureRefused."""
    if not data:
        raise PictureRefused("The file is empty.")
    try:
        with _opened(data) as opened:
            image = _eight_bits(PIL.ImageOps.exif_transpose(opened))
    except PictureRefused:
        raise
    except MemoryError as error:
        raise PictureRefused("The picture is too large to be unpacked here.") from error
    except Exception as error:  # Pillow raises whatever its decoders stumble over: cut short, wrong checksum, a bomb
        raise PictureRefused("The picture cannot be read; its file is damaged.") from error
    image.thumbnail((most_side, most_side), PIL.Image.Resampling.LANCZOS)
    # Pasted onto a new one, which has none of what came with the old one.
    fresh = PIL.Image.new(image.mode, image.size)
    fresh.paste(image)
    file = io.BytesIO()
    fresh.save(file, "PNG")
    return Plain(width=fresh.width, height=fresh.height, data=file.getvalue())


def _opened(data: bytes) -> PIL.Image.Image:
    try:
        image = PIL.Image.open(io.BytesIO(data), formats=FORMATS)
    except PIL.Image.DecompressionBombError as error:
        raise _too_large() from error
    except PIL.UnidentifiedImageError as error:
        raise PictureRefused("Only PNG, JPEG and WebP pictures can be used.") from error
    if image.width * image.height > MOST_PIXELS:
        raise _too_large()
    if min(image.size) < LEAST_SIDE or max(image.size) > MOST_SIDE:
        raise PictureRefused(f"Both sides must be {LEAST_SIDE} to {MOST_SIDE} pixels.")
    # Telephones lay a second picture into a JPEG, which Pillow then calls MPO; the first one is the photograph.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise PictureRefused("An animation cannot be used; send a single picture.")
    return image


def _eight_bits(image: PIL.Image.Image) -> PIL.Image.Image:
    if image.mode.startswith(_SIXTEEN_BITS):
        # Pillow's own conversion would clip instead of scaling.
        image = image.point(lambda value: value * _SCALE_TO_EIGHT + 0.5).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _too_large() -> PictureRefused:
    return PictureRefused(f"The picture has too many pixels; {MOST_PIXELS // 1_000_000} million are allowed.")
