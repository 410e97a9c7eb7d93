"""Pictures as they go to a worker: fitted as it would itself, and never larger than it takes."""

import io
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import PIL.Image
import pytest
from PIL import _imaging

from services.gpu import uploads
from services.gpu.images import Pixels
from services.gpu.requests import Plan
from services.tasks.workers import fitting
from tests.support.picture_files import encoded, picture


def plan(**files: Any) -> Plan:
    usual: dict[str, Any] = {
        "prompt": "a house", "negative_prompt": "", "request_id": "", "model": "mini", "sampler": "DDIM", "steps": 4,
        "guidance": 1.0, "width": 96, "height": 64, "seed": 1, "samples": 1, "preview_every": 0,
    }  # fmt: skip
    return Plan(**usual | files)


def seen(drawn: Plan) -> tuple[Pixels, Pixels]:
    """The start image and the mask as the worker has them."""
    pictures = uploads.decode(drawn)
    assert pictures.start is not None
    assert pictures.mask is not None
    return pictures.start, pictures.mask


def noise(mode: str, width: int, height: int) -> bytes:
    channels = len(PIL.Image.new(mode, (1, 1)).getbands())
    return encoded(PIL.Image.frombytes(mode, (width, height), os.urandom(width * height * channels)))


def blocks(work: Callable[[], object]) -> int:
    """How many blocks of 16 MiB at most Pillow takes for its pixels meanwhile."""
    _imaging.reset_stats()
    work()
    return int(_imaging.get_stats()["allocated_blocks"])


@pytest.mark.parametrize("size", [(300, 100), (50, 120), (96, 64), (31, 17)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_the_worker_sees_what_it_would_have_made_of_the_whole_files(mode: str, size: tuple[int, int]) -> None:
    start, mask = noise(mode, *size), noise(mode, *size)
    meant = seen(plan(start_image=start, mask=mask))

    sent = seen(plan(start_image=fitting.start(start, 96, 64), mask=fitting.mask(mask, 96, 64)))

    assert all(np.array_equal(one, other) for one, other in zip(sent, meant, strict=True))


def test_a_picture_larger_than_any_upload_is_flattened_only_when_it_is_small() -> None:
    large = picture("RGBA", (4000, 3000), (200, 100, 0, 128))
    large.paste((0, 0, 0, 0), (0, 0, 2000, 3000))
    data = encoded(large, compress_level=1)
    whole = blocks(large.copy)
    sent: list[bytes] = []

    taken = blocks(lambda: sent.append(fitting.start(data, 96, 64)))

    # As it came and with its colours weighed by their alpha; all else is small, a block at most.
    assert taken <= 2 * whole + 8
    with PIL.Image.open(io.BytesIO(sent[0])) as image:
        assert (image.mode, image.getpixel((9, 9)), image.getpixel((90, 60))) == (
            "RGB", (255, 255, 255), (227, 177, 127),
        )  # fmt: skip


def test_what_would_be_too_large_as_a_png_is_sent_smaller() -> None:
    sent = fitting.start(noise("RGB", 1100, 1100), 1100, 1100)

    assert len(sent) <= fitting.MOST_START_BYTES == uploads.MAX_START_BYTES
    with PIL.Image.open(io.BytesIO(sent)) as image:
        assert (image.format, image.size) == ("WEBP", (1100, 1100))


def test_the_noisiest_mask_of_the_largest_size_that_is_kept_fits() -> None:
    sent = fitting.mask(noise("L", 2048, 2048), 2048, 2048)

    assert len(sent) <= fitting.MOST_MASK_BYTES == uploads.MAX_MASK_BYTES


def test_what_no_encoding_makes_small_enough_is_said_to_be() -> None:
    with pytest.raises(fitting.TooLarge):
        fitting.mask(noise("L", 3000, 3000), 3000, 3000)


def test_what_is_transparent_is_white_in_a_start_image_and_stays_in_a_mask() -> None:
    nothing = encoded(picture("RGBA", (96, 64), (255, 255, 255, 0)))

    with PIL.Image.open(io.BytesIO(fitting.start(encoded(picture("RGBA", (96, 64), (9, 9, 9, 0))), 96, 64))) as image:
        assert image.getpixel((5, 5)) == (255, 255, 255)
    with PIL.Image.open(io.BytesIO(fitting.mask(nothing, 96, 64))) as image:
        assert image.getpixel((5, 5)) == 0
