"""Pictures by URL, looked at before anything is unpacked, and written again without what came with their files."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import IO, Final

import marshmallow as ma
import PIL.Image
import PIL.ImageOps
from PIL.Image import Image
from qhana_plugin_runner.api.util import FileUrl
from qhana_plugin_runner.requests import open_url_as_file_like

FORMATS: Final = ("PNG", "JPEG", "WEBP")
"""Pillow reads many more, some of them by running other programs."""
CONTENT_TYPES: Final = ("image/png", "image/jpeg", "image/webp")
MOST_BYTES: Final = 30 * 1024 * 1024
MOST_SIDE: Final = 16_383
"""The longest side that all three formats have."""
MOST_PIXELS: Final = 25_000_000
"""What it unpacks to is decided by this and not by the size of the file: some 100 MB at four bytes a pixel."""
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_ORIENTATION: Final = 0x0112
_ON_THE_SIDE: Final = (5, 6, 7, 8)
_SIXTEEN_BITS: Final = "I;16"
_SCALE_TO_EIGHT: Final = 1 / 257


class PictureRefused(ValueError):
    """A picture that cannot be used; says why in a sentence."""


class Format(Enum):
    """What pictures are written as, each with its name for people."""

    png = "PNG"
    jpeg = "JPEG"
    webp = "WebP"

    @property
    def content_type(self) -> str:
        """As on the wire."""
        return f"image/{self.name}"

    @property
    def ending(self) -> str:
        """Of file names."""
        return {"jpeg": ".jpg"}.get(self.name, f".{self.name}")


@dataclass(frozen=True, kw_only=True)
class File:
    """A picture's file as it came."""

    name: str
    """Without folders and ending."""
    data: bytes = field(repr=False)
    format: Format
    width: int
    """Pixels, of the upright picture."""
    height: int
    """Pixels."""


def url_field(label: str, description: str, *, required: bool = True) -> FileUrl:
    """The form's field for a picture."""
    return FileUrl(
        required=required,
        allow_none=not required,
        data_input_type="image/*",
        data_content_types=list(CONTENT_TYPES),
        metadata={"label": label, "description": description},
    )


def is_colour(text: object) -> bool:
    """Whether it is written `#rrggbb`."""
    return isinstance(text, str) and _COLOUR.fullmatch(text) is not None


def must_be_colour(text: str) -> None:
    """For a field. Raises ValidationError."""
    if not is_colour(text):
        raise ma.ValidationError("Not a colour: write it as #rrggbb.")


def fetch(url: str) -> File:
    """The file at a URL, its header read. Raises PictureRefused, and what `open_url` raises."""
    with open_url_as_file_like(url) as (name, file, _):
        data = _read(file)
    with _opened(data) as image:
        kind = Format[str(image.format).lower().replace("mpo", "jpeg")]
        width, height = image.size[::-1] if image.getexif().get(_ORIENTATION, 1) in _ON_THE_SIDE else image.size
    return File(name=name.rpartition(".")[0] or name, data=data, format=kind, width=width, height=height)


def unpack(file: File, *, within: tuple[int, int] | None = None) -> Image:
    """Its pixels: upright, RGB or RGBA with eight bits a channel; no larger than `within`. Raises PictureRefused."""
    with _opened(file.data) as opened:
        if within is not None:
            # JPEGs need not be unpacked larger than they are wanted, upright or not.
            opened.draft(None, (max(within), max(within)))
        image = _eight_bits(PIL.ImageOps.exif_transpose(opened))
    if within is not None:
        image.thumbnail(within, PIL.Image.Resampling.LANCZOS)
    return image


def pack(image: Image, kind: Format, *, quality: int = 90, background: str = "#ffffff") -> bytes:
    """A file without metadata. `quality` (1-100) is JPEG's and WebP's; a JPEG has `background` behind the picture."""
    if kind is Format.jpeg and image.mode == "RGBA":
        behind = PIL.Image.new("RGB", image.size, background)
        behind.paste(image, mask=image.getchannel("A"))
        image = behind
    # Pasted onto a new one, which has none of what came with the old one.
    fresh = PIL.Image.new(image.mode, image.size)
    fresh.paste(image)
    file = io.BytesIO()
    fresh.save(file, kind.name.upper(), **({} if kind is Format.png else {"quality": quality}))
    return file.getvalue()


def _read(file: IO[bytes]) -> bytes:
    pieces, size = [], 0
    while piece := file.read(256 * 1024):
        size += len(piece)
        if size > MOST_BYTES:
            raise PictureRefused(f"The picture's file is larger than {MOST_BYTES // 1024**2} MB.")
        pieces.append(piece)
    if not pieces:
        raise PictureRefused("The picture's file is empty.")
    return b"".join(pieces)


@contextmanager
def _opened(data: bytes) -> Iterator[Image]:
    """The picture, its header read; what Pillow stumbles over inside the block becomes PictureRefused."""
    try:
        with PIL.Image.open(io.BytesIO(data), formats=FORMATS) as image:
            _check(image)
            yield image
    except PictureRefused:
        raise
    except PIL.Image.DecompressionBombError as error:
        raise _too_large() from error
    except PIL.UnidentifiedImageError as error:
        raise PictureRefused("Only PNG, JPEG and WebP pictures can be used.") from error
    except MemoryError as error:
        raise PictureRefused("The picture is too large to be unpacked here.") from error
    except Exception as error:  # Decoders raise whatever they stumble over: cut short, a wrong checksum.
        raise PictureRefused("The picture cannot be read; its file is damaged.") from error


def _check(image: Image) -> None:
    if image.width * image.height > MOST_PIXELS or max(image.size) > MOST_SIDE:
        raise _too_large()
    # Telephones lay a second picture into a JPEG, which Pillow then calls MPO; the first one is the photograph.
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise PictureRefused("An animation cannot be used; send a single picture.")


def _eight_bits(image: Image) -> Image:
    if image.mode.startswith(_SIXTEEN_BITS):
        # Pillow's own conversion would clip instead of scaling.
        image = image.point(lambda value: value * _SCALE_TO_EIGHT + 0.5).convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _too_large() -> PictureRefused:
    return PictureRefused(
        f"The picture has too many pixels; {MOST_PIXELS // 1_000_000} million are allowed, {MOST_SIDE} a side."
    )
