"""A Stable Diffusion checkpoint as the engine drives it: prompts to embeddings, a denoising step, latents to pixels."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import diffusers
import torch

from services.gpu import card, checkpoint, errors, images, previews, samplers, sampling
from services.gpu.card import Card
from services.gpu.requests import Plan
from services.gpu.sources import Source

# Bigger pictures take minutes on a CPU, and more memory than people expect on a card.
_MAX_SIZE_CPU, _MAX_SIZE_ACCELERATOR = 768, 1024


class StableDiffusion:
    """Fills the engine's port `model.Model`."""

    def __init__(self, parts: checkpoint.Checkpoint) -> None:
        """Read the model's card and fit the preview. Raises ModelUnusable, OutOfMemory and DeviceLost."""
        self.parts = parts
        """What it is made of."""
        self._schedulers: Mapping[str, Any] = {
            recipe.name: getattr(diffusers, recipe.scheduler_class).from_config(
                dict(parts.scheduler_config), **recipe.config
            )
            for recipe in samplers.RECIPES
        }
        self.card: Card = card.read(
            parts.source.folder,
            name=parts.source.name,
            traits=card.Traits(
                native_size=parts.native_size,
                max_size=_MAX_SIZE_CPU if parts.device.type == "cpu" else _MAX_SIZE_ACCELERATOR,
                size_multiple=parts.latent_pixels,
                sampler=samplers.own(parts.scheduler_config),
            ),
            samplers=samplers.SAMPLERS,
        )
        """What callers know of it."""
        with self._on_device():
            self._previewer = previews.Previewer.fit(parts.vae, latent_pixels=parts.latent_pixels)

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self.parts.device)

    def encode(self, plan: Plan) -> torch.Tensor:
        """Embeddings: rows × tokens × width, the negative prompt's first when there is guidance."""
        with self._on_device():
            texts = [plan.negative_prompt, plan.prompt] if plan.guided else [plan.prompt]
            # One text at a time: in one batch they would differ in the last bits from each alone.
            return torch.cat([self._embed(text) for text in texts])

    def _embed(self, text: str) -> torch.Tensor:
        tokenizer, encoder = self.parts.tokenizer, self.parts.text_encoder
        tokens = tokenizer(
            text, padding="max_length", max_length=tokenizer.model_max_length, truncation=True, return_tensors="pt"
        ).to(self.parts.device)
        mask = tokens.attention_mask if getattr(encoder.config, "use_attention_mask", False) else None
        embeddings: torch.Tensor = encoder(tokens.input_ids, attention_mask=mask)[0]
        return embeddings.to(self.parts.dtype)

    def begin(self, plan: Plan, conditioning: torch.Tensor, sample: int) -> sampling.Trajectory:
        """One image's trajectory, its noise drawn."""
        with self._on_device():
            return sampling.Trajectory(
                scheduler=self._schedulers[plan.sampler],
                embeddings=conditioning,
                guidance=plan.guidance,
                steps=plan.steps,
                shape=(
                    self.parts.unet.config.in_channels,
                    plan.height // self.parts.latent_pixels,
                    plan.width // self.parts.latent_pixels,
                ),
                seed=plan.seed + sample,
            )

    def step(self, trajectory: sampling.Trajectory) -> None:
        """One forward of the denoiser and one step of the sampler. Raises NotFinite."""
        with self._on_device():
            rows = trajectory.rows()
            prediction = self.parts.unet(
                rows.latents, rows.timesteps, encoder_hidden_states=rows.embeddings, return_dict=False
            )[0]
            trajectory.advance(prediction)
            # Reading this back also waits for the device, so that progress tells what is done, not what is planned.
            if not bool(torch.isfinite(trajectory.latents).all()):
                raise errors.NotFinite

    def preview(self, trajectory: sampling.Trajectory) -> bytes:
        """A rough look at where the last step leads, as WebP."""
        with self._on_device():
            return images.webp(self._previewer.render(trajectory.outlook()))

    def decode(self, trajectory: sampling.Trajectory) -> torch.Tensor:
        """The image, 3 × height × width, float32 from 0 to 1 on the CPU."""
        with self._on_device():
            vae = self.parts.vae
            decoded: torch.Tensor = vae.decode(trajectory.latents / vae.config.scaling_factor, return_dict=False)[0][0]
            if not bool(torch.isfinite(decoded).all()):
                raise errors.NotFinite
            return (decoded * 0.5 + 0.5).clamp(0, 1).float().cpu()

    def finish(self, trajectory: sampling.Trajectory) -> bytes:
        """The image as PNG."""
        pixels = (self.decode(trajectory).permute(1, 2, 0) * 255).round().to(torch.uint8)
        return images.png(pixels.numpy())

    @contextlib.contextmanager
    def _on_device(self) -> Iterator[None]:
        try:
            with torch.inference_mode():
                yield
        except torch.OutOfMemoryError as error:
            if self.parts.device.type == "cuda":
                torch.cuda.empty_cache()
            raise errors.OutOfMemory from error
        except torch.AcceleratorError as error:
            # After a fault of this kind every later call of the process fails too.
            raise errors.DeviceLost from error


def use_threads(count: int) -> None:
    """Compute on so many CPU threads from here on; to be called in the thread that draws."""
    torch.set_num_threads(count)


def load(source: Source, *, device: str, dtype: str, threads: int) -> StableDiffusion:
    """Load a checkpoint as the settings say; `threads` CPU threads compute.

    Raises ModelUnusable, OutOfMemory and DeviceLost.
    """
    use_threads(threads)
    return StableDiffusion(checkpoint.load(source, device=device, dtype=dtype))
