"""What passes between the dispatcher and a worker, as values, and what is left to draw of a task."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Protocol

from services.tasks.asking.ingredients import NO_PICTURES, Parameters, Pictures
from services.tasks.asking.modes import MAX_SEED
from services.tasks.values import Task
from services.tasks.workers.capabilities import Capabilities


@dataclass(frozen=True, kw_only=True)
class Part:
    """The images of a task that an attempt is to draw: `samples` of them from number `first` on."""

    first: int
    """Index within the task of the first image to draw."""
    samples: int
    """Images to draw."""
    seed: int | None
    """Seed of image `first`; None lets the worker draw one."""


def what_is_left(task: Task) -> Part:
    """What a new attempt must draw, so that images which were delivered stay as they are.

    Image n uses seed + n, so an attempt can go on where the last one was lost. Images after the first missing one are
    drawn again, and passed over when they come. What its owner has deleted since is not missing: it was delivered.
    """
    there = {image.index for image in task.images} | task.deleted
    samples, seed = task.parameters.samples, task.parameters.seed
    first = next((index for index in range(samples) if index not in there), samples)
    if seed is None or seed + first > MAX_SEED:
        return Part(first=0, samples=samples, seed=seed)
    return Part(first=first, samples=samples - first, seed=seed + first)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call of a worker."""

    task_id: str
    """For the worker's logs."""
    user_id: str
    """Whose task, and so whose pictures it may begin from."""
    parameters: Parameters
    """What to draw; its seed and samples are those of the whole task."""
    part: Part
    """Which of the images."""
    preview_every_steps: int
    """A preview every so many steps."""
    pictures: Pictures = NO_PICTURES
    """The files to begin from, once somebody has fetched them."""


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """The request has a slot."""

    seed: int
    """Seed of the first image of the part."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """Progress within the part."""

    step: int
    """Denoising steps done, over all its images."""
    steps: int
    """Denoising steps to do, over all its images."""
    remaining_ms: int
    """Until the part is done."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A rough look at an image that is forming."""

    content_type: str
    """image/webp or image/png."""
    data: bytes = field(repr=False)
    """The encoded picture."""


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A finished image, whole."""

    sample_index: int
    """Which image of the part, from 0."""
    seed: int
    """Its real seed."""
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    data: bytes = field(repr=False)
    """A PNG file."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """All images were sent."""


Happening = Admitted | Step | Preview | Picture | Finished


class Worker(Protocol):
    """A worker, wherever it runs."""

    def generate(self, request: Request) -> AsyncGenerator[Happening, None]:
        """Draw, and tell every step. Closing the iterator stops the drawing. Raises a WorkerFault."""
        ...

    async def capabilities(self) -> Capabilities:
        """What it can do now. Raises WorkerLost when it does not answer."""
        ...
