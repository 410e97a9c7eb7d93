"""The denoising loop, turned inside out: an image is a Trajectory that tells what to ask the denoiser next.

So whoever drives it decides when each image goes a step. The numbers are those of diffusers' own pipeline.
"""

import copy
import inspect
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.utils.torch_utils import randn_tensor


@dataclass(frozen=True, kw_only=True)
class Rows:
    """What one image feeds the denoiser at one step: one row, or two with guidance (without the prompt first)."""

    latents: torch.Tensor
    """rows × channels × height × width, scaled as the scheduler wants it."""
    timesteps: torch.Tensor
    """rows, float32: samplers may stand between two whole timesteps."""
    embeddings: torch.Tensor
    """rows × tokens × width of the text encoder."""


class Trajectory:
    """One image on its way from noise to latents that can be decoded."""

    def __init__(
        self,
        *,
        scheduler: Any,
        embeddings: torch.Tensor,
        guidance: float,
        steps: int,
        shape: tuple[int, int, int],
        seed: int,
    ) -> None:
        """Draw the first noise.

        `scheduler` is a template that stays as it is; `embeddings` has two rows for guidance, else one, and decides
        device and dtype; `shape` is channels, height and width of the latents.
        """
        # Schedulers remember earlier steps. Sharing one between images raises for most, and is silently wrong for PNDM.
        self._scheduler = copy.deepcopy(scheduler)
        # On the CPU, so that looking a timestep up does not wait for the device.
        self._scheduler.set_timesteps(steps, device="cpu")
        self._timesteps: list[torch.Tensor] = list(self._scheduler.timesteps)
        self._embeddings = embeddings
        self._guidance = guidance
        # Drawn on the CPU whatever the device, so that a seed gives the same picture everywhere.
        generator = torch.Generator("cpu").manual_seed(seed)
        noise = randn_tensor((1, *shape), generator=generator, device=embeddings.device, dtype=embeddings.dtype)
        self.latents: torch.Tensor = noise * self._scheduler.init_noise_sigma
        """1 × channels × height × width, as after the last step."""
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

    def rows(self) -> Rows:
        """What to feed the denoiser next."""
        timestep = self._timesteps[self._done]
        self._fed = self._scheduler.scale_model_input(self.latents, timestep)
        count = len(self._embeddings)
        return Rows(
            latents=self._fed.expand(count, -1, -1, -1),
            timesteps=timestep.to(torch.float32).expand(count).to(self._fed.device),
            embeddings=self._embeddings,
        )

    def advance(self, prediction: torch.Tensor) -> None:
        """Take the denoiser's answer to `rows()`, of the same shape as its latents, and go one step."""
        if len(prediction) == 2:
            without, with_prompt = prediction.chunk(2)
            prediction = without + self._guidance * (with_prompt - without)
        timestep = self._timesteps[self._done]
        self._guided = prediction
        self.latents = self._scheduler.step(prediction, timestep, self.latents, **self._extra, return_dict=False)[0]
        self._done += 1

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
