"""A Stable Diffusion checkpoint as the engine drives it: prompts to embeddings, a denoising step, latents to pixels."""

import contextlib
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import diffusers
import numpy as np
import torch

from services.gpu import errors, samplers
from services.gpu.card import Card
from services.gpu.checkpoints import anatomy, checkpoint
from services.gpu.checkpoints.sources import Source
from services.gpu.diffusion import guidance, noise, previews, prompts, sampling
from services.gpu.diffusion.sampling import Canvas, Trajectory
from services.gpu.engine.budget import Budget
from services.gpu.images import Pixels
from services.gpu.requests import NO_PICTURES, Adapter, Pictures, Plan

T = TypeVar("T")

_WHITE: Final = 128
"""From here on a mask's grey counts as white."""


class Adapters(Protocol):
    """Whoever sets the weights to a request's LoRAs."""

    def use(self, adapters: tuple[Adapter, ...]) -> None:
        """From here on compute with these and no others."""


class _NoAdapters:
    def use(self, adapters: tuple[Adapter, ...]) -> None:
        """There is nothing to set."""
        if adapters:
            raise errors.GenerationFailed


@dataclass(frozen=True, kw_only=True)
class Conditioning:
    """What the images of a request have in common."""

    embeddings: torch.Tensor
    """rows × tokens × width, the negative prompt's first when there is guidance."""
    canvas: Canvas
    """What they begin from."""


