"""The committed model in diffusers' own pipelines that begin from a picture: they load in silence and do their part."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.export import OUTPUT
from models.libraries import StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline
from models.renderer import render
from models.world import Background, Colour, Form, Shape, Single, generator
from tests.support import complaints

START = Single(shape=Shape(form=Form.CIRCLE, colour=Colour.RED), background=Background.WHITE)
PROMPT = "a green circle on a white background"


@pytest.fixture
def messages() -> Iterator[list[str]]:
    """What diffusers and transformers have to complain about meanwhile."""
    with complaints.heard() as messages:
        yield messages


@pytest.fixture
def start() -> Image.Image:
    """A red circle in the middle of a white sheet."""
    return render(START, generator("start"))


def ask(pipeline: Any, **given: Any) -> NDArray[np.int64]:
    """The pixels that come out, height × width × 3."""
    pipeline.set_progress_bar_config(disable=True)
    image = pipeline(
        PROMPT, guidance_scale=2.5, num_inference_steps=20, generator=torch.Generator().manual_seed(3), **given
    ).images[0]
    return np.asarray(image).astype(np.int64)


@pytest.mark.filterwarnings("error::FutureWarning")
def test_a_picture_is_drawn_from_another(messages: list[str], start: Image.Image) -> None:
    pipeline = StableDiffusionImg2ImgPipeline.from_pretrained(OUTPUT, local_files_only=True)

    pixels = ask(pipeline, image=start, strength=0.8)

    red, green, _ = pixels[56:72, 56:72].reshape(-1, 3).mean(axis=0)
    assert messages == []
    assert green > red + 40


@pytest.mark.filterwarnings("error::FutureWarning")
def test_only_what_the_mask_covers_is_drawn_anew(messages: list[str], start: Image.Image) -> None:
    pipeline = StableDiffusionInpaintPipeline.from_pretrained(OUTPUT, local_files_only=True)
    mask = Image.new("L", start.size)
    ImageDraw.Draw(mask).rectangle((64, 0, 127, 127), fill=255)

    pixels = ask(pipeline, image=start, mask_image=mask, strength=1.0, width=128, height=128)

    left = np.abs(pixels[:, :48] - np.asarray(start).astype(np.int64)[:, :48])
    right = np.abs(pixels[:, 80:] - np.asarray(start).astype(np.int64)[:, 80:])
    assert messages == []
    assert left.mean() < 12
    assert right.max() > 60
