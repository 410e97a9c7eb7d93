"""diffusers' own pipelines, each drawing one request alone: what our engine's pictures are compared with."""

from pathlib import Path
from typing import Any, Final

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from services.gpu import samplers
from services.gpu.diffusion import noise
from services.gpu.requests import NO_PICTURES, Pictures, Plan

TOLERANCE: Final = 1e-5
"""Largest difference over largest value, both in float32."""
Values = NDArray[np.float32]
# Not typed there.
_diffusers: Final[Any] = diffusers


class Reference:
    """The checkpoint in a folder as diffusers loads and drives it."""

    def __init__(self, folder: Path) -> None:
        """Load it."""
        nine = '"in_channels": 9' in (folder / "unet" / "config.json").read_text()
        kind = _diffusers.StableDiffusionInpaintPipeline if nine else _diffusers.StableDiffusionPipeline
        self._text: Any = kind.from_pretrained(folder, use_safetensors=True)
        self._scheduler = self._text.scheduler

    def draw(self, plan: Plan, pictures: Pictures = NO_PICTURES, *, sample: int = 0) -> tuple[Values, Values]:
        """Latents and picture (height × width × 3, from 0 to 1) of one image of the plan."""
        recipe = next(each for each in samplers.RECIPES if each.name == plan.sampler)
        asked: dict[str, Any] = {
            "prompt": plan.prompt,
            "negative_prompt": plan.negative_prompt or None,
            "num_inference_steps": plan.steps,
            "guidance_scale": plan.guidance,
            "generator": torch.Generator("cpu").manual_seed(plan.seed + sample),
            "clip_skip": plan.clip_skip or None,
            "output_type": "latent",
        }
        kind = _diffusers.StableDiffusionPipeline
        if pictures.start is not None:
            asked |= {"image": Image.fromarray(pictures.start), "strength": plan.strength}
            kind = _diffusers.StableDiffusionImg2ImgPipeline
        if pictures.mask is not None:
            asked |= {"mask_image": Image.fromarray(pictures.mask)}
            kind = _diffusers.StableDiffusionInpaintPipeline
        if pictures.start is None or pictures.mask is not None:
            asked |= {"width": plan.width, "height": plan.height}
        if pictures.start is None:
            asked |= {"guidance_rescale": plan.guidance_rescale}
        if plan.variation_seed is not None:
            asked["latents"] = self._bent(plan, asked["generator"], sample)
        pipeline = kind(**{**self._text.components, "scheduler": self._sampler(recipe)}, requires_safety_checker=False)
        pipeline.set_progress_bar_config(disable=True)
        latents = pipeline(**asked).images
        with torch.inference_mode():
            decoded = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor, return_dict=False)[0][0]
        picture = (decoded / 2 + 0.5).clamp(0, 1).permute(1, 2, 0)
        return latents.numpy(), picture.numpy()

    def _sampler(self, recipe: samplers.Recipe) -> Any:
        return getattr(_diffusers, recipe.scheduler_class).from_config(self._scheduler.config, **recipe.config)

    def _bent(self, plan: Plan, generator: torch.Generator, sample: int) -> torch.Tensor:
        shape = (1, 4, plan.height // 8, plan.width // 8)
        assert plan.variation_seed is not None
        other = torch.Generator("cpu").manual_seed(plan.variation_seed + sample)
        return noise.between(
            torch.randn(shape, generator=generator), torch.randn(shape, generator=other), plan.variation_strength
        )


def difference(one: Values, other: Values) -> float:
    """Largest difference over largest value."""
    return float(np.abs(one - other).max() / np.abs(one).max())
