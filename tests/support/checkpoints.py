"""Checkpoints of a few megabytes with random weights in the shapes of real ones: Stable Diffusion 1.x, 2.x, inpainting.

Each is a diffusers folder; `single_file` writes the same weights as one file in the layout such models were first given
out in, with names and shapes of its own. LoRAs come in both layouts that people train.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import diffusers
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.support import tiny_pipeline

_diffusers: Final[Any] = diffusers
_transformers: Final[Any] = transformers
_WIDTH: Final = 64
_VOCABULARY: Final = len(tiny_pipeline.WORDS) + 4
Weights = dict[str, torch.Tensor]


def build(
    folder: Path, *, version: int = 1, channels: int = 4, prediction_type: str = "epsilon", pipeline: str | None = None
) -> Path:
    """Write a folder of the given version of Stable Diffusion; nine `channels` make it one for inpainting."""
    torch.manual_seed(version * 10 + channels)
    second = version == 2
    text_encoder = _transformers.CLIPTextModel(
        _transformers.CLIPTextConfig(
            vocab_size=_VOCABULARY, hidden_size=_WIDTH, intermediate_size=_WIDTH, num_hidden_layers=23 if second else 3,
            num_attention_heads=1, max_position_embeddings=16, hidden_act="gelu" if second else "quick_gelu",
            bos_token_id=_VOCABULARY - 2, eos_token_id=_VOCABULARY - 1, pad_token_id=1, projection_dim=_WIDTH,
        )
    )  # fmt: skip
    unet = _diffusers.UNet2DConditionModel(
        sample_size=8, in_channels=channels, out_channels=4, block_out_channels=(64, 128), layers_per_block=1,
        cross_attention_dim=_WIDTH, attention_head_dim=[1, 2] if second else 8, use_linear_projection=second,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"), up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )  # fmt: skip
    vae = _diffusers.AutoencoderKL(
        block_out_channels=(32, 32, 32, 32), layers_per_block=1, latent_channels=4, sample_size=512,
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
    )  # fmt: skip
    scheduler = _diffusers.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1, prediction_type=prediction_type,
    )  # fmt: skip
    kind = _diffusers.StableDiffusionInpaintPipeline if channels == 9 else _diffusers.StableDiffusionPipeline
    kind(
        vae=vae, text_encoder=text_encoder, tokenizer=tiny_pipeline.tokenizer(), unet=unet, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder, safe_serialization=True)  # fmt: skip
    if pipeline is not None:
        edit(folder / "model_index.json", _class_name=pipeline)
    return folder


def edit(file: Path, **changes: Any) -> None:
    """Change some keys of a JSON file."""
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def edit_card(folder: Path, **said: Any) -> None:
    """Write what the folder says of itself."""
    (folder / "daydream.json").write_text(json.dumps(said))


def single_file(
    folder: Path, file: Path, *, notes: Mapping[str, str] | None = None, extra: Weights | None = None
) -> Path:
    """The folder's weights as one file of the original layout; `extra` tensors go in beside them."""
    weights = {
        **_prefixed("model.diffusion_model.", _unet(load_file(folder / "unet/diffusion_pytorch_model.safetensors"))),
        **_prefixed("first_stage_model.", _vae(load_file(folder / "vae/diffusion_pytorch_model.safetensors"))),
        **_text(load_file(folder / "text_encoder/model.safetensors")),
        **(extra or {}),
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in weights.items()}, file, metadata=dict(notes or {}))
    return file


def _prefixed(prefix: str, weights: Weights) -> Weights:
    return {prefix + name: tensor for name, tensor in weights.items()}


def _renamed(name: str, rules: Mapping[str, str]) -> str:
    for pattern, replacement in rules.items():
        name = re.sub(pattern, replacement, name)
    return name


