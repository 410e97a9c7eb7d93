"""Pictures as they go to a worker: of the size that is drawn, and no larger a file than it takes.

Scaling is what the worker would do itself, so nothing changes but the bytes that travel. Blocks while it computes, so
callers run it in a thread.
"""

import io
from typing import Final

import PIL.Image
import PIL.ImageOps

MOST_START_BYTES: Final = 3 * 1024 * 1024
MOST_MASK_BYTES: Final = 768 * 1024
"""What `GenerateRequest` allows; together they fit into one message."""
MOST_FLATTENED: Final = 2048 * 2048
"""Pixels. A larger picture, which only an imported one is, loses its transparency when it is small."""
QUALITIES: Final = (95, 85, 70, 50, 30)
"""Of a WebP, where a PNG would be too large: the best that fits."""
_FORMATS: Final = ("PNG",)
_WHITE: Final = 128
_SMOOTH: Final = PIL.Image.Resampling.LANCZOS


class TooLarge(ValueError):
    """No encoding makes the picture small enough."""


def start(data: bytes, width: int, height: int) -> bytes:
    """A start image: what does not fit the shape is cut off at both ends, white shows where it is transparent.

    `data` is a PNG of ours. Raises what Pillow raises for one that is damaged, and TooLarge.
    """
    with _opened(data) as opened:
        if opened.width * opened.height > MOST_FLATTENED:
            # The other way round, which is how a worker does it, holds the whole picture four times over. What comes
            # of the two differs by rounding.
            picture = _flat(PIL.ImageOps.fit(opened, (width, height), _SMOOTH), "white")
        else:
            picture = PIL.ImageOps.fit(_flat(opened, "white"), (width, height), _SMOOTH)
    if len(png := _encoded(picture, "PNG")) <= MOST_START_BYTES:
        return png
    for quality in QUALITIES:
        if len(webp := _encoded(picture, "WEBP", quality=quality, method=2)) <= MOST_START_BYTES:
            return webp
    raise TooLarge


def mask(data: bytes, width: int, height: int) -> bytes:
    """A mask, likewise; what is transparent stays as it is in the start image, as does what is darker than grey."""
    with _opened(data) as opened:
        grey = PIL.ImageOps.fit(_flat(opened, "black").convert("L"), (width, height), _SMOOTH)
    # One bit a pixel, which is all the worker goes by.
    png = _encoded(grey.point(lambda value: 255 * (value >= _WHITE), "1"), "PNG", optimize=True)
    if len(png) > MOST_MASK_BYTES:
        raise TooLarge
    return png


def _opened(data: bytes) -> PIL.Image.Image:
    return PIL.Image.open(io.BytesIO(data), formats=_FORMATS)


def _flat(picture: PIL.Image.Image, behind: str) -> PIL.Image.Image:
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    picture = picture.convert("RGBA")
    return PIL.Image.alpha_composite(PIL.Image.new("RGBA", picture.size, behind), picture).convert("RGB")


def _encoded(picture: PIL.Image.Image, file_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, file_format, **options)
    return file.getvalue()
