"""A Stable Diffusion folder of a few hundred kilobytes with random weights: real code paths, no picture.

It has the same parts as a real checkpoint (a CLIP text encoder, a conditioned UNet, a KL autoencoder that divides by
eight, a scheduler), so what equals diffusers' own pipeline on it does so on a real one.
"""

import json
from pathlib import Path
from typing import Any, Final

import diffusers
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS: Final = ("a", "red", "blue", "circle", "square", "house", "on", "under", "yellow", "sun", "background")
# Neither library types what is called here.
_diffusers: Final[Any] = diffusers
_transformers: Final[Any] = transformers
DEFAULTS: Final = {"steps": 4, "guidance": 3.0, "width": 64, "height": 64, "sampler": "DDIM"}


def tokenizer() -> Any:
    """A word-level tokenizer of a window of 16."""
    vocabulary = {word: number for number, word in enumerate(("<pad>", "<unk>", "<s>", "</s>", *WORDS))}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)])
    return _transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        model_max_length=16,
    )  # fmt: skip


def build(
    folder: Path,
    *,
    card: dict[str, Any] | None = None,
    prediction_type: str = "epsilon",
    half: bool = False,
    channels: int = 4,
    distilled: bool = False,
) -> Path:
    """Write the pipeline into `folder`; `card` becomes its `daydream.json`, without one it has none.

    `half` keeps the weights in 16 bits. Nine `channels` make it one for inpainting. A `distilled` one takes the
    guidance scale as an input and names the LCM sampler as its own.
    """
    torch.manual_seed(0)
    text_encoder = _transformers.CLIPTextModel(
        _transformers.CLIPTextConfig(
            vocab_size=len(WORDS) + 4, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=16, pad_token_id=0, bos_token_id=2, eos_token_id=3,
        )
    )  # fmt: skip
    unet = _diffusers.UNet2DConditionModel(
        sample_size=8, in_channels=channels, out_channels=4, time_cond_proj_dim=32 if distilled else None,
        block_out_channels=(16, 32), layers_per_block=1, norm_num_groups=8, cross_attention_dim=16,
        attention_head_dim=2, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
    )  # fmt: skip
    autoencoder = _diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 16, 16), layers_per_block=1, norm_num_groups=4, latent_channels=4, sample_size=64,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        mid_block_add_attention=False,
    )  # fmt: skip
    kind = _diffusers.LCMScheduler if distilled else _diffusers.DDIMScheduler
    scheduler = kind(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1, prediction_type=prediction_type,
    )  # fmt: skip
    pipelines = {4: _diffusers.StableDiffusionPipeline, 9: _diffusers.StableDiffusionInpaintPipeline}
    pipeline = pipelines[channels](
        vae=autoencoder, text_encoder=text_encoder, tokenizer=tokenizer(), unet=unet, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )  # fmt: skip
    if half:
        pipeline.to(torch.float16)
    pipeline.save_pretrained(folder, safe_serialization=True)
    if card is not None:
        (folder / "daydream.json").write_text(json.dumps(card))
    return folder
