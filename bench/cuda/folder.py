"""A checkpoint in the shape of Stable Diffusion 1.5, its weights random: neither time nor memory depends on them."""

from pathlib import Path
from typing import Any, Final

import diffusers
import torch
import transformers

from bench.memory import shape
from tests.support import tiny_pipeline

# Neither library types what is called here.
_diffusers: Final[Any] = diffusers
_transformers: Final[Any] = transformers
_WINDOW: Final = 77
_WIDTH: Final = 768


def build(folder: Path) -> Path:
    """Write it in half precision, some two gigabytes, unless it is there already."""
    if (folder / "model_index.json").exists():
        return folder
    torch.manual_seed(0)
    tokenizer = tiny_pipeline.tokenizer()
    # A word-level vocabulary does; what counts is that every prompt has a whole window of embeddings.
    tokenizer.model_max_length = _WINDOW
    text_encoder = _transformers.CLIPTextModel(
        _transformers.CLIPTextConfig(
            vocab_size=49_408, hidden_size=_WIDTH, intermediate_size=4 * _WIDTH, num_hidden_layers=12,
            num_attention_heads=12, max_position_embeddings=_WINDOW, pad_token_id=0, bos_token_id=2, eos_token_id=3,
        )
    )  # fmt: skip
    scheduler = _diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1,
    )  # fmt: skip
    pipeline = _diffusers.StableDiffusionPipeline(
        vae=shape.autoencoder(), text_encoder=text_encoder, tokenizer=tokenizer, unet=shape.denoiser(),
        scheduler=scheduler, safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    pipeline.to(torch.float16).save_pretrained(folder, safe_serialization=True)
    return folder
