"""The diffusion process: how noise is mixed in, and what the denoiser predicts.

The v-prediction of Salimans and Ho, "Progressive Distillation for Fast Sampling of Diffusion Models" (2022): at signal
share a and noise share s, v = a·noise − s·latents.
"""

import torch
from torch import Tensor

from models.libraries import DDIMScheduler, Network

TIMESTEPS = 1000


def scheduler() -> Network:
    """The sampler that the model folder names; its betas are those of the training."""
    return DDIMScheduler(
        num_train_timesteps=TIMESTEPS,
        beta_start=1e-4,
        beta_end=0.02,
        beta_schedule="linear",
        prediction_type="v_prediction",
        timestep_spacing="trailing",
        clip_sample=False,
        steps_offset=1,
    )


def spread_timesteps(count: int) -> Tensor:
    """`count` timesteps, one at random from each equal part of the range, so that every batch sees all of it."""
    parts = (torch.arange(count) + torch.rand(count)) / count
    # The sum may be rounded up to a whole number, which in the last part would lie behind the last timestep.
    return (parts * TIMESTEPS).long().clamp(max=TIMESTEPS - 1)[torch.randperm(count)]


def noised(latents: Tensor, noise: Tensor, timesteps: Tensor, signal: Tensor) -> tuple[Tensor, Tensor]:
    """The noisy latents and the v to predict from them; `signal` is the schedule's cumulative product of alphas."""
    kept = signal[timesteps].view(-1, 1, 1, 1)
    a, s = kept.sqrt(), (1 - kept).sqrt()
    return a * latents + s * noise, a * noise - s * latents
