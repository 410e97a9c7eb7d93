"""A generation as it is asked for over HTTP, by programs and by the studio page alike.

Checks types and what a message could not carry. What a model can do is for tasks to say, which knows the workers.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any, Final

import marshmallow as ma
from daydream.tasks.v1 import tasks_pb2
from marshmallow import validate

from services.foundation import errors

MAX_SEED: Final = 2**53 - 1
_KEY: Final = re.compile(r"[\x21-\x7e]{1,64}")
# What a model can do is less, and another number for each; this is what a message holds.
_COUNT: Final = validate.Range(min=1, max=2**31 - 1, error="must be 1 or more, and not beyond all bounds.")


class _Text(ma.fields.String):
    """A string that can be written as UTF-8: JSON can spell halves of characters, which nothing else can hold."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ma.ValidationError("holds half of a character (a lone surrogate).")
        if "\x00" in text:
            raise ma.ValidationError("holds a NUL character.")
        return text


class _Number(ma.fields.Float):
    """A JSON number: neither a string nor a boolean that could be read as one."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ma.ValidationError("must be a number.")
        return float(value)


def _about(text: str, **more: Any) -> dict[str, Any]:
    return {"description": text, **more}


class TaskRequest(ma.Schema):
    """What to draw. What is left out takes the model's defaults."""

    class Meta:
        """Nothing that is not named here gets in: neither a role nor a balance."""

        unknown = ma.RAISE

    prompt = _Text(
        required=True,
        validate=validate.Length(min=1, max=512, error="must be 1 to 512 characters."),
        metadata=_about("What to draw, 1 to 512 characters.", example="a red house under a yellow sun"),
    )
    negative_prompt = _Text(
        validate=validate.Length(max=512, error="must be at most 512 characters."), metadata=_about("What to keep out.")
    )
    model = _Text(validate=validate.Length(max=128), metadata=_about("A model's name."))
    sampler = _Text(validate=validate.Length(max=128), metadata=_about("A sampler's name."))
    steps = ma.fields.Integer(strict=True, validate=_COUNT, metadata=_about("Denoising steps."))
    guidance = _Number(
        validate=validate.Range(min=0, max=1000, error="must be between 0 and 1000."),
        metadata=_about("How strictly the prompt is followed; 1 and below switch guidance off."),
    )
    width = ma.fields.Integer(strict=True, validate=_COUNT, metadata=_about("Pixels."))
    height = ma.fields.Integer(strict=True, validate=_COUNT, metadata=_about("Pixels."))
    seed = ma.fields.Integer(
        strict=True,
        validate=validate.Range(min=-1, max=MAX_SEED, error="must be −1 or between 0 and 2^53 − 1."),
        metadata=_about("−1 draws one; image n uses seed + n."),
    )
    samples = ma.fields.Integer(
        strict=True,
        validate=validate.Range(min=1, max=10, error="must be between 1 and 10."),
        metadata=_about("Images to make, 1 to 10."),
    )


def parameters(values: Mapping[str, Any]) -> tasks_pb2.Parameters:
    """The message for values that `TaskRequest` let through."""
    return tasks_pb2.Parameters(**values)


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
        *(
            errors.FieldViolation(field=str(name), description=_sentence(str(name), found))
            for name, found in messages.items()
        )
    )


# marshmallow's own sentences, as the end of one of ours.
_ENDS: Final = {
    "Missing data for required field.": "is missing.",
    "Unknown field.": "is no field of this request.",
    "Field may not be null.": "must not be null.",
    "Not a valid integer.": "must be a whole number.",
    "Not a valid string.": "must be a string.",
}


def _sentence(name: str, found: Any) -> str:
    said = found[0] if isinstance(found, list) and found else "is not valid."
    label = name.replace("_", " ").capitalize() if name in TaskRequest().fields else name[:64]
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
