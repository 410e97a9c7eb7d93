"""Find a checkpoint, in a folder or on the model hub, and refuse what this worker would not load; knows no torch.

So a wrong setting is told at once, before the seconds that torch takes. What is pickled is neither read nor fetched.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.gpu import errors

_KIND: Final = "StableDiffusionPipeline"
_WEIGHTS: Final = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
_PICKLES: Final = ("*.bin", "*.ckpt", "*.pt", "*.pth", "*.pkl")
# One set of weights in full precision; hubs often hold half a dozen others beside it.
_DOWNLOADED: Final = (
    "daydream.json",
    "model_index.json",
    "scheduler/*.json",
    "tokenizer/*.json",
    "tokenizer/*.txt",
    *(f"{part}/config.json" for part in _WEIGHTS),
    *(f"{part}/{stem}.safetensors" for part, stem in _WEIGHTS.items()),
    *(f"{part}/{stem}.safetensors.index.json" for part, stem in _WEIGHTS.items()),
    *(f"{part}/{stem}-0*.safetensors" for part, stem in _WEIGHTS.items()),
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A checkpoint that was found."""

    folder: Path
    """Where it lies."""
    name: str
    """Its folder's name or its id on the hub."""


def find(text: str) -> Source:
    """The checkpoint that `GPU_MODEL` names: a folder, or an id on the hub, which is fetched. Raises ModelUnusable."""
    if (folder := Path(text).expanduser()).is_dir():
        folder = folder.resolve()
        source = Source(folder=folder, name=folder.name)
    else:
        source = Source(folder=_fetch(text), name=text)
    _check(source.folder)
    return source


def _fetch(model_id: str) -> Path:
    if model_id.startswith((".", "/", "~")) or model_id.count("/") != 1:
        raise errors.ModelUnusable(
            f"GPU_MODEL={model_id}: there is no such folder, and it is no model id (owner/name)."
        )
    import huggingface_hub  # noqa: PLC0415 - half a second that a folder does not need

    try:
        return Path(huggingface_hub.snapshot_download(model_id, allow_patterns=list(_DOWNLOADED)))
    except Exception as error:
        raise errors.ModelUnusable(
            f"GPU_MODEL={model_id}: there is no such folder, and the model hub does not give it: "
            f"{errors.first_line(error)}"
        ) from error


def _check(folder: Path) -> None:
    try:
        kind = json.loads((folder / "model_index.json").read_text("utf-8"))["_class_name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise errors.ModelUnusable(
            f"{folder} is no diffusers folder: its model_index.json is missing or wrong."
        ) from error
    if kind != _KIND:
        raise errors.ModelUnusable(
            f"{folder} holds a {kind}; this worker draws with Stable Diffusion 1.x and 2.x only."
        )
    for part, stem in _WEIGHTS.items():
        if any((folder / part / f"{stem}.safetensors{ending}").exists() for ending in ("", ".index.json")):
            continue
        pickled = [file.name for pattern in _PICKLES for file in (folder / part).glob(pattern)]
        if pickled:
            raise errors.ModelUnusable(
                f"{folder / part} holds pickled weights only ({', '.join(sorted(pickled))}), which can run code when "
                "they are opened; convert them to safetensors."
            )
        raise errors.ModelUnusable(f"{folder / part} holds no {stem}.safetensors, and nothing else is read.")
