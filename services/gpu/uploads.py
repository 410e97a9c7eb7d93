"""The image files that requests bring: looked at before anything is unpacked, then decoded and fitted to the plan."""

import io
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from services.foundation.errors import FieldViolation, InvalidInput
from services.gpu.images import Pixels
from services.gpu.requests import Pictures, Plan

MAX_START_BYTES: Final = 3 * 1024 * 1024
"""Size of a start image's file; with the mask it must fit into one message."""
MAX_MASK_BYTES: Final = 768 * 1024
"""Size of a mask's file."""
MAX_PIXELS: Final = 4096 * 4096
"""Width times height; a few hundred kilobytes of PNG can unpack to gigabytes."""
_FORMATS: Final = ("PNG", "JPEG", "WEBP")
_SAME_SHAPE: Final = 0.02
_WHITE: Final = 128
_SMOOTH: Final = Image.Resampling.LANCZOS
# What shows where a file is transparent. In a mask, where nothing was painted nothing is drawn anew.
_BEHIND: Final = {"start_image": "white", "mask": "black"}


def check(plan: Plan) -> None:
    """Look at the files' headers. Raises InvalidInput with every file that is no good; unpacks nothing."""
    violations: list[FieldViolation] = []
    for field, data, most in _files(plan):
        try:
            _open(field, data, most).close()
        except InvalidInput as error:
            violations += error.fields
    if violations:
        raise InvalidInput.of(*violations)


def decode(plan: Plan) -> Pictures:
    """The plan's files at the plan's size; what does not fit its shape is cut off at both ends. Raises InvalidInput."""
    opened = {field: _load(field, data, most) for field, data, most in _files(plan)}
    start, mask = opened.get("start_image"), opened.get("mask")
    if start is not None and mask is not None and abs(_shape(start) / _shape(mask) - 1) > _SAME_SHAPE:
        raise _refusal("mask", "The mask has another shape than the start image.")
    size = (plan.width, plan.height)
    return Pictures(
        start=None if start is None else np.asarray(ImageOps.fit(start, size, _SMOOTH)),
        mask=None if mask is None else _black_and_white(ImageOps.fit(mask.convert("L"), size, _SMOOTH)),
    )


def _files(plan: Plan) -> Iterator[tuple[str, bytes, int]]:
    if plan.start_image is not None:
        yield "start_image", plan.start_image, MAX_START_BYTES
    if plan.mask is not None:
        yield "mask", plan.mask, MAX_MASK_BYTES


def _open(field: str, data: bytes, most: int) -> Image.Image:
    if len(data) > most:
        raise _refusal(field, f"The file of {field} has {len(data)} bytes; {most} are allowed.")
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except Image.DecompressionBombError as error:
        raise _refusal(field, _too_large(field)) from error
    except Exception as error:  # Pillow raises whatever its decoders stumble over
        raise _refusal(field, f"{field} is no PNG, JPEG or WebP image.") from error
    if image.width * image.height > MAX_PIXELS:
        raise _refusal(field, _too_large(field))
    # Telephones lay a second picture into a JPEG, which Pillow then calls MPO; the first one is the photograph.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise _refusal(field, f"{field} is an animation; send a single picture.")
    return image


def _load(field: str, data: bytes, most: int) -> Image.Image:
    """As RGB and upright."""
    try:
        with _open(field, data, most) as opened:
            image = ImageOps.exif_transpose(opened)
            if image.mode.startswith(("I", "F")):
                # Sixteen bits, which Pillow would clip instead of scaling.
                image = Image.fromarray((np.asarray(image).astype(np.float32) / 257).round().clip(0, 255).astype("u1"))
            if not image.has_transparency_data:
                return image.convert("RGB")
            image = image.convert("RGBA")
            behind = Image.new("RGBA", image.size, _BEHIND[field])
            return Image.alpha_composite(behind, image).convert("RGB")
    except InvalidInput:
        raise
    except Exception as error:  # cut short, a wrong checksum, a colour profile that unpacks to gigabytes
        raise _refusal(field, f"{field} cannot be read; its file is damaged.") from error


def _black_and_white(grey: Image.Image) -> Pixels:
    return np.where(np.asarray(grey) >= _WHITE, np.uint8(255), np.uint8(0))


def _shape(image: Image.Image) -> float:
    return image.width / image.height


def _too_large(field: str) -> str:
    return f"{field} has too many pixels; {MAX_PIXELS} are allowed."


def _refusal(field: str, description: str) -> InvalidInput:
    return InvalidInput.of(FieldViolation(field=field, description=description))
