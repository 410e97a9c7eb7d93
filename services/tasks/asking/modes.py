"""Checks the ways of drawing beside plain text to image: start image, mask, variations, LoRAs, and fills in defaults.

The worker checks all of this too; here it is told before anything is queued and paid for.
"""

import secrets
from collections.abc import Iterator
from typing import Final

from services.foundation.errors import FieldViolation
from services.tasks.asking.ingredients import Adapter, Parameters, Shapes
from services.tasks.workers.capabilities import Model

MAX_SEED: Final = 2**53 - 1
"""The largest integer that every client, JavaScript included, reads back exactly."""
MAX_ADAPTERS: Final = 4
MAX_ADAPTER_WEIGHT: Final = 2.0
STRENGTH: Final = 0.8
STRENGTH_WITH_MASK: Final = 1.0
"""A mask already says what stays; a picture alone says it by the noise that is left out."""
SAME_SHAPE: Final = 0.02
"""How far the shape of a mask may be from the start image's, as a share: sizes are whole pixels."""
_NAME_SHOWN: Final = 80


def strength(given: float | None, *, starts: bool, masked: bool) -> float | None:
    """How much is drawn anew; a strength that nothing can be done with is kept, to be refused."""
    if given is not None or not starts:
        return given
    return STRENGTH_WITH_MASK if masked else STRENGTH


def variation_seed(given: int | None, variation_strength: float, samples: int) -> int | None:
    """The seed to bend towards, drawn here if need be, so that every attempt bends towards the same; None without."""
    if variation_strength == 0:
        return None
    if given in {None, -1}:
        return secrets.randbelow(MAX_SEED - max(1, samples))
    return given


def violations(asked: Parameters, model: Model, shapes: Shapes) -> Iterator[FieldViolation]:
    """Every field that is wrong; `shapes` are those of the pictures that are named."""
    yield from _pictures(asked, model, shapes)
    yield from _strength(asked)
    last = MAX_SEED - (max(asked.samples, 1) - 1)
    if asked.variation_seed is not None and not 0 <= asked.variation_seed <= last:
        yield _wrong("variation_seed", f"Variation seed must be 0 to {last}, or -1 to draw one.")
    yield from _share("variation_strength", asked.variation_strength)
    yield from _share("guidance_rescale", asked.guidance_rescale)
    if not 0 <= asked.clip_skip <= model.limits.max_clip_skip:
        yield _wrong("clip_skip", f"Clip skip must be 0 to {model.limits.max_clip_skip} with this model.")
    yield from _adapters(asked.adapters, model)


def not_there(field: str, upload_id: str) -> FieldViolation:
    """A picture is named that the caller does not have; `upload_id` is empty when an image was named."""
    if upload_id:
        return _wrong(field, "There is no such upload; uploads are kept for a day after they were last used.")
    return _wrong(field, "There is no such image.")


def _wrong(field: str, description: str) -> FieldViolation:
    return FieldViolation(field=field, description=description)


def _pictures(asked: Parameters, model: Model, shapes: Shapes) -> Iterator[FieldViolation]:
    start, mask = asked.start_image, asked.mask_upload_id
    if start is None and model.inpainting_only:
        yield _wrong("start_image", "This model fills holes in pictures; name a start image to fill.")
    elif start is not None and shapes.start is None:
        yield not_there("start_image", start.upload_id)
    if not mask and model.inpainting_only:
        yield _wrong("mask_upload_id", "This model fills holes in pictures; name a mask of the hole.")
    elif mask and start is None and not model.inpainting_only:
        yield _wrong("mask_upload_id", "A mask needs a start image to lie on.")
    if mask and shapes.mask is None:
        yield not_there("mask_upload_id", mask)
    if shapes.start is not None and shapes.mask is not None:
        ratio = (shapes.start.width * shapes.mask.height) / (shapes.start.height * shapes.mask.width)
        if abs(ratio - 1) > SAME_SHAPE:
            yield _wrong("mask_upload_id", "The mask has another shape than the start image.")


def _strength(asked: Parameters) -> Iterator[FieldViolation]:
    if asked.strength is None:
        return
    if not 0 < asked.strength <= 1:  # nor is "not a number"
        yield _wrong("strength", "Strength must be above 0 and at most 1.")
    elif asked.start_image is None:
        yield _wrong("strength", "Strength says how much of a start image changes; name one.")
    elif asked.steps >= 1 and int(asked.steps * asked.strength) < 1:
        yield _wrong("strength", "Strength times steps must be at least 1, or nothing would be drawn.")


def _share(field: str, value: float) -> Iterator[FieldViolation]:
    if not 0 <= value <= 1:
        yield _wrong(field, f"{field.replace('_', ' ').capitalize()} must be 0 to 1.")


def _adapters(adapters: tuple[Adapter, ...], model: Model) -> Iterator[FieldViolation]:
    names = [adapter.name for adapter in adapters]
    if len(names) > MAX_ADAPTERS:
        yield _wrong("adapters", f"At most {MAX_ADAPTERS} adapters may be used at once.")
        return
    if len(set(names)) < len(names):
        yield _wrong("adapters", "An adapter is named twice; name it once, with one weight.")
    for name in names:
        if name not in model.adapters:
            yield _wrong("adapters", f"There is no adapter {name[:_NAME_SHOWN]!r} for this model.")
    if not all(abs(adapter.weight) <= MAX_ADAPTER_WEIGHT for adapter in adapters):
        most = f"{MAX_ADAPTER_WEIGHT:g}"
        yield _wrong("adapters", f"An adapter's weight must be -{most} to {most}.")
