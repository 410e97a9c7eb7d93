"""What a picture will cost and how long it will take, before it is asked for; the ledger has the last word on both."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from daydream.gpu.v1 import inference_pb2
from daydream.tasks.v1 import tasks_pb2

STEP_PIXELS_A_TOKEN: Final = 20 * 512 * 512


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """For one task of the ledger."""

    tokens: int
    """Whole tokens."""
    milliseconds: int | None
    """None where nothing was measured."""


def model_of(known: tasks_pb2.GetCapabilitiesResponse | None, name: str) -> inference_pb2.Model | None:
    """The model of this name, the first one where none is named; None where it is not known."""
    models = [] if known is None else [each for each in known.models if name in {"", each.name}]
    return models[0] if models else None


def estimate(model: inference_pb2.Model, wanted: Mapping[str, Any]) -> Estimate:
    """For a form's values, with the model's defaults where it says nothing.

    samples × max(1, ⌈steps · width · height / (20 · 512²)⌉) tokens; by the measured size that is nearest in pixels.
    """
    defaults = model.defaults
    steps, samples = wanted.get("steps") or defaults.steps, wanted.get("samples") or 1
    pixels = (wanted.get("width") or defaults.width) * (wanted.get("height") or defaults.height)
    tokens = samples * max(1, math.ceil(steps * pixels / STEP_PIXELS_A_TOKEN))
    measured = min(model.step_times, key=lambda each: abs(each.width * each.height - pixels), default=None)
    if measured is None:
        return Estimate(tokens=tokens, milliseconds=None)
    guidance = defaults.guidance if wanted.get("guidance") is None else wanted["guidance"]
    scale = pixels / (measured.width * measured.height) * (1 if guidance > 1 else 0.5)
    microseconds = samples * scale * (steps * measured.step_us + measured.image_us)
    return Estimate(tokens=tokens, milliseconds=round(microseconds / 1000))
