"""diffusers' own pipeline, drawing one batch after another on one thread: the same for the bare loop and every peer."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import torch
import transformers
from diffusers import StableDiffusionPipeline
from diffusers.utils import logging

from bench.engine.loads import Job, alike

MODEL: Final = Path(__file__).parents[3] / "models" / "daydream-mini"
GUIDANCE: Final = 2.5


class Painter:
    """The bundled model in float32."""

    def __init__(self) -> None:
        """Load it."""
        torch.set_num_threads(1)
        # What both libraries say while they load would stand between the figures.
        untyped: Any = transformers.utils.logging
        untyped.disable_progress_bar()
        untyped.set_verbosity_error()
        logging.disable_progress_bar()
        self._pipeline = StableDiffusionPipeline.from_pretrained(  # type: ignore[no-untyped-call]
            MODEL, dtype=torch.float32, use_safetensors=True
        )
        self._pipeline.set_progress_bar_config(disable=True)

    def draw(self, jobs: Sequence[Job], *, stepped: Callable[[], None] = lambda: None) -> list[bytes]:
        """A PNG a job: jobs of one kind as one batch, kinds one after the other; `stepped` hears each step."""
        pictures: dict[int, bytes] = {}
        for places in alike(jobs):
            batch = [jobs[place] for place in places]
            pictures.update(zip(places, self._batch(batch, stepped), strict=True))
        return [pictures[place] for place in range(len(jobs))]

    def _batch(self, jobs: list[Job], stepped: Callable[[], None]) -> list[bytes]:
        def after_step(pipeline: Any, step: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            stepped()
            return tensors

        images = self._pipeline(
            [job.prompt for job in jobs],
            num_inference_steps=jobs[0].steps,
            guidance_scale=GUIDANCE,
            width=jobs[0].size,
            height=jobs[0].size,
            generator=[torch.Generator().manual_seed(job.seed) for job in jobs],
            callback_on_step_end=after_step,
        ).images
        return [_png(image) for image in images]


def _png(image: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
