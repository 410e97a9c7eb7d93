"""Bring a Stable Diffusion checkpoint's parts into memory, or say in one sentence why that cannot be.

Each part is loaded by a class named here, never by one the folder names: no code comes with a checkpoint. Weights are
read from safetensors only.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers.utils.logging
import torch
import transformers.utils.logging
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import AutoTokenizer, CLIPTextModel

from services.gpu import errors
from services.gpu.sources import Source


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The parts of a Stable Diffusion 1.x or 2.x checkpoint, on their device."""

    source: Source
    """Where it lies and what it is called."""
    tokenizer: Any
    """Text to token ids."""
    text_encoder: Any
    """Token ids to embeddings."""
    unet: Any
    """The denoiser."""
    vae: Any
    """Latents to pixels and back."""
    scheduler_config: Mapping[str, Any]
    """The model's own scheduler file."""
    device: torch.device
    """Where the parts are."""
    dtype: torch.dtype
    """What they are held in."""

    @property
    def latent_pixels(self) -> int:
        """Pixels a latent stands for, along a side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def native_size(self) -> int:
        """Pixels a side it was trained at."""
        size = self.unet.config.sample_size
        return int(size if isinstance(size, int) else min(size)) * self.latent_pixels


def load(source: Source, *, device: str, dtype: str) -> Checkpoint:
    """Load the checkpoint that `source` found; `device` and `dtype` are as in the settings. Raises ModelUnusable."""
    _quieten()
    place = _device(device)
    kind = _dtype(dtype, place)
    folder = source.folder
    parts = {
        "text_encoder": _part(CLIPTextModel, folder, "text_encoder", kind),
        "unet": _part(UNet2DConditionModel, folder, "unet", kind),
        "vae": _part(AutoencoderKL, folder, "vae", kind),
    }
    if parts["unet"].config.in_channels != parts["vae"].config.latent_channels:
        raise errors.ModelUnusable(f"{folder} does not draw from text alone (an inpainting model, perhaps).")
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer", trust_remote_code=False, local_files_only=True)
        scheduler_config = json.loads((folder / "scheduler" / "scheduler_config.json").read_text("utf-8"))
        for part in parts.values():
            part.to(place).eval().requires_grad_(False)
    except Exception as error:
        raise errors.ModelUnusable(f"{folder} cannot be used: {errors.first_line(error)}") from error
    return Checkpoint(
        source=source, tokenizer=tokenizer, scheduler_config=scheduler_config, device=place, dtype=kind, **parts
    )


def _quieten() -> None:
    # Progress bars and loggers with handlers of their own would break the log's one line an event.
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.disable_progress_bar()
        library.disable_default_handler()
        library.enable_propagation()
    # A word about every image processor that would be quicker with torchvision; we use none of them.
    logging.getLogger("transformers.models.auto.image_processing_auto").setLevel(logging.ERROR)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda:0" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except Exception as error:
        raise errors.ModelUnusable(f"GPU_DEVICE={name} cannot be used here: {errors.first_line(error)}") from error
    return device


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name != "auto":
        return {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[name]
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float16


def _part(cls: Any, folder: Path, part: str, dtype: torch.dtype) -> Any:
    given = {"dtype": dtype} if cls is CLIPTextModel else {"torch_dtype": dtype}
    try:
        model, told = cls.from_pretrained(
            folder / part, use_safetensors=True, local_files_only=True, output_loading_info=True, **given
        )
    except Exception as error:
        raise errors.ModelUnusable(
            f"The weights in {folder / part} cannot be read: {errors.first_line(error)}"
        ) from error
    # Missing weights would be filled with noise and a warning.
    if missing := sorted(told["missing_keys"]):
        raise errors.ModelUnusable(f"The weights in {folder / part} are not complete: {missing[0]} is missing.")
    return model
