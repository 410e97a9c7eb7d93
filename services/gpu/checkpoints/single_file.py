"""A Stable Diffusion checkpoint in one file, as it was first given out: what it is follows from its tensors' shapes.

The configurations below are what such a file leaves unsaid, in the form diffusers' own single-file loading takes. They
hold for Stable Diffusion 1.x (Rombach et al. 2022) and 2.x; whatever else is in such files is refused by name. Knows
no torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.gpu import errors
from services.gpu.checkpoints.headers import Header

_UNET: Final = "model.diffusion_model."
_VAE: Final = "first_stage_model."
_CLIP: Final = "cond_stage_model.transformer.text_model."
_OPEN_CLIP: Final = "cond_stage_model.model."
PARTS: Final = (_UNET, _VAE, "cond_stage_model.")
"""How the names of a checkpoint's tensors begin."""
_XL: Final = "conditioner.embedders."
# The second version draws from what the encoder's last layer but one says, so the last is never loaded.
_OPEN_CLIP_LAYERS: Final = 24
_V_PREDICTION_NOTE: Final = "v_pred"
_SCHEDULER: Final = {
    "_class_name": "DDIMScheduler", "beta_end": 0.012, "beta_schedule": "scaled_linear", "beta_start": 0.00085,
    "clip_sample": False, "num_train_timesteps": 1000, "set_alpha_to_one": False, "steps_offset": 1,
}  # fmt: skip
Config = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Configs:
    """The configurations of a checkpoint's parts, as they would stand in a diffusers folder."""

    version: int
    """1 or 2, of Stable Diffusion."""
    unet: Config
    vae: Config
    text_encoder: Config
    scheduler: Config


def configs(file: Path, header: Header, *, prediction_type: str | None = None) -> Configs:
    """What `file` is, by its header. Raises ModelUnusable when it is no Stable Diffusion 1.x or 2.x.

    Whether a file of the second version predicts noise or velocity cannot be seen in its shapes: `prediction_type`
    says so, or the file's notes, else it is taken for the better known one, velocity at 768 pixels.
    """
    names = header.shapes
    if any(name.startswith(_XL) for name in names):
        raise errors.ModelUnusable(f"{file} is a Stable Diffusion XL checkpoint; this worker draws 1.x and 2.x only.")
    second = any(name.startswith(_OPEN_CLIP) for name in names)
    parts = {"denoiser": _UNET, "autoencoder": _VAE, "text encoder": _OPEN_CLIP if second else _CLIP}
    for part, prefix in parts.items():
        if not any(name.startswith(prefix) for name in names):
            raise errors.ModelUnusable(f"{file} holds no {part} of Stable Diffusion 1.x or 2.x.")
    version = 2 if second else 1
    kind = prediction_type or _prediction(header, version)
    try:
        return Configs(
            version=version,
            unet=_unet(header, version, _latents(header, version, kind)),
            vae=_vae(header),
            text_encoder=_open_clip(header) if second else _clip(header),
            scheduler={**_SCHEDULER, "prediction_type": kind},
        )
    except (KeyError, IndexError, ValueError, ZeroDivisionError) as error:
        raise errors.ModelUnusable(
            f"{file} is not laid out as Stable Diffusion 1.x or 2.x: {errors.first_line(error)}."
        ) from error


def _prediction(header: Header, version: int) -> str:
    # Two customs: an empty tensor of that name, and the modelspec notes.
    said = header.notes.get("modelspec.prediction_type", "").lower()
    if _V_PREDICTION_NOTE in header.shapes or said in ("v", "v_prediction"):
        return "v_prediction"
    if said:
        return "epsilon"
    return "v_prediction" if version == 2 else "epsilon"


def _latents(header: Header, version: int, prediction: str) -> int:
    resolution = header.notes.get("modelspec.resolution", "").lower().split("x")
    if all(side.isdecimal() for side in resolution):
        return min(int(side) for side in resolution) // 8
    return 96 if version == 2 and prediction == "v_prediction" else 64


