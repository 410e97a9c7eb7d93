"""What a model says of itself: names, defaults, limits, samplers, speed; partly from a `daydream.json` of its own.

Knows nothing of torch: `checkpoint` tells what follows from the weights.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.gpu import errors

FILE: Final = "daydream.json"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class Limits(_Value):
    """What requests must keep to."""

    min_size: int = Field(default=64, ge=8)
    """Pixels, both sides."""
    max_size: int = Field(default=768, ge=8)
    """Pixels, both sides."""
    size_multiple: int = Field(default=8, ge=1)
    """Sides are whole multiples of this many pixels."""
    max_steps: int = Field(default=100, ge=1)
    """Denoising steps."""
    max_guidance: float = Field(default=20.0, ge=0)
    """Guidance scale."""
    max_samples: int = Field(default=10, ge=1, le=10)
    """Images a request."""
    max_prompt_chars: int = Field(default=512, ge=1)
    """Characters of a prompt, and of a negative one."""
    max_pixels: int = Field(default=0, ge=0)
    """Width times height; 0 when the sides alone limit it."""
    max_clip_skip: int = Field(default=0, ge=0)
    """Layers of the text encoder that may be left out."""


class Defaults(_Value):
    """Used where a request leaves something out."""

    steps: int = Field(default=25, ge=1)
    """Denoising steps."""
    guidance: float = Field(default=7.5, ge=0)
    """Guidance scale."""
    width: int = Field(default=512, ge=8)
    """Pixels."""
    height: int = Field(default=512, ge=8)
    """Pixels."""
    sampler: str = "DPM++ 2M"
    """The sampler's name."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A way to walk from noise to picture."""

    name: str
    """What requests and pages call it."""
    scheduler_class: str
    """The diffusers class behind it."""


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """A measured speed."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    step_us: int
    """One denoising step of one image with guidance, in microseconds."""
    image_us: int
    """What every image costs beside its steps, in microseconds."""
    shared_step_us: int
    """What a step costs each image while as many are drawn at once as pay, in microseconds."""
    images_at_once: int
    """How many that are."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """A model as callers know it."""

    name: str
    """What requests call it."""
    title: str
    """For people."""
    description: str
    """For people: one or two sentences."""
    defaults: Defaults
    """Used where a request leaves something out."""
    limits: Limits
    """What requests must keep to."""
    samplers: tuple[Sampler, ...]
    """The first is the default."""
    examples: tuple[str, ...] = ()
    """Prompts that show what it can do."""
    words: tuple[str, ...] = ()
    """Words it knows, when it knows only some."""
    adapters: tuple[str, ...] = ()
    """LoRAs it can be drawn with, by name."""
    inpainting: bool = False
    """Whether it fills holes in pictures only: every request needs a start image and a mask."""
    step_times: tuple[StepTime, ...] = ()
    """How fast it is here, smallest size first; empty until it was measured."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What the device's memory holds, in bytes."""

    used: int = 0
    """In use; 0 when unknown."""
    total: int = 0
    """There is; 0 when unknown."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """A worker and its models."""

    worker_id: str
    """Names the running process."""
    device: str
    """Where it computes: `cpu`, `cuda:0`."""
    slots: int
    """Requests it draws at once."""
    busy_slots: int
    """Requests it holds now, waiting ones too."""
    cards: tuple[Card, ...]
    """The first is the default."""
    memory: Memory = Memory()
    """Of the device."""
    started: float = 0.0
    """When the process started, in seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What follows from a checkpoint's own files and the device it runs on."""

    native_size: int
    """Pixels a side it was trained at."""
    max_size: int
    """Pixels a side that this device can be asked for, if the folder does not say."""
    size_multiple: int
    """Pixels a latent stands for, along a side."""
    sampler: str | None
    """The sampler its folder names, if it is one of ours."""
    text_layers: int = 1
    """Layers of its text encoder."""
    inpainting: bool = False
    """Whether its denoiser takes a mask and a masked picture beside the latents."""


class _Said(_Value):
    """What `daydream.json` may say; everything may be missing."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    prediction_type: Literal["epsilon", "v_prediction"] | None = None
    title: str = ""
    description: str = ""
    defaults: dict[str, object] = {}
    limits: dict[str, object] = {}
    examples: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def prediction_type(file: Path) -> str | None:
    """What the card file says the denoiser predicts; None where it says nothing. Raises ModelUnusable."""
    return _said(file).prediction_type


def read(file: Path, *, name: str, traits: Traits, samplers: tuple[Sampler, ...]) -> Card:
    """The card of a checkpoint whose card file is `file`, if there is one; what that leaves out follows from `traits`.

    Raises ModelUnusable when the file is not what it should be.
    """
    said = _said(file)
    try:
        limits = Limits.model_validate(
            {
                "size_multiple": traits.size_multiple,
                "max_size": max(traits.native_size, traits.max_size),
                "max_clip_skip": traits.text_layers - 1,
                **said.limits,
            }
        )
        size = {"width": traits.native_size, "height": traits.native_size}
        sampler = {} if traits.sampler is None else {"sampler": traits.sampler}
        defaults = Defaults.model_validate({**size, **sampler, **said.defaults})
    except ValidationError as error:
        raise _not_right(file, error) from error
    if limits.size_multiple % traits.size_multiple:
        raise errors.ModelUnusable(
            f"{file} allows sides of a multiple of {limits.size_multiple} pixels, but this model's latents stand for "
            f"{traits.size_multiple} pixels each."
        )
    if limits.max_clip_skip >= max(1, traits.text_layers):
        raise errors.ModelUnusable(
            f"{file} lets {limits.max_clip_skip} layers of the text encoder be left out, of {traits.text_layers}."
        )
    if defaults.sampler not in {sampler.name for sampler in samplers}:
        raise errors.ModelUnusable(f"{file} names the sampler {defaults.sampler!r}, which there is not.")
    return Card(
        name=said.name or name,
        title=said.title or said.name or name,
        description=said.description,
        defaults=defaults,
        limits=limits,
        samplers=tuple(sorted(samplers, key=lambda sampler: sampler.name != defaults.sampler)),
        examples=said.examples,
        words=said.words,
        inpainting=traits.inpainting,
    )


def _said(file: Path) -> _Said:
    try:
        return _Said.model_validate(json.loads(file.read_text("utf-8")) if file.exists() else {})
    except ValidationError as error:
        raise _not_right(file, error) from error
    except (OSError, ValueError) as error:
        raise errors.ModelUnusable(f"{file} cannot be read: {error}.") from error


def _not_right(file: Path, error: ValidationError) -> errors.ModelUnusable:
    problem = error.errors()[0]
    where = ".".join(str(part) for part in problem["loc"])
    return errors.ModelUnusable(f"{file} is not right at {where or 'its top'}: {problem['msg']}.")
