"""What becomes of pictures that people bring: rows 59 to 72 of the bad-input catalogue, and every good form."""

import io
import json
from collections.abc import Callable

import PIL.Image
import PIL.ImageCms
import pytest

from services.tasks.errors import PictureRefused
from services.tasks.files.pictures import plain
from tests.support.picture_files import PNG, REFUSED, encoded, photograph, picture, with_chunk


def reopened(data: bytes) -> PIL.Image.Image:
    image = PIL.Image.open(io.BytesIO(plain(data).data), formats=["PNG"])
    image.load()
    return image


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_with_a_sentence(name: str) -> None:
    make, sentence = REFUSED[name]

    with pytest.raises(PictureRefused, match=sentence) as caught:
        plain(make())

    assert caught.value.message.endswith(".")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_every_good_form_becomes_a_png_of_the_same_picture(form: str) -> None:
    made = plain(encoded(picture(colour=(200, 100, 50)), form, quality=95))

    image = reopened(made.data)
    assert (image.format, image.mode, image.size, (made.width, made.height)) == ("PNG", "RGB", (40, 20), (40, 20))
    pixel = image.getpixel((5, 5))
    assert isinstance(pixel, tuple)
    assert all(abs(seen - meant) < 8 for seen, meant in zip(pixel, (200, 100, 50), strict=True))


MODES: dict[str, tuple[Callable[[], bytes], str, object]] = {
    "grey": (lambda: encoded(picture("L", colour=128)), "RGB", (128, 128, 128)),
    "grey with alpha": (lambda: encoded(picture("LA", colour=(128, 64))), "RGBA", (128, 128, 128, 64)),
    "black and white": (lambda: encoded(picture("1", colour=1)), "RGB", (255, 255, 255)),
    "palette": (lambda: encoded(picture(colour=(9, 8, 7)).quantize(4)), "RGB", (9, 8, 7)),
    "alpha": (lambda: encoded(picture("RGBA", colour=(9, 8, 7, 0))), "RGBA", (9, 8, 7, 0)),
    "sixteen bits": (lambda: encoded(picture("I;16", colour=0x8000)), "RGB", (128, 128, 128)),
    "CMYK": (lambda: encoded(picture("CMYK", colour=(0, 0, 0, 0)), "JPEG", quality=100), "RGB", (255, 255, 255)),
}


@pytest.mark.parametrize("name", MODES)
def test_every_mode_becomes_eight_bits_a_channel(name: str) -> None:
    make, mode, colour = MODES[name]

    image = reopened(make())

    assert (image.mode, image.getpixel((0, 0))) == (mode, colour)


def test_a_photograph_stands_upright_and_says_nothing_of_where_it_was_taken() -> None:
    made = plain(photograph())

    image = reopened(made.data)
    assert image.size == (20, 40)
    top, bottom = image.getpixel((10, 5)), image.getpixel((10, 35))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert (top[0] > 200, bottom[0] < 50) == (True, True)
    assert (dict(image.getexif()), image.info) == ({}, {})
    assert b"at home" not in made.data


def test_nothing_hidden_in_a_file_survives() -> None:
    secret = b"<script>alert(1)</script>"
    profile = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
    hidden = with_chunk(encoded(picture(), icc_profile=profile), b"tEXt", b"Comment\0" + secret) + b"PK\3\4" + secret

    made = plain(hidden)

    assert secret not in made.data
    assert b"iCCP" not in made.data
    assert reopened(made.data).info == {}


def test_a_telephones_second_picture_is_passed_over() -> None:
    both = encoded(picture(colour=(200, 0, 0)), "MPO", save_all=True, append_images=[picture(colour=(0, 0, 200))])

    pixel = reopened(both).getpixel((5, 5))

    assert isinstance(pixel, tuple)
    assert pixel[0] > 150 > pixel[2]


def test_a_large_picture_is_kept_no_larger_than_is_of_use() -> None:
    made = plain(encoded(picture(size=(4096, 1024)), "JPEG"))

    assert (made.width, made.height) == (2048, 512)


def test_a_picture_of_ours_loses_its_settings_too() -> None:
    ours = with_chunk(PNG, b"tEXt", b"daydream\0" + json.dumps({"prompt": "secret"}).encode())

    assert b"secret" not in plain(ours).data