def _unet(header: Header, version: int, sample_size: int) -> Config:
    shapes = {name.removeprefix(_UNET): shape for name, shape in header.shapes.items() if name.startswith(_UNET)}
    levels: list[list[int]] = [[]]
    crossed: list[bool] = [False]
    for number in range(1, header.count(_UNET + "input_blocks.{}.")):
        block = f"input_blocks.{number}"
        if f"{block}.0.op.weight" in shapes:
            levels.append([])
            crossed.append(False)
            continue
        levels[-1].append(shapes[f"{block}.0.out_layers.3.weight"][0])
        crossed[-1] = crossed[-1] or f"{block}.1.proj_in.weight" in shapes
    layers = len(levels[0])
    channels = [level[-1] for level in levels]
    if any(len(level) != layers for level in levels):
        raise ValueError("its levels differ in depth")
    attention = next(name for name in sorted(shapes) if name.endswith("attn2.to_k.weight"))
    linear = len(shapes[attention.partition(".transformer_blocks.")[0] + ".proj_in.weight"]) == 2
    return {
        "_class_name": "UNet2DConditionModel",
        "sample_size": sample_size,
        "in_channels": shapes["input_blocks.0.0.weight"][1],
        "out_channels": shapes["out.2.weight"][0],
        "block_out_channels": channels,
        "layers_per_block": layers,
        "down_block_types": ["CrossAttnDownBlock2D" if each else "DownBlock2D" for each in crossed],
        "up_block_types": ["CrossAttnUpBlock2D" if each else "UpBlock2D" for each in reversed(crossed)],
        "cross_attention_dim": shapes[attention][1],
        # The first version has eight heads everywhere, the second heads of 64 channels. diffusers' name for the number
        # of heads is this, for reasons of its own.
        "attention_head_dim": 8 if version == 1 else [width // 64 for width in channels],
        "use_linear_projection": linear,
        "norm_num_groups": 32,
    }


def _vae(header: Header) -> Config:
    levels = header.count(_VAE + "encoder.down.{}.")
    channels = [header.shapes[f"{_VAE}encoder.down.{level}.block.0.conv1.weight"][0] for level in range(levels)]
    return {
        "_class_name": "AutoencoderKL",
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": header.shapes[_VAE + "post_quant_conv.weight"][0],
        "block_out_channels": channels,
        "layers_per_block": header.count(_VAE + "encoder.down.0.block.{}."),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "norm_num_groups": 32,
        "sample_size": 512,
        "scaling_factor": 0.18215,
    }


def _clip(header: Header) -> Config:
    layer = _CLIP + "encoder.layers.{}."
    words, width = header.shapes[_CLIP + "embeddings.token_embedding.weight"]
    return _text(
        words=words,
        width=width,
        window=header.shapes[_CLIP + "embeddings.position_embedding.weight"][0],
        layers=header.count(layer),
        inner=header.shapes[layer.format(0) + "mlp.fc1.weight"][0],
        activation="quick_gelu",
    )


def _open_clip(header: Header) -> Config:
    layer = _OPEN_CLIP + "transformer.resblocks.{}."
    words, width = header.shapes[_OPEN_CLIP + "token_embedding.weight"]
    if header.count(layer) != _OPEN_CLIP_LAYERS:
        raise ValueError(f"its text encoder has not {_OPEN_CLIP_LAYERS} layers")
    return _text(
        words=words,
        width=width,
        window=header.shapes[_OPEN_CLIP + "positional_embedding"][0],
        layers=_OPEN_CLIP_LAYERS - 1,
        inner=header.shapes[layer.format(0) + "mlp.c_fc.weight"][0],
        activation="gelu",
    )


def _text(*, words: int, width: int, window: int, layers: int, inner: int, activation: str) -> Config:
    return {
        "architectures": ["CLIPTextModel"],
        "model_type": "clip_text_model",
        "vocab_size": words,
        "hidden_size": width,
        "intermediate_size": inner,
        "max_position_embeddings": window,
        "num_hidden_layers": layers,
        "num_attention_heads": max(1, width // 64),
        "hidden_act": activation,
        "bos_token_id": words - 2,
        "eos_token_id": words - 1,
        "pad_token_id": 1,
        "projection_dim": width,
    }
