"""The two large parts of Stable Diffusion 1.5 with random weights, and one piece of work for each."""

from collections.abc import Callable
from typing import Any, Final

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor2_0

from services.gpu.checkpoints.anatomy import Anatomy
from services.gpu.models import memory
from services.gpu.models.memory import Economies

# Neither library types what is called here.
_unet: Final[Any] = UNet2DConditionModel
_vae: Final[Any] = AutoencoderKL
ROWS: Final = 2
DECODED: Final = 4
_LATENT_PIXELS: Final = 8
_NATIVE: Final = 512
_UNET: Final[dict[str, Any]] = {
    "sample_size": 64,
    "cross_attention_dim": 768,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "attention_head_dim": 8,
}
_VAE: Final[dict[str, Any]] = {
    "in_channels": 3,
    "out_channels": 3,
    "latent_channels": 4,
    "sample_size": _NATIVE,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
}
ANATOMY: Final = Anatomy(unet=_UNET, vae=_VAE, text_encoder={}, scheduler={}, parameters=0, version=1)


def denoiser() -> Any:
    """860 million random numbers."""
    return _unet(**_UNET)


def autoencoder() -> Any:
    """84 million random numbers."""
    return _vae(**_VAE)


def step(unet: Any, size: int, dtype: torch.dtype, economies: Economies) -> Callable[[], object]:
    """One forward of ROWS rows: one picture with guidance."""
    if economies.sliced_attention:
        unet.set_attention_slice("max")
    else:
        processor: Any = AttnProcessor2_0
        unet.set_attn_processor(processor())
    side = size // _LATENT_PIXELS
    latents = torch.randn(ROWS, 4, side, side, dtype=dtype)
    prompt = torch.randn(ROWS, 77, 768, dtype=dtype)
    return lambda: unet(latents, torch.tensor([500.0] * ROWS), encoder_hidden_states=prompt, return_dict=False)


def decode(vae: Any, size: int, dtype: torch.dtype, economies: Economies) -> Callable[[], object]:
    """DECODED pictures at once, or as the economy has it."""
    if economies.sliced_vae:
        vae.enable_slicing()
    if economies.tiled_vae:
        vae.enable_tiling()
        side = memory.tile_side(_NATIVE)
        vae.tile_sample_min_size, vae.tile_latent_min_size = side, side // _LATENT_PIXELS
    side = size // _LATENT_PIXELS
    latents = torch.randn(DECODED, 4, side, side, dtype=dtype)
    return lambda: vae.decode(latents, return_dict=False)
