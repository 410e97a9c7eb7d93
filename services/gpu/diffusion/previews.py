"""Latents to a rough picture without the autoencoder, which would take longer than a step.

A linear map from each latent and its eight neighbours to a patch of 2 × 2 pixels, fitted by least squares when the
model is loaded. The neighbours are worth nearly 2 dB of likeness over a map of single latents on the bundled model;
larger patches are worth nothing more.
"""

from typing import Any, Final

import torch
from torch.nn import functional

from services.gpu.images import Pixels

_REACH: Final = 3
_PATCH: Final = 2
# Soft colours at three scales: what an autoencoder of any kind of picture has seen. Fitted on these the map is about
# 1 dB from one fitted on the bundled model's own pictures; latents drawn at random are as good at best, 1.4 dB worse
# at worst.
_FIELDS: Final = 4
_FIELD_LATENTS: Final = 16
_SCALES: Final = (2, 4, 8)
# Keeps the solution small where the fields leave it open.
_RIDGE: Final = 1e-3


class Previewer:
    """The fitted map."""

    def __init__(self, weights: torch.Tensor) -> None:
        """`weights` is features × (3 · patch pixels), float32."""
        self._weights = weights

    @classmethod
    def fit(cls, vae: Any, *, latent_pixels: int) -> "Previewer":
        """Fit the map to an autoencoder; a latent stands for `latent_pixels` pixels along a side."""
        generator = torch.Generator("cpu").manual_seed(0)
        side = _FIELD_LATENTS * latent_pixels
        fields = torch.zeros(_FIELDS, 3, side, side)
        for cells in _SCALES:
            noise = torch.rand(_FIELDS, 3, cells, cells, generator=generator) * 2 - 1
            fields += functional.interpolate(noise, size=(side, side), mode="bicubic")
        raw = vae.encode(fields.clamp(-1, 1).to(vae.device, vae.dtype)).latent_dist.mode()
        pictures = vae.decode(raw, return_dict=False)[0].float().clamp(-1, 1)
        small = functional.adaptive_avg_pool2d(pictures, _FIELD_LATENTS * _PATCH)
        wanted = functional.unfold(small, _PATCH, stride=_PATCH).transpose(1, 2).flatten(0, 1)
        seen = _features(raw.float() * vae.config.scaling_factor)
        # Solved on the CPU in double precision: it is small, and done once.
        seen, wanted = seen.double().cpu(), wanted.double().cpu()
        ridge = _RIDGE * len(seen) * torch.eye(seen.shape[1], dtype=seen.dtype)
        weights = torch.linalg.solve(seen.T @ seen + ridge, seen.T @ wanted)
        return cls(weights.float().to(vae.device))

    def render(self, latents: torch.Tensor) -> Pixels:
        """A picture of latents of shape 1 × channels × height × width, twice their height and width."""
        height, width = latents.shape[-2:]
        patches = (_features(latents.float()) @ self._weights).T[None]
        picture = functional.fold(patches, (height * _PATCH, width * _PATCH), _PATCH, stride=_PATCH)[0]
        pixels: Pixels = (picture.clamp(-1, 1) * 127.5 + 127.5).permute(1, 2, 0).to(torch.uint8).cpu().numpy()
        return pixels


def _features(latents: torch.Tensor) -> torch.Tensor:
    """Every latent with its neighbours and a one: (batch · height · width) × features."""
    padded = functional.pad(latents, (_REACH // 2,) * 4, mode="replicate")
    around = functional.unfold(padded, _REACH).transpose(1, 2).flatten(0, 1)
    return torch.cat([around, torch.ones_like(around[:, :1])], dim=1)
