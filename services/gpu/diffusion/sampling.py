"""The denoising loop, turned inside out: an image is a Trajectory that tells what to ask the denoiser next.

So whoever drives it decides when each image goes a step, and with which others. The numbers are those of diffusers' own
pipelines: text to image, image to image, and inpainting; so is the order in which noise is drawn.
"""

import copy
import inspect
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor

from services.gpu.diffusion import guidance
from services.gpu.diffusion.noise import Noise
from services.gpu.requests import Adapter


@dataclass(frozen=True, kw_only=True)
class Canvas:
    """What an image begins from and what of it stays; pictures as the autoencoder's posterior, which each seed samples.

    Nothing of it, for text to image. `start` alone, for image to image. `start` and `mask`, for inpainting with any
    checkpoint; `mask` and `masked`, and `start` where it is not drawn over entirely, with one that was made for it.
    """

    start: Any = None
    """Posterior of the start image."""
    masked: Any = None
    """Posterior of the start image without what the mask covers, which the denoiser sees."""
    mask: torch.Tensor | None = None
    """1 × 1 × height × width of the latents: 1 where the picture is drawn anew, 0 where it stays."""
    strength: float = 1.0
    """How much of the steps is gone, above 0 to 1; below 1 only with `start`."""
    scaling: float = 1.0
    """What the autoencoder's latents are multiplied by."""