class StableDiffusion:
    """Fills the engine's port `model.Model`."""

    def __init__(self, parts: checkpoint.Checkpoint, *, adapters: Adapters | None = None) -> None:
        """Read the model's card and fit the preview. Raises ModelUnusable, OutOfMemory and DeviceLost."""
        self.parts = parts
        """What it is made of."""
        self.adapters: Adapters = adapters or _NoAdapters()
        """Sets its LoRAs."""
        self.budget = Budget()
        """How many rows pay in one forward."""
        config = parts.unet.config
        # Distilled denoisers take the guidance scale as an input, and are asked once.
        self._guidance_width: int | None = getattr(config, "time_cond_proj_dim", None)
        self._inpaints = config.in_channels != parts.vae.config.latent_channels
        recipes = samplers.offered(parts.scheduler_config, takes_guidance=self._guidance_width is not None)
        self._schedulers: Mapping[str, Any] = {
            recipe.name: getattr(diffusers, recipe.scheduler_class).from_config(
                dict(parts.scheduler_config), **recipe.config
            )
            for recipe in recipes
        }
        self.card: Card = anatomy.card_of(parts.source, parts.anatomy, on_cpu=parts.device.type == "cpu")
        """What callers know of it."""
        self._encoder = prompts.Encoder(
            tokenizer=parts.tokenizer, text_encoder=parts.text_encoder, device=parts.device, dtype=parts.dtype
        )
        with self._on_device():
            self._previewer = previews.Previewer.fit(parts.vae, latent_pixels=parts.latent_pixels)

    @property
    def device(self) -> str:
        """Where it runs."""
        return str(self.parts.device)

    def encode(self, plan: Plan, pictures: Pictures = NO_PICTURES) -> Conditioning:
        """Embeddings of the prompts, and the pictures as latents."""
        with self._on_device():
            # LoRAs may change the text encoder too.
            self.adapters.use(plan.adapters)
            twice = plan.guided and self._guidance_width is None
            prompt, without = self._encoder.encode(
                plan.prompt,
                negative=plan.negative_prompt if twice else "",
                clip_skip=plan.clip_skip,
                adapters=plan.adapters,
            )
            embeddings = torch.cat([without, prompt]) if twice else prompt
            return Conditioning(embeddings=embeddings, canvas=self._canvas(plan, pictures))

    def begin(self, plan: Plan, conditioning: Conditioning, sample: int) -> Trajectory:
        """One image's trajectory, its noise drawn."""
        with self._on_device():
            width = self._guidance_width
            return Trajectory(
                scheduler=self._schedulers[plan.sampler],
                embeddings=conditioning.embeddings,
                guide=guidance.Guide(
                    scale=plan.guidance,
                    rescale=plan.guidance_rescale,
                    embedding=None if width is None else guidance.embed(plan.guidance, width),
                ),
                steps=plan.steps,
                shape=(
                    self.parts.vae.config.latent_channels,
                    plan.height // self.parts.latent_pixels,
                    plan.width // self.parts.latent_pixels,
                ),
                noise=noise.Noise(
                    seed=plan.seed + sample,
                    towards=None if plan.variation_seed is None else plan.variation_seed + sample,
                    share=plan.variation_strength,
                ),
                canvas=conditioning.canvas,
                adapters=plan.adapters,
            )

    def bucket(self, trajectory: Trajectory) -> Hashable:
        """Trajectories with equal buckets may share a forward."""
        return trajectory.bucket

    def step(self, trajectories: Sequence[Trajectory], *, rows: int | None = None) -> Sequence[Exception | None]:
        """One forward of the denoiser over all of one bucket, then one step of each sampler."""
        with self._on_device():
            self.adapters.use(trajectories[0].adapters)
            fed = [trajectory.feed() for trajectory in trajectories]
            predictions = self._predict(fed, rows)
            failures = [
                _failure(trajectory.advance, prediction)
                for trajectory, prediction in zip(trajectories, predictions, strict=True)
            ]
            # Read back once for all; it also waits for the device, so that progress tells what is done, not what is
            # planned.
            finite = torch.stack([torch.isfinite(each.latents).all() for each in trajectories]).tolist()
            return [
                failure or (None if good else errors.NotFinite())
                for failure, good in zip(failures, finite, strict=True)
            ]

    def _predict(self, fed: Sequence[sampling.Rows], rows: int | None) -> Sequence[torch.Tensor]:
        counts = [len(each.latents) for each in fed]
        missing = max(0, (rows or 0) - sum(counts))
        # Any row would do: what it comes to is thrown away.
        filling = [fed[0]] * -(-missing // counts[0])
        latents, timesteps, embeddings = (
            torch.cat([getattr(each, part) for each in [*fed, *filling]])[: sum(counts) + missing]
            for part in ("latents", "timesteps", "embeddings")
        )
        conds = [each.timestep_cond for each in [*fed, *filling] if each.timestep_cond is not None]
        answer: torch.Tensor = self.parts.unet(
            latents,
            timesteps,
            encoder_hidden_states=embeddings,
            timestep_cond=torch.cat(conds)[: len(latents)] if conds else None,
            return_dict=False,
        )[0]
        return torch.split(answer[: sum(counts)], counts)

    def preview(self, trajectory: Trajectory) -> Pixels:
        """A rough look at where the last step leads."""
        with self._on_device():
            return self._previewer.render(trajectory.outlook())

    def decode(self, trajectories: Sequence[Trajectory]) -> Sequence[Pixels | Exception]:
        """The images, height × width × 3."""
        return [
            picture if isinstance(picture, Exception) else (picture.permute(1, 2, 0) * 255).round().byte().numpy()
            for picture in self.pictures(trajectories)
        ]

    def pictures(self, trajectories: Sequence[Trajectory]) -> Sequence[torch.Tensor | Exception]:
        """The images, each 3 × height × width, float32 from 0 to 1 on the CPU, or NotFinite."""
        with self._on_device():
            vae = self.parts.vae
            latents = torch.cat([trajectory.latents for trajectory in trajectories])
            decoded = vae.decode(latents / vae.config.scaling_factor, return_dict=False)[0]
            finite = torch.isfinite(decoded).flatten(1).all(dim=1).tolist()
            shown = (decoded * 0.5 + 0.5).clamp(0, 1).float().cpu()
            return [picture if good else errors.NotFinite() for picture, good in zip(shown, finite, strict=True)]

    def _canvas(self, plan: Plan, pictures: Pictures) -> Canvas:
        start = None if pictures.start is None else self._tensor(2 * (pictures.start / np.float32(255)) - 1)
        if not self._inpaints and (start is None or pictures.mask is None):
            begun = None if start is None else self._posterior(start)
            return Canvas(start=begun, strength=plan.strength, scaling=self._scaling)
        shape = (plan.height, plan.width)
        # A denoiser that was made for masks takes one always: nothing of a picture that is not there stays.
        mask = np.full(shape, 255) if pictures.mask is None else pictures.mask
        hole = self._tensor((mask >= _WHITE)[..., None].astype(np.float32))
        if start is None:
            start = hole.new_zeros(1, 3, *shape)
        needed = not self._inpaints or plan.strength < 1
        return Canvas(
            start=self._posterior(start) if needed else None,
            masked=self._posterior(start * (hole < 0.5)) if self._inpaints else None,
            mask=torch.nn.functional.interpolate(hole, size=tuple(side // self.parts.latent_pixels for side in shape)),
            strength=plan.strength,
            scaling=self._scaling,
        )

    @property
    def _scaling(self) -> float:
        return float(self.parts.vae.config.scaling_factor)

    def _tensor(self, picture: "np.ndarray[Any, Any]") -> torch.Tensor:
        """1 × channels × height × width on the device, of a picture height × width × channels."""
        # Stacked, not merely given another dimension, so that it lies in memory as diffusers' own does, channels
        # innermost: convolutions add up in another order otherwise.
        tensor = torch.from_numpy(np.stack([picture.astype(np.float32)])).permute(0, 3, 1, 2)
        return tensor.to(self.parts.device, self.parts.dtype)

    def _posterior(self, picture: torch.Tensor) -> Any:
        return self.parts.vae.encode(picture).latent_dist

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


def _failure(do: Callable[[T], None], value: T) -> Exception | None:
    try:
        do(value)
    except torch.AcceleratorError:
        raise
    except torch.OutOfMemoryError:
        # Not raised: others may have gone their step already, and a second try would take them one too far.
        return errors.OutOfMemory()
    except Exception as error:  # a sampler that does not like its numbers; the other images are none the worse for it
        return error
    return None


def use_threads(count: int) -> None:
    """Compute on so many CPU threads from here on; to be called in the thread that draws."""
    torch.set_num_threads(count)


def load(source: Source, *, device: str, dtype: str, threads: int) -> StableDiffusion:
    """Load a checkpoint as the settings say; `threads` CPU threads compute.

    Raises ModelUnusable, OutOfMemory and DeviceLost.
    """
    use_threads(threads)
    return StableDiffusion(checkpoint.load(source, device=device, dtype=dtype))
