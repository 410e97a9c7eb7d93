"""The ways to draw whose pictures are compared with diffusers' own: plans with their pictures, by name."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from services.gpu import images, limits, uploads
from services.gpu.card import Card
from services.gpu.requests import Pictures, Plan, Request


@dataclass(frozen=True, kw_only=True)
class Mode:
    """A way to draw."""

    checkpoint: str
    """Which of the tiny checkpoints: `tiny`, `velocity`, `inpainting` or `distilled`."""
    fields: dict[str, Any]
    """What its requests say beside the usual."""


def _file(colours: tuple[str, str], mode: str) -> bytes:
    picture = Image.new(mode, (72, 96), colours[0])
    ImageDraw.Draw(picture).ellipse((20, 8, 60, 70), fill=colours[1])
    return images.png(np.asarray(picture.convert("RGB")))


START: Final = _file(("navy", "orange"), "RGB")
MASK: Final = _file(("black", "white"), "L")

MODES: Final = {
    "text to image": Mode(checkpoint="tiny", fields={}),
    "without guidance": Mode(checkpoint="tiny", fields={"guidance": 1.0}),
    "negative prompt": Mode(checkpoint="tiny", fields={"negative_prompt": "blue house"}),
    "rescaled guidance": Mode(checkpoint="tiny", fields={"guidance_rescale": 0.7}),
    "variation": Mode(checkpoint="tiny", fields={"variation_seed": 5, "variation_strength": 0.3}),
    "velocity": Mode(checkpoint="velocity", fields={}),
    "image to image": Mode(checkpoint="tiny", fields={"start_image": START, "strength": 0.6}),
    "image to image, all of it": Mode(checkpoint="tiny", fields={"start_image": START, "strength": 1.0}),
    "inpainting": Mode(checkpoint="tiny", fields={"start_image": START, "mask": MASK}),
    "inpainting, in part": Mode(checkpoint="tiny", fields={"start_image": START, "mask": MASK, "strength": 0.6}),
    "native inpainting": Mode(checkpoint="inpainting", fields={"start_image": START, "mask": MASK}),
    "native inpainting, in part": Mode(
        checkpoint="inpainting", fields={"start_image": START, "mask": MASK, "strength": 0.6}
    ),
    "guidance as an input": Mode(checkpoint="distilled", fields={}),
}


def a_request(mode: str, **fields: Any) -> Request:
    """A request of six steps, 72 × 96."""
    usual = {"prompt": "a red circle", "steps": 6, "guidance": 7.5, "seed": 11, "width": 72, "height": 96}
    return Request(**{**usual, **MODES[mode].fields, **fields})


def a_plan(card: Card, mode: str, **fields: Any) -> tuple[Plan, Pictures]:
    """What is drawn for it."""
    plan = limits.settle(a_request(mode, **fields), card)
    return plan, uploads.decode(plan)