BLANK = Canvas()


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What one image feeds the denoiser at one step: one row, or two with guidance (without the prompt first)."""

    latents: torch.Tensor
    """rows × channels × height × width, scaled as the scheduler wants it."""
    timesteps: torch.Tensor
    """rows, float32: samplers may stand between two whole timesteps."""
    embeddings: torch.Tensor
    """rows × tokens × width of the text encoder."""
    timestep_cond: torch.Tensor | None
    """rows × width of the guidance embedding, for denoisers that take guidance as an input."""


class Trajectory:
    """One image on its way from noise to latents that can be decoded."""

    def __init__(
        self,
        *,
        scheduler: Any,
        embeddings: torch.Tensor,
        guide: guidance.Guide,
        steps: int,
        shape: tuple[int, int, int],
        noise: Noise,
        canvas: Canvas = BLANK,
        adapters: tuple[Adapter, ...] = (),
    ) -> None:
        """Draw the first noise.

        `scheduler` is a template that stays as it is; `embeddings` has two rows where `guide` needs them, else one, and
        decides device and dtype; `shape` is channels, height and width of the latents. `adapters` is what the denoiser
        must be set to for it.
        """
        # Schedulers remember earlier steps. Sharing one between images raises for most, and is silently wrong for PNDM.
        self._scheduler = copy.deepcopy(scheduler)
        # On the CPU, so that looking a timestep up does not wait for the device.
        self._scheduler.set_timesteps(steps, device="cpu")
        self._timesteps = _from(self._scheduler, steps, canvas.strength)
        self._embeddings, self._guide, self.adapters = embeddings, guide, adapters
        self._mask = canvas.mask
        generator = noise.generator()
        # diffusers' own order of draws, for the same seed must give the same picture: start image, noise, masked image.
        self._start: torch.Tensor | None = None
        if canvas.start is not None:
            self._start = canvas.scaling * canvas.start.sample(generator)
        self._noise = noise.draw((1, *shape), generator, device=embeddings.device, dtype=embeddings.dtype)
        self._masked: torch.Tensor | None = None
        if canvas.masked is not None:
            self._masked = canvas.scaling * canvas.masked.sample(generator)
        elif canvas.mask is not None:
            # Without a use for it they sample it all the same, and what a sampler draws later depends on that.
            randn_tensor((1, *shape), generator=generator, device=embeddings.device, dtype=embeddings.dtype)
        if self._start is None or (canvas.mask is not None and canvas.strength == 1.0):
            self.latents: torch.Tensor = self._noise * self._scheduler.init_noise_sigma
            """1 × channels × height × width, as after the last step."""
        else:
            self.latents = self._scheduler.add_noise(self._start, self._noise, self._timesteps[0].reshape(1))
        accepted = inspect.signature(self._scheduler.step).parameters
        self._extra: dict[str, Any] = {"generator": generator} if "generator" in accepted else {}
        if "eta" in accepted:
            self._extra["eta"] = 0.0
        self._done = 0
        self._guided: torch.Tensor | None = None
        self._fed: torch.Tensor | None = None

    @property
    def calls(self) -> int:
        """Calls of the denoiser in all. Not the steps asked for: PNDM makes one more, Heun nearly twice as many."""
        return len(self._timesteps)

    @property
    def done(self) -> int:
        """Calls of the denoiser so far."""
        return self._done

    @property
    def rows(self) -> int:
        """Rows it takes of each forward."""
        return len(self._embeddings)

    @property
    def nbytes(self) -> int:
        """Memory it holds, about: samplers of several steps keep a few sets of latents, the prompt is most of it."""
        return 8 * self.latents.nbytes + self._embeddings.nbytes

    @property
    def bucket(self) -> Hashable:
        """What a row looks like; rows that look alike may share a forward."""
        masked = None if self._masked is None else self._masked.shape
        width = None if self._guide.embedding is None else self._guide.embedding.shape
        return (*self.latents.shape, *self._embeddings.shape[1:], self.latents.dtype, masked, width, self.adapters)

    def feed(self) -> Rows:
        """What to feed the denoiser next. May be asked again until `advance` was called."""
        timestep = self._timesteps[self._done]
        fed = self._fed = self._scheduler.scale_model_input(self.latents, timestep)
        if self._masked is not None:
            assert self._mask is not None
            fed = torch.cat([fed, self._mask, self._masked], dim=1)
        cond = self._guide.embedding
        return Rows(
            latents=fed.expand(self.rows, -1, -1, -1),
            timesteps=timestep.to(torch.float32).expand(self.rows).to(fed.device),
            embeddings=self._embeddings,
            timestep_cond=None if cond is None else cond.to(fed).expand(self.rows, -1),
        )

    def advance(self, prediction: torch.Tensor) -> None:
        """Take the denoiser's answer to `feed()`, of the same rows and the latents' shape, and go one step."""
        # A copy of our own: what a sampler remembers of a part would keep the answers to all others in memory too.
        guided = self._guide.combine(prediction) if self.rows == 2 else prediction.clone()
        timestep = self._timesteps[self._done]
        self._guided = guided
        self.latents = self._scheduler.step(guided, timestep, self.latents, **self._extra, return_dict=False)[0]
        self._done += 1
        if self._mask is not None and self._masked is None:
            self._put_back()

    def _put_back(self) -> None:
        # Lugmayr et al. 2022, "RePaint": what stays is set to the start image at the noise of the next step.
        assert self._start is not None
        assert self._mask is not None
        stays = self._start
        if self._done < self.calls:
            stays = self._scheduler.add_noise(stays, self._noise, self._timesteps[self._done].reshape(1))
        self.latents = (1 - self._mask) * stays + self._mask * self.latents

    def outlook(self) -> torch.Tensor:
        """The latents the last step points at, shape as `latents`; needs one step.

        What the denoiser was fed is α·x₀ + σ·ε with α² + σ² = 1 under every sampler, so its answer can be solved for
        x₀ without asking the sampler (Salimans and Ho 2022, "Progressive Distillation", appendix D).
        """
        assert self._fed is not None
        assert self._guided is not None
        fed, answer = self._fed.float(), self._guided.float()
        alpha, sigma = self._alpha_sigma(float(self._timesteps[self._done - 1]))
        kind = self._scheduler.config.prediction_type
        if kind == "v_prediction":
            return alpha * fed - sigma * answer
        if kind == "sample":
            return answer
        return (fed - sigma * answer) / alpha

    def _alpha_sigma(self, timestep: float) -> tuple[float, float]:
        signal = self._scheduler.alphas_cumprod
        below = min(int(timestep), len(signal) - 1)
        above = min(below + 1, len(signal) - 1)
        share = float(torch.lerp(signal[below].float(), signal[above].float(), timestep - below))
        # Schedules that end in pure noise have no signal to divide by.
        share = max(share, 1e-4)
        return share**0.5, (1 - share) ** 0.5


def _from(scheduler: Any, steps: int, strength: float) -> list[torch.Tensor]:
    """The timesteps that are gone: the last `strength` of them, as diffusers' image to image counts them."""
    skipped = max(steps - min(int(steps * strength), steps), 0) * scheduler.order
    if skipped and hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    return list(scheduler.timesteps[skipped:])
