"""Fill in a request's defaults and refuse what the model cannot do, every wrong field at once; knows no torch."""

import math
import secrets
import unicodedata
from collections.abc import Iterator
from typing import Final

from services.foundation.errors import FieldViolation, InvalidInput
from services.gpu import errors
from services.gpu.card import Card
from services.gpu.requests import Adapter, Plan, Request

# The largest whole number that JSON readers keep exactly; seeds travel through pages and scripts.
MAX_SEED: Final = 2**53 - 1
DRAW_SEED: Final = -1
# A float32 on the wire comes back as a neighbour of the number that was sent, perhaps from above the limit.
_A_HAIR_MORE: Final = 1 + 2**-23
_LINE_WHITESPACE: Final = "\t\n\r"
MAX_ADAPTERS: Final = 4
"""LoRAs a request; each takes memory and a little of every step."""
MAX_ADAPTER_WEIGHT: Final = 2.0
"""Beyond it, in either direction, pictures fall apart."""
_STRENGTH: Final = 0.8
_NAME_SHOWN: Final = 80


def settle(request: Request, card: Card) -> Plan:
    """What is drawn for the request. Raises ModelNotFound, or InvalidInput with every field that is wrong."""
    if request.model not in (None, card.name):
        raise errors.ModelNotFound(metadata={"model": str(request.model)})
    samples = 1 if request.samples is None else request.samples
    varied = request.variation_strength != 0
    plan = Plan(
        prompt=request.prompt,
        negative_prompt=request.negative_prompt,
        request_id=request.request_id,
        model=card.name,
        sampler=request.sampler or card.defaults.sampler,
        steps=card.defaults.steps if request.steps is None else request.steps,
        guidance=card.defaults.guidance if request.guidance is None else request.guidance,
        width=card.defaults.width if request.width is None else request.width,
        height=card.defaults.height if request.height is None else request.height,
        seed=_draw_seed(samples) if request.seed is None or request.seed == DRAW_SEED else request.seed,
        samples=samples,
        preview_every=request.preview_every,
        start_image=request.start_image or None,
        mask=request.mask or None,
        strength=_strength(request),
        variation_seed=_variation_seed(request.variation_seed, samples) if varied else None,
        variation_strength=request.variation_strength,
        guidance_rescale=request.guidance_rescale,
        clip_skip=request.clip_skip,
        adapters=request.adapters,
        deadline=request.deadline,
    )
    if violations := (*_violations(plan, card), *_picture(plan, card, request.strength)):
        raise InvalidInput.of(*violations)
    return plan


def _draw_seed(samples: int) -> int:
    # Never 0, which elsewhere means "not set"; the last image's seed still fits.
    return 1 + secrets.randbelow(MAX_SEED - max(1, samples))


def _strength(request: Request) -> float:
    # A mask already says what stays; a picture alone says it by the noise that is left out.
    drawn_anew = 1.0 if request.mask or not request.start_image else _STRENGTH
    return drawn_anew if request.strength is None else request.strength


def _variation_seed(seed: int | None, samples: int) -> int:
    return _draw_seed(samples) if seed is None or seed == DRAW_SEED else seed


def _violations(plan: Plan, card: Card) -> Iterator[FieldViolation]:
    limits = card.limits
    yield from _text("prompt", plan.prompt, limits.max_prompt_chars)
    if not plan.prompt.strip():
        yield FieldViolation(field="prompt", description="The prompt is empty; say what to draw.")
    yield from _text("negative_prompt", plan.negative_prompt, limits.max_prompt_chars)
    if plan.sampler not in {sampler.name for sampler in card.samplers}:
        names = ", ".join(sampler.name for sampler in card.samplers)
        yield FieldViolation(field="sampler", description=f"sampler must be one of: {names}.")
    yield from _range("steps", plan.steps, 1, limits.max_steps)
    if not math.isfinite(plan.guidance) or not 0 <= plan.guidance <= limits.max_guidance * _A_HAIR_MORE:
        yield FieldViolation(field="guidance", description=f"guidance must be from 0 to {limits.max_guidance:g}.")
    yield from _side("width", plan.width, card)
    yield from _side("height", plan.height, card)
    if limits.max_pixels and plan.width * plan.height > limits.max_pixels:
        yield FieldViolation(field="width", description=f"width times height must be at most {limits.max_pixels}.")
    yield from _range("samples", plan.samples, 1, limits.max_samples)
    yield from _seed("seed", plan.seed, plan.samples)
    if plan.preview_every < 0:
        yield FieldViolation(field="preview_every_steps", description="preview_every_steps must not be negative.")
    if plan.variation_seed is not None:
        yield from _seed("variation_seed", plan.variation_seed, plan.samples)
    yield from _share("variation_strength", plan.variation_strength)
    yield from _share("guidance_rescale", plan.guidance_rescale)
    yield from _range("clip_skip", plan.clip_skip, 0, limits.max_clip_skip)
    yield from _adapters(plan.adapters, card)