_RESNET: Final = {
    r"\.norm1\.": ".in_layers.0.", r"\.conv1\.": ".in_layers.2.", r"\.norm2\.": ".out_layers.0.",
    r"\.conv2\.": ".out_layers.3.", r"\.time_emb_proj\.": ".emb_layers.1.", r"\.conv_shortcut\.": ".skip_connection.",
}  # fmt: skip
_UNET: Final = {
    r"^time_embedding\.linear_1": "time_embed.0", r"^time_embedding\.linear_2": "time_embed.2",
    r"^conv_in": "input_blocks.0.0", r"^conv_norm_out": "out.0", r"^conv_out": "out.2",
    # Two levels of one layer: each takes two input blocks, a layer and its way down, and two output blocks.
    r"^down_blocks\.0\.resnets\.0": "input_blocks.1.0", r"^down_blocks\.0\.attentions\.0": "input_blocks.1.1",
    r"^down_blocks\.0\.downsamplers\.0\.conv": "input_blocks.2.0.op",
    r"^down_blocks\.1\.resnets\.0": "input_blocks.3.0",
    r"^mid_block\.resnets\.0": "middle_block.0", r"^mid_block\.attentions\.0": "middle_block.1",
    r"^mid_block\.resnets\.1": "middle_block.2",
    r"^up_blocks\.0\.resnets\.(\d)": r"output_blocks.\1.0", r"^up_blocks\.0\.upsamplers\.0": "output_blocks.1.1",
    r"^up_blocks\.1\.resnets\.0": "output_blocks.2.0", r"^up_blocks\.1\.attentions\.0": "output_blocks.2.1",
    r"^up_blocks\.1\.resnets\.1": "output_blocks.3.0", r"^up_blocks\.1\.attentions\.1": "output_blocks.3.1",
}  # fmt: skip
_VAE: Final = {
    r"conv_norm_out": "norm_out", r"down_blocks\.(\d)\.resnets\.(\d)": r"down.\1.block.\2",
    r"down_blocks\.(\d)\.downsamplers\.0": r"down.\1.downsample", r"mid_block\.resnets\.0": "mid.block_1",
    r"mid_block\.resnets\.1": "mid.block_2", r"mid_block\.attentions\.0\.group_norm": "mid.attn_1.norm",
    r"mid_block\.attentions\.0\.to_([qkv])": r"mid.attn_1.\1",
    r"mid_block\.attentions\.0\.to_out\.0": "mid.attn_1.proj_out", r"conv_shortcut": "nin_shortcut",
}  # fmt: skip
_OPEN_CLIP: Final = {
    r"^encoder\.layers\.": "transformer.resblocks.", r"layer_norm(\d)": r"ln_\1", r"self_attn": "attn",
    r"mlp\.fc1": "mlp.c_fc", r"mlp\.fc2": "mlp.c_proj", r"^final_layer_norm": "ln_final",
    r"^embeddings\.token_embedding": "token_embedding",
    r"^embeddings\.position_embedding\.weight": "positional_embedding",
}  # fmt: skip


def _unet(weights: Weights) -> Weights:
    new = {}
    for name, tensor in weights.items():
        inner = _RESNET if ".resnets." in name else {}
        new[_renamed(_renamed(name, inner), _UNET)] = tensor
    return new


def _vae(weights: Weights) -> Weights:
    new = {}
    for name, tensor in weights.items():
        # Decoder levels are counted from the picture there, and attention is made of 1 × 1 convolutions.
        turned = re.sub(r"up_blocks\.(\d)", lambda found: f"up.{3 - int(found[1])}", name)
        turned = re.sub(r"up\.(\d)\.resnets\.", r"up.\1.block.", turned).replace("upsamplers.0", "upsample")
        convolution = "attentions.0.to_" in name and name.endswith("weight")
        new[_renamed(turned, _VAE)] = tensor[:, :, None, None] if convolution else tensor
    return new


def _text(weights: Weights) -> Weights:
    weights = {name.removeprefix("text_model."): tensor for name, tensor in weights.items()}
    if "encoder.layers.22.mlp.fc1.weight" not in weights:
        return _prefixed("cond_stage_model.transformer.text_model.", weights)
    # The last layer is in real files, too, and unused.
    weights |= {
        name.replace(".22.", ".23."): torch.ones_like(tensor) for name, tensor in weights.items() if ".22." in name
    }
    new: Weights = {}
    for name, tensor in weights.items():
        if found := re.match(r"(.*self_attn\.)q_proj\.(weight|bias)", name):
            stacked = torch.cat([weights[f"{found[1]}{each}_proj.{found[2]}"] for each in "qkv"])
            new[_renamed(found[1], _OPEN_CLIP) + f"in_proj_{found[2]}"] = stacked
        elif not re.search(r"[kv]_proj", name):
            new[_renamed(name, _OPEN_CLIP)] = tensor
    return _prefixed("cond_stage_model.model.", new)


def lora(file: Path, *, seed: int, kohya: bool = False, rank: int = 2, width: int = _WIDTH, text: bool = True) -> Path:
    """A LoRA for one attention of `build`'s denoisers and, if `text`, the first one of their text encoders.

    `kohya` names the tensors as that trainer does, with an alpha of half the rank; else they are named as diffusers
    names them. `width` other than the models' own fits none of them.
    """
    generator = torch.Generator().manual_seed(seed)
    places = {"unet": ["down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"]}
    if text:
        places["text_encoder"] = [f"text_model.encoder.layers.0.self_attn.{each}_proj" for each in ("q", "out")]
    weights: Weights = {}
    for part, layers in places.items():
        for layer in layers:
            down = torch.randn(rank, width, generator=generator)
            up = torch.randn(_WIDTH, rank, generator=generator) * 0.2
            if kohya:
                stem = {"unet": "lora_unet_", "text_encoder": "lora_te_"}[part] + layer.replace(".", "_")
                names = (f"{stem}.lora_down.weight", f"{stem}.lora_up.weight")
                weights[f"{stem}.alpha"] = torch.tensor(rank / 2)
            else:
                names = (f"{part}.{layer}.lora_A.weight", f"{part}.{layer}.lora_B.weight")
            weights |= dict(zip(names, (down, up), strict=True))
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, file)
    return file
