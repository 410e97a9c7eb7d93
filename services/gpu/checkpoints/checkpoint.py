"""Bring a Stable Diffusion checkpoint's parts into memory, or say in one sentence why that cannot be.

Each part is loaded by a class named here, never by one the folder names: no code comes with a checkpoint. Weights are
read from safetensors only. A single file goes through diffusers' own loading of such files, with configurations that
`single_file` works out, so that nothing is fetched for it.
"""

import json
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import diffusers.utils.logging
import torch
import transformers.utils.logging
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import AutoTokenizer, CLIPTextModel

from services.gpu import errors
from services.gpu.checkpoints import anatomy
from services.gpu.checkpoints.anatomy import Anatomy
from services.gpu.checkpoints.sources import Source

# The second version was trained with this padding, the first with the end mark, as the tokenizer says itself.
_PADDING_OF_2: Final = "!"
# The library does not type what is called here.
_scheduler: Final[Any] = DDIMScheduler


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The parts of a Stable Diffusion 1.x or 2.x checkpoint, on their device."""

    source: Source
    """Where it lies and what it is called."""
    anatomy: Anatomy
    """Its configurations."""
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
        return self.anatomy.latent_pixels

    @property
    def native_size(self) -> int:
        """Pixels a side it was trained at."""
        return self.anatomy.native_size

    @property
    def nbytes(self) -> int:
        """What the weights take."""
        return sum(
            tensor.nbytes for part in (self.text_encoder, self.unet, self.vae) for tensor in part.state_dict().values()
        )


def load(source: Source, *, device: str, dtype: str, channels_last: bool = False) -> Checkpoint:
    """Load the checkpoint that `source` found; `device` and `dtype` are as in the settings.

    `channels_last` lays the weights of convolutions out as accelerators like them. Raises ModelUnusable.
    """
    quieten()
    place = device_of(device)
    kind = dtype_of(dtype, place)
    what = anatomy.of(source)
    parts = _from_folder(source, kind) if source.file is None else _from_file(source.file, what, kind)
    try:
        tokenizer = _tokenizer(source, what, parts["text_encoder"])
        for part in parts.values():
            part.to(place).eval().requires_grad_(False)
        for part in (parts["unet"], parts["vae"]) if channels_last else ():
            part.to(memory_format=torch.channels_last)
    except (errors.ModelUnusable, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise errors.ModelUnusable(f"{source.name} cannot be used: {errors.first_line(error)}") from error
    return Checkpoint(
        source=source,
        anatomy=what,
        tokenizer=tokenizer,
        scheduler_config=what.scheduler,
        device=place,
        dtype=kind,
        **parts,
    )


def quieten() -> None:
    """Make both libraries log through the program's own log, a line an event."""
    # Progress bars and loggers with handlers of their own would break the log's one line an event.
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.disable_progress_bar()
        library.disable_default_handler()
        library.enable_propagation()
    # A word about every image processor that would be quicker with torchvision; we use none of them.
    for name in ("transformers.models.auto.image_processing_auto", "transformers.utils.import_utils"):
        logging.getLogger(name).setLevel(logging.ERROR)


def device_of(name: str) -> torch.device:
    """The device that the setting names. Raises ModelUnusable when it is not here."""
    if name == "auto":
        name = "cuda:0" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except Exception as error:
        raise errors.ModelUnusable(f"GPU_DEVICE={name} cannot be used here: {errors.first_line(error)}") from error
    return device


def dtype_of(name: str, device: torch.device) -> torch.dtype:
    """The kind of number that the setting names, for this device."""
    if name != "auto":
        return {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}[name]
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float16


def _tokenizer(source: Source, what: Anatomy, text_encoder: Any) -> Any:
    folder = source.tokenizer
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    window, words = text_encoder.config.max_position_embeddings, text_encoder.config.vocab_size
    if len(tokenizer) > words:
        raise errors.ModelUnusable(
            f"The tokenizer in {folder} knows {len(tokenizer)} tokens, the text encoder of {source.name} {words}: they "
            "do not belong together."
        )
    # Some folders do not say how long a prompt may be.
    tokenizer.model_max_length = min(tokenizer.model_max_length, window)
    if what.version == 2 and folder != source.folder / "tokenizer":
        tokenizer.pad_token = _PADDING_OF_2
    return tokenizer


def _from_folder(source: Source, dtype: torch.dtype) -> dict[str, Any]:
    classes = {"text_encoder": CLIPTextModel, "unet": UNet2DConditionModel, "vae": AutoencoderKL}
    return {name: _part(cls, source, name, dtype) for name, cls in classes.items()}


def _part(cls: Any, source: Source, part: str, dtype: torch.dtype) -> Any:
    folder = source.folder
    given = {"dtype": dtype} if cls is CLIPTextModel else {"torch_dtype": dtype}
    try:
        model, told = cls.from_pretrained(
            folder / part,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            variant=source.variant(part),
            **given,
        )
    except Exception as error:
        raise errors.ModelUnusable(
            f"The weights in {folder / part} cannot be read: {errors.first_line(error)}"
        ) from error
    # Missing weights would be filled with noise and a warning.
    if missing := sorted(told["missing_keys"]):
        raise errors.ModelUnusable(f"The weights in {folder / part} are not complete: {missing[0]} is missing.")
    return model


def _from_file(file: Path, what: Anatomy, dtype: torch.dtype) -> dict[str, Any]:
    # Here and not above: it brings image processors along, which have something to say unless they are quietened first.
    from diffusers import StableDiffusionPipeline  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        _write_configs(Path(folder), what)
        # It warns of a safety checker that is left out and of configurations it made up itself.
        loudness = diffusers.utils.logging.get_verbosity()
        diffusers.utils.logging.set_verbosity_error()
        try:
            pipeline = StableDiffusionPipeline.from_single_file(
                str(file),
                config=folder,
                local_files_only=True,
                torch_dtype=dtype,
                # Those that are no weights of the file are given, so that nothing is looked for.
                tokenizer=None,
                scheduler=_scheduler.from_config(dict(what.scheduler)),
                safety_checker=None,
                feature_extractor=None,
            )
        except NotImplementedError as error:
            # What the file does not hold has no place in memory, and cannot be moved to one.
            raise errors.ModelUnusable(f"The weights in {file} are not complete.") from error
        except Exception as error:
            raise errors.ModelUnusable(f"The weights in {file} cannot be read: {errors.first_line(error)}") from error
        finally:
            diffusers.utils.logging.set_verbosity(loudness)
    parts = {"text_encoder": pipeline.text_encoder, "unet": pipeline.unet, "vae": pipeline.vae}
    if any(tensor.is_meta for part in parts.values() for tensor in part.state_dict().values()):
        raise errors.ModelUnusable(f"The weights in {file} are not complete.")
    return parts


def _write_configs(folder: Path, what: Anatomy) -> None:
    index = {
        "_class_name": "StableDiffusionPipeline",
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderKL"],
        "text_encoder": ["transformers", "CLIPTextModel"],
    }
    (folder / "model_index.json").write_text(json.dumps(index), "utf-8")
    for name, config in (("unet", what.unet), ("vae", what.vae), ("text_encoder", what.text_encoder)):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(config), "utf-8")
