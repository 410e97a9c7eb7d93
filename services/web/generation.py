"""A generation as it is asked for over HTTP, by programs and by the studio page alike.

Checks types and what a message could not carry. What a model can do is for tasks to say, which knows the workers.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Final

import marshmallow as ma
from daydream.tasks.v1 import tasks_pb2
from marshmallow import validate

from services.foundation import errors
from services.web.fields import Number, Text, about
from services.web.ingredients import AdapterSchema, MaskSchema, StartImageSchema

MAX_SEED: Final = 2**53 - 1
_KEY: Final = re.compile(r"[\x21-\x7e]{1,64}")
_SEED: Final = validate.Range(min=-1, max=MAX_SEED, error="must be −1 or between 0 and 2^53 − 1.")
_SHARE: Final = validate.Range(min=0, max=1, error="must be between 0 and 1.")
# What a model can do is less, and another number for each; this is what a message holds.
_COUNT: Final = validate.Range(min=1, max=2**31 - 1, error="must be 1 or more, and not beyond all bounds.")


class TaskRequest(ma.Schema):
    """What to draw. What is left out takes the model's defaults."""

    class Meta:
        """Nothing that is not named here gets in: neither a role nor a balance."""

        unknown = ma.RAISE

    prompt = Text(
        required=True,
        validate=validate.Length(min=1, max=512, error="must be 1 to 512 characters."),
        metadata=about("What to draw, 1 to 512 characters.", example="a red house under a yellow sun"),
    )
    negative_prompt = Text(
        validate=validate.Length(max=512, error="must be at most 512 characters."), metadata=about("What to keep out.")
    )
    model = Text(validate=validate.Length(max=128), metadata=about("A model's name."))
    sampler = Text(validate=validate.Length(max=128), metadata=about("A sampler's name."))
    steps = ma.fields.Integer(strict=True, validate=_COUNT, metadata=about("Denoising steps."))
    guidance = Number(
        validate=validate.Range(min=0, max=1000, error="must be between 0 and 1000."),
        metadata=about("How strictly the prompt is followed; 1 and below switch guidance off."),
    )
    width = ma.fields.Integer(strict=True, validate=_COUNT, metadata=about("Pixels."))
    height = ma.fields.Integer(strict=True, validate=_COUNT, metadata=about("Pixels."))
    seed = ma.fields.Integer(
        strict=True,
        validate=_SEED,
        metadata=about("−1 draws one; image n uses seed + n."),
    )
    samples = ma.fields.Integer(
        strict=True,
        validate=validate.Range(min=1, max=10, error="must be between 1 and 10."),
        metadata=about("Images to make, 1 to 10."),
    )
    start_image = ma.fields.Nested(
        StartImageSchema,
        metadata=about("What to begin from; it is scaled to width and height and cut to their shape."),
    )
    mask = ma.fields.Nested(
        MaskSchema,
        metadata=about("White where the start image is drawn anew, black or transparent where it stays; of its shape."),
    )
    strength = Number(
        validate=validate.Range(min=0, min_inclusive=False, max=1, error="must be above 0 and at most 1."),
        metadata=about("How much of the start image is drawn anew; 0.8 when left out, 1 with a mask."),
    )
    variation_seed = ma.fields.Integer(
        strict=True,
        validate=_SEED,
        metadata=about("With variation_strength, the seed to bend the noise towards; −1 draws one."),
    )
    variation_strength = Number(validate=_SHARE, metadata=about("How far the noise is bent, 0 to 1; 0 when left out."))
    guidance_rescale = Number(
        validate=_SHARE, metadata=about("Brings back colours that a high guidance burns, 0 to 1; 0 when left out.")
    )
    clip_skip = ma.fields.Integer(
        strict=True,
        validate=validate.Range(min=0, max=2**31 - 1, error="must be 0 or more, and not beyond all bounds."),
        metadata=about("Layers of the text encoder to leave out, from its end; 0 when left out."),
    )
    adapters = ma.fields.List(
        ma.fields.Nested(AdapterSchema),
        validate=validate.Length(max=4, error="must be at most 4."),
        metadata=about("LoRAs to draw with, 4 at most."),
    )


def parameters(values: Mapping[str, Any]) -> tasks_pb2.Parameters:
    """The message for values that `TaskRequest` let through."""
    named = {**values}
    if (mask := named.pop("mask", None)) is not None:
        named["mask_upload_id"] = mask["upload_id"]
    # Nested messages may be given as mappings of their fields.
    return tasks_pb2.Parameters(**named)


def read(body: Any) -> tasks_pb2.Parameters:
    """Check a JSON body. Raises InvalidInput with every field that is wrong."""
    try:
        return parameters(TaskRequest().load(body))
    except ma.ValidationError as error:
        raise invalid(error.messages) from error


def invalid(messages: Any) -> errors.InvalidInput:
    """marshmallow's messages as one refusal; a location level (`json`, `query`) is taken off."""
    if isinstance(messages, dict) and set(messages) <= {"json", "query"}:
        messages = {key: value for each in messages.values() for key, value in each.items()}
    if not isinstance(messages, dict) or "_schema" in messages:
        return errors.InvalidInput("Send a JSON object.")
    return errors.InvalidInput.of(
        *(errors.FieldViolation(field=name, description=_sentence(name, said)) for name, said in _named("", messages))
    )


def _named(path: str, found: Any) -> Iterator[tuple[str, str]]:
    """Each field that is wrong, those within others by their path (`adapters.0.name`), with what is said of it."""
    if not isinstance(found, dict):
        yield path, found[0] if isinstance(found, list) and found else "is not valid."
        return
    for name, within in found.items():
        yield from _named(path if name == "_schema" else f"{path}.{name}".removeprefix("."), within)


# marshmallow's own sentences, as the end of one of ours.
_ENDS: Final = {
    "Missing data for required field.": "is missing.",
    "Unknown field.": "is no field of this request.",
    "Field may not be null.": "must not be null.",
    "Not a valid integer.": "must be a whole number.",
    "Not a valid string.": "must be a string.",
    "Not a valid list.": "must be a list.",
    "Invalid input type.": "must be an object.",
}


def _sentence(name: str, said: str) -> str:
    ours = name.partition(".")[0] in TaskRequest().fields
    label = name.replace("_", " ").replace(".", " ").capitalize() if ours else name
    label = label[:64]
    return f"{label} {_ENDS.get(said, said)}"


def request_id(given: str | None) -> str:
    """The Idempotency-Key that was given, or a fresh id. Raises InvalidInput for one that cannot be kept."""
    if given is None:
        return str(uuid.uuid4())
    if not _KEY.fullmatch(given):
        raise errors.InvalidInput.of(
            errors.FieldViolation(
                field="Idempotency-Key", description="Idempotency-Key: 1 to 64 printable characters without spaces."
            )
        )
    return given
