"""Image files are looked at before they are unpacked, read as people mean them, and refused in a sentence."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from services.foundation.errors import InvalidInput
from services.gpu import limits, uploads
from services.gpu.requests import Plan, Request
from tests.support import gpu_model


def a_plan(**files: bytes) -> Plan:
    """A request of 64 × 96 pixels with these files."""
    return limits.settle(Request(prompt="a house", width=64, height=96, **files), gpu_model.card())  # type: ignore[arg-type]


def file(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The picture as a file."""
    held = io.BytesIO()
    image.save(held, kind, **options)
    return held.getvalue()


def halves(left: Any, right: Any, *, mode: str = "RGB", size: tuple[int, int] = (64, 96)) -> Image.Image:
    """A picture of two colours side by side."""
    image = Image.new(mode, size, left)
    image.paste(right, (size[0] // 2, 0, size[0], size[1]))
    return image


START = file(halves("red", "blue"))


def header_alone(width: int, height: int) -> bytes:
    """The beginning of a PNG of this size."""
    data = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))
    idat = b"IDAT" + zlib.compress(b"\0")
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", len(idat) - 4) + idat + struct.pack(">I", zlib.crc32(idat))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_brought_to_the_plans_size(kind: str) -> None:
    plan = a_plan(start_image=file(halves("red", "blue", size=(128, 192)), kind))

    uploads.check(plan)
    start = uploads.decode(plan).start

    assert start is not None
    assert start.shape == (96, 64, 3)
    assert start.dtype == np.uint8
    assert start[:, 4, 0].min() > 240
    assert start[:, -4, 2].min() > 240


def test_what_does_not_fit_the_plans_shape_is_cut_off_at_both_ends() -> None:
    plan = a_plan(start_image=file(halves("red", "blue", size=(400, 96))))

    start = uploads.decode(plan).start

    assert start is not None
    assert np.array_equal(start[0, :, 0] > 128, [True] * 32 + [False] * 32)


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        (halves((255, 0, 0, 0), (0, 0, 0, 255), mode="RGBA"), (255, 0)),
        (halves(0, 255, mode="L"), (0, 255)),
        (halves(0, 65535, mode="I;16"), (0, 255)),
        (halves(0, 32896, mode="I;16"), (0, 128)),
        (halves(0, 1, mode="1"), (0, 255)),
        (halves(1, 2, mode="P"), None),
    ],
    ids=["transparent", "grey", "sixteen bits", "sixteen bits, half", "one bit", "palette"],
)
def test_every_kind_of_pixel_is_read(image: Image.Image, shown: tuple[int, int] | None) -> None:
    plan = a_plan(start_image=file(image))

    start = uploads.decode(plan).start

    assert start is not None
    assert start.shape == (96, 64, 3)
    if shown is not None:
        assert (int(start[0, 4, 1]), int(start[0, -4, 1])) == shown


def test_colours_for_printing_are_read() -> None:
    plan = a_plan(start_image=file(Image.new("CMYK", (64, 96), (0, 255, 255, 0)), "JPEG"))

    start = uploads.decode(plan).start

    assert start is not None
    assert start[50, 30, 0] > 200
    assert start[50, 30, 1] < 60


def test_a_photograph_is_turned_upright_as_its_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = halves("red", "blue", size=(96, 64))

    start = uploads.decode(a_plan(start_image=file(lying, "JPEG", exif=exif))).start

    assert start is not None
    assert start[4, 32, 0] > 200
    assert start[-4, 32, 2] > 200


def test_a_mask_is_black_or_white_and_transparent_is_black() -> None:
    mask = halves((255, 255, 255, 0), (160, 160, 160, 255), mode="RGBA")

    told = uploads.decode(a_plan(start_image=START, mask=file(mask))).mask

    assert told is not None
    assert (told.shape, set(told[:, 4]), set(told[:, -4])) == ((96, 64), {0}, {255})


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\0", "no PNG, JPEG or WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG, JPEG or WebP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9", "no PNG, JPEG or WebP"),
        (file(Image.new("RGB", (8, 8)), "GIF"), "no PNG, JPEG or WebP"),
        (file(Image.new("RGB", (8, 8)), "TIFF"), "no PNG, JPEG or WebP"),
        (file(Image.new("RGB", (8, 8)), "BMP"), "no PNG, JPEG or WebP"),
        (header_alone(13_400, 13_400), "too many pixels"),
        (header_alone(2**31 - 1, 2**31 - 1), "too many pixels"),
        (START + b"\0" * uploads.MAX_START_BYTES, "bytes"),
        (
            file(Image.new("RGB", (8, 8)), "WEBP", save_all=True, append_images=[Image.new("RGB", (8, 8), "red")]),
            "animation",
        ),
        (
            file(Image.new("RGB", (8, 8)), "PNG", save_all=True, append_images=[Image.new("RGB", (8, 8), "red")]),
            "animation",
        ),
    ],
    ids=["a byte", "svg", "eps", "gif", "tiff", "bmp", "13400²", "huge", "large file", "moving webp", "moving png"],
)
def test_a_file_that_is_no_good_is_refused_by_its_header(data: bytes, sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence) as refused:
        uploads.check(a_plan(start_image=data))

    assert [violation.field for violation in refused.value.fields] == ["start_image"]


def test_every_bad_file_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        uploads.check(a_plan(start_image=b"x", mask=b"y"))

    assert [violation.field for violation in refused.value.fields] == ["start_image", "mask"]


@pytest.mark.parametrize(
    "data",
    [START[:-40], START[:60] + bytes([START[60] ^ 255]) + START[61:], header_alone(64, 96)],
    ids=["cut short", "wrong checksum", "no pixels"],
)
def test_a_damaged_file_is_refused_when_it_is_read(data: bytes) -> None:
    plan = a_plan(start_image=data)
    uploads.check(plan)

    with pytest.raises(InvalidInput, match="damaged"):
        uploads.decode(plan)


def test_a_text_that_unpacks_to_megabytes_is_not_unpacked() -> None:
    bomb = b"zTXtComment\0\0" + zlib.compress(b"a" * 50_000_000)
    chunk = struct.pack(">I", len(bomb) - 4) + bomb + struct.pack(">I", zlib.crc32(bomb))
    plan = a_plan(start_image=START[:33] + chunk + START[33:])

    with pytest.raises(InvalidInput):
        uploads.check(plan)


def test_a_mask_of_another_shape_is_refused() -> None:
    plan = a_plan(start_image=START, mask=file(Image.new("L", (96, 64))))

    with pytest.raises(InvalidInput, match="another shape") as refused:
        uploads.decode(plan)

    assert refused.value.fields[0].field == "mask"
