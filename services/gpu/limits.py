"""Fill in a request's defaults and refuse what the model cannot do, every wrong field at once; knows no torch."""

import math
import secrets
import unicodedata
from collections.abc import Iterator
from typing import Final

from services.foundation.errors import FieldViolation, InvalidInput
from services.gpu import errors
from services.gpu.card import Card
from services.gpu.requests import Plan, Request

# The largest whole number that JSON readers keep exactly; seeds travel through pages and scripts.
MAX_SEED: Final = 2**53 - 1
DRAW_SEED: Final = -1
# A float32 on the wire comes back as a neighbour of the number that was sent, perhaps from above the limit.
_A_HAIR_MORE: Final = 1 + 2**-23
_LINE_WHITESPACE: Final = "\t\n\r"


def settle(request: Request, card: Card) -> Plan:
    """What is drawn for the request. Raises ModelNotFound, or InvalidInput with every field that is wrong."""
    if request.model not in (None, card.name):
        raise errors.ModelNotFound(metadata={"model": str(request.model)})
    samples = 1 if request.samples is None else request.samples
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
    )
    if violations := tuple(_violations(plan, card)):
        raise InvalidInput.of(*violations)
    return plan


def _draw_seed(samples: int) -> int:
    # Never 0, which elsewhere means "not set"; the last image's seed still fits.
    return 1 + secrets.randbelow(MAX_SEED - max(1, samples))


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
    yield from _seed(plan)
    if plan.preview_every < 0:
        yield FieldViolation(field="preview_every_steps", description="preview_every_steps must not be negative.")


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


def _seed(plan: Plan) -> Iterator[FieldViolation]:
    # Every image has a seed of its own, so the last one's must fit too.
    most = MAX_SEED - max(0, plan.samples - 1)
    if not 0 <= plan.seed <= most:
        yield FieldViolation(
            field="seed", description=f"seed must be from 0 to {most}, or {DRAW_SEED} to have one drawn."
        )
