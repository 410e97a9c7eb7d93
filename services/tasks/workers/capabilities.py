"""What workers said they can do, as values; knows nothing of how they said it."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """Used where a request leaves something out."""

    steps: int
    """Denoising steps."""
    guidance: float
    """Guidance scale."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What requests must keep to."""

    min_size: int
    """Pixels, both sides."""
    max_size: int
    """Pixels, both sides."""
    size_multiple: int
    """Sides are whole multiples of this many pixels."""
    max_steps: int
    """Denoising steps."""
    max_guidance: float
    """Guidance scale."""
    max_samples: int
    """Images a request."""
    max_prompt_chars: int
    """Characters."""
    max_pixels: int = 0
    """Width times height; 0 when the sides alone limit it."""
    max_clip_skip: int = 0
    """Layers of the text encoder that may be left out."""


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
    shared_step_us: int = 0
    """What a step costs each image while as many are drawn at once as pay, in microseconds."""
    images_at_once: int = 1
    """How many that are."""


@dataclass(frozen=True, kw_only=True)
class Sampler:
    """A way to walk from noise to picture."""

    name: str
    """What requests call it."""
    scheduler_class: str = ""
    """The diffusers class behind it."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A checkpoint a worker can draw with."""

    name: str
    """What requests call it."""
    title: str = ""
    """For people."""
    description: str = ""
    """For people."""
    defaults: Defaults
    """Its own settings."""
    limits: Limits
    """What requests must keep to."""
    samplers: tuple[Sampler, ...]
    """The first is the default."""
    step_times: tuple[StepTime, ...] = ()
    """Measured on the worker."""
    example_prompts: tuple[str, ...] = ()
    """Prompts that show what it can do."""
    known_words: tuple[str, ...] = ()
    """Words it knows, when it knows only some."""
    adapters: tuple[str, ...] = ()
    """LoRAs it can be drawn with."""
    inpainting_only: bool = False
    """Whether every request needs a start image and a mask."""


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """A worker and its models."""

    worker_id: str
    """Names the running process; changes when it restarts."""
    device: str
    """cpu, cuda:0 …"""
    slots: int
    """Requests it takes at once."""
    busy_slots: int
    """Requests it held when it was asked."""
    models: tuple[Model, ...]
    """The first is the default."""
    memory_used: int = 0
    """Bytes of memory in use; 0 when unknown."""
    memory_total: int = 0
    """Bytes of memory there are; 0 when unknown."""
    started: dt.datetime | None = None
    """When its process started, by its own clock; None when unknown."""

    def steps_per_second(self) -> float:
        """Denoising steps a second with the default model at its own size; 0 when it was not measured.

        As many images at once as pay: in that long each of them goes a step.
        """
        if not self.models or not self.models[0].step_times:
            return 0.0
        model = self.models[0]
        own = model.defaults.width * model.defaults.height
        time = min(model.step_times, key=lambda each: abs(each.width * each.height - own))
        each_us = time.shared_step_us or time.step_us
        return 1e6 / each_us if each_us > 0 else 0.0


def union(workers: Iterable[Capabilities]) -> tuple[Model, ...]:
    """Every model some worker has, each once; where several have it, as the first of them describes it."""
    found: dict[str, Model] = {}
    for worker in workers:
        for model in worker.models:
            found.setdefault(model.name, model)
    return tuple(found.values())
