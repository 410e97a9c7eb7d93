"""Pixels to files. Nothing but pixels goes in: what made a picture is kept beside it, by tasks."""

import io
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
"""Height × width × 3, sRGB."""

# zlib's default takes five times as long for a fifth fewer bytes, and cores are scarce beside the denoiser.
_PNG_LEVEL: Final = 1


def png(pixels: Pixels) -> bytes:
    """The picture without loss."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=_PNG_LEVEL)
    return file.getvalue()


def webp(pixels: Pixels) -> bytes:
    """The picture in a few kilobytes, quickly, for a preview."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", quality=70, method=0)
    return file.getvalue()