def _text(field: str, text: str, most: int) -> Iterator[FieldViolation]:
    name = field.replace("_", " ")
    if len(text) > most:
        yield FieldViolation(field=field, description=f"The {name} has {len(text)} characters; {most} are allowed.")
        return
    if any(unicodedata.category(char) in ("Cc", "Cs") and char not in _LINE_WHITESPACE for char in text):
        yield FieldViolation(
            field=field, description=f"The {name} holds control characters; only tabs and line breaks are allowed."
        )


def _range(field: str, value: int, least: int, most: int) -> Iterator[FieldViolation]:
    if not least <= value <= most:
        yield FieldViolation(field=field, description=f"{field} must be from {least} to {most}.")


def _side(field: str, value: int, card: Card) -> Iterator[FieldViolation]:
    limits = card.limits
    if not limits.min_size <= value <= limits.max_size or value % limits.size_multiple:
        yield FieldViolation(
            field=field,
            description=(
                f"{field} must be from {limits.min_size} to {limits.max_size} pixels, "
                f"a multiple of {limits.size_multiple}."
            ),
        )


def _seed(field: str, seed: int, samples: int) -> Iterator[FieldViolation]:
    # Every image has a seed of its own, so the last one's must fit too.
    most = MAX_SEED - max(0, samples - 1)
    if not 0 <= seed <= most:
        yield FieldViolation(
            field=field, description=f"{field} must be from 0 to {most}, or {DRAW_SEED} to have one drawn."
        )


def _share(field: str, value: float) -> Iterator[FieldViolation]:
    if not 0 <= value <= 1:  # nor is "not a number"
        yield FieldViolation(field=field, description=f"{field} must be from 0 to 1.")


def _picture(plan: Plan, card: Card, strength: float | None) -> Iterator[FieldViolation]:
    if not 0 < plan.strength <= 1:
        yield FieldViolation(field="strength", description="strength must be above 0 and at most 1.")
    elif strength is not None and plan.start_image is None:
        yield FieldViolation(field="strength", description="strength says how much of a start image changes; send one.")
    elif plan.steps >= 1 and int(plan.steps * plan.strength) < 1:
        yield FieldViolation(
            field="strength", description="strength times steps must be at least 1, or nothing would be drawn."
        )
    if plan.start_image is None and card.inpainting:
        yield FieldViolation(field="start_image", description="This model fills holes in pictures; send one to fill.")
    if plan.mask is None and card.inpainting:
        yield FieldViolation(field="mask", description="This model fills holes in pictures; send a mask of the hole.")
    if plan.mask is not None and plan.start_image is None and not card.inpainting:
        yield FieldViolation(field="mask", description="A mask needs a start image to lie on.")


def _adapters(adapters: tuple[Adapter, ...], card: Card) -> Iterator[FieldViolation]:
    names = [adapter.name for adapter in adapters]
    if len(names) > MAX_ADAPTERS:
        yield FieldViolation(field="adapters", description=f"At most {MAX_ADAPTERS} adapters may be used at once.")
        return
    if len(set(names)) < len(names):
        yield FieldViolation(field="adapters", description="An adapter is named twice; name it once, with one weight.")
    for name in names:
        if name not in card.adapters:
            yield FieldViolation(
                field="adapters", description=f"There is no adapter {name[:_NAME_SHOWN]!r} for this model."
            )
    if not all(abs(adapter.weight) <= MAX_ADAPTER_WEIGHT * _A_HAIR_MORE for adapter in adapters):
        most = f"{MAX_ADAPTER_WEIGHT:g}"
        yield FieldViolation(field="adapters", description=f"An adapter's weight must be from -{most} to {most}.")
