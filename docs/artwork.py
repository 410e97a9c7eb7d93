"""`make artwork`: draws the pictures of the landing, gallery and sign-in pages with the bundled model.

`services/web/static/art/art.json` says what: prompts, seeds, steps and the side they are drawn at, and for the picture
that comes out of the fog the steps to show. Each of those frames is what the model expects the finished picture to be
at that step, which is also what the studio's previews show. Pictures are scaled to twice their size, as the pages show
them larger than the model draws them.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline
from PIL import Image

ROOT: Final = Path(__file__).parents[1]
ART: Final = ROOT / "services" / "web" / "static" / "art"
MODEL: Final = ROOT / "models" / "daydream-mini"


class Watched(DDIMScheduler):
    """DDIM that keeps what each step expects the finished latents to be, (1, 4, height/8, width/8)."""

    expected: list[torch.Tensor]

    def step(self, *args: Any, **options: Any) -> Any:
        """As DDIM does."""
        outcome = super().step(*args, **{**options, "return_dict": True})  # type: ignore[misc]
        self.expected.append(outcome.pred_original_sample)
        return (outcome.prev_sample,)


def draw(pipeline: Any, asked: Mapping[str, Any], *, side: int) -> list[Image.Image]:
    """What each step expects the picture to be, `side` pixels each way; the last is the picture."""
    pipeline.scheduler = Watched.from_config(pipeline.scheduler.config)  # type: ignore[no-untyped-call]
    pipeline.scheduler.expected = []
    pipeline(
        asked["prompt"], num_inference_steps=asked["steps"], guidance_scale=asked["guidance"], width=side, height=side,
        generator=torch.Generator().manual_seed(asked["seed"]), output_type="latent",
    )  # fmt: skip
    with torch.no_grad():
        decoded = [
            pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample
            for latents in pipeline.scheduler.expected
        ]
    return [pipeline.image_processor.postprocess(each, output_type="pil")[0] for each in decoded]


def main() -> int:
    """Draw everything on the list."""
    pipeline = StableDiffusionPipeline.from_pretrained(MODEL, dtype=torch.float32, use_safetensors=True)  # type: ignore[no-untyped-call]
    pipeline.set_progress_bar_config(disable=True)
    art = json.loads((ART / "art.json").read_text())
    for one in (art["window"], *art["wall"], art["door"], *art["gallery"]):
        _save(draw(pipeline, one, side=art["drawn"])[-1], one["file"])
    steps = draw(pipeline, art["emerge"], side=art["drawn"])
    for frame in art["emerge"]["frames"]:
        _save(steps[frame["step"] - 1], frame["file"])
    return 0


def _save(image: Image.Image, file: str) -> None:
    image.resize((256, 256), Image.Resampling.LANCZOS).save(ART / file, quality=88, method=6)


if __name__ == "__main__":
    sys.exit(main())
