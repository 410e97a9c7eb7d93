"""Files that claim to be pictures: good ones in every form, and those of the bad-input catalogue."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import PIL.Image

LARGE = 13_000


def picture(mode: str = "RGB", size: tuple[int, int] = (40, 20), colour: Any = None) -> PIL.Image.Image:
    """A plain picture."""
    return PIL.Image.new(mode, size, colour if colour is not None else 0)


def encoded(image: PIL.Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """The picture as a file."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(png: bytes, kind: bytes, body: bytes) -> bytes:
    """A PNG with one more chunk after its header."""
    return png[:33] + chunk(kind, body) + png[33:]


def bomb(width: int, height: int) -> bytes:
    """A small PNG that unpacks to a grey picture of that size."""
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + width)
    packed = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def animation(form: str) -> bytes:
    """Two frames."""
    frames = [picture(colour=(200, 0, 0)), picture(colour=(0, 200, 0))]
    return encoded(frames[0], form, save_all=True, append_images=frames[1:], duration=100)


def photograph() -> bytes:
    """A JPEG as a telephone makes it: lying on its side, left half red, with the place it was taken at."""
    image = picture(size=(40, 20))
    image.paste((250, 0, 0), (0, 0, 20, 20))
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (47.0, 59.0, 0.0)
    return encoded(image, "JPEG", exif=exif, comment=b"at home", quality=95)


def zipped(size: int) -> bytes:
    """So many zeros, deflated."""
    return zlib.compress(bytes(size), 9)


PNG = encoded(picture(colour=(10, 20, 30)))
REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "59 nothing": (lambda: b"", "empty"),
    "61 SVG": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "Only PNG"),
    "61 HTML": (lambda: b"<!doctype html><script>alert(1)</script>", "Only PNG"),
    "63 bomb": (lambda: bomb(LARGE, 2_000), "too many pixels"),
    "64 beyond Pillow's own bound": (lambda: bomb(13_400, 13_400)[:60_000], "too many pixels"),
    "65 cut short": (lambda: encoded(picture(size=(400, 300)), "JPEG")[:-200], "damaged"),
    "65 PNG cut short": (lambda: bomb(500, 500)[:-60], "damaged"),
    "66 wrong checksum": (lambda: PNG[:-20] + bytes([PNG[-20] ^ 1]) + PNG[-19:], "damaged"),
    "67 a line": (lambda: bomb(1, 65_535), "Both sides"),
    "69 animated PNG": (lambda: animation("PNG"), "animation"),
    "69 animated WebP": (lambda: animation("WEBP"), "animation"),
    "69 GIF": (lambda: animation("GIF"), "Only PNG"),
    "70 TIFF": (lambda: encoded(picture(), "TIFF"), "Only PNG"),
    "70 EPS": (lambda: encoded(picture(), "EPS"), "Only PNG"),
    "70 PSD": (lambda: b"8BPS\0\1" + bytes(200), "Only PNG"),
    "70 FITS": (lambda: b"SIMPLE  =                    T" + bytes(2880), "Only PNG"),
    "72 zTXt bomb": (lambda: with_chunk(PNG, b"zTXt", b"Comment\0\0" + zipped(80_000_000)), "damaged"),
    "72 colour profile bomb": (lambda: with_chunk(PNG, b"iCCP", b"p\0\0" + zipped(80_000_000)), "damaged"),
}
