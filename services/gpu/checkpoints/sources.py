"""Find a checkpoint, in a folder, in one file or on the model hub, and refuse what this worker would not load.

So a wrong setting is told at once, before the seconds that torch takes. What is pickled is neither read nor fetched,
and what names code of its own is not used. Knows no torch.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.gpu import card, errors
from services.gpu.checkpoints import headers

_KINDS: Final = ("StableDiffusionPipeline", "StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline")
"""All made of the same parts; which of them a folder names matters to nobody else."""
_WEIGHTS: Final = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model", "text_encoder": "model"}
_CLASSES: Final = {"unet": "UNet2DConditionModel", "vae": "AutoencoderKL", "text_encoder": "CLIPTextModel"}
_LIBRARIES: Final = {"unet": "diffusers", "vae": "diffusers", "scheduler": "diffusers", "text_encoder": "transformers",
                     "tokenizer": "transformers"}  # fmt: skip
_TOKENIZER_FILES: Final = ("vocab.json", "merges.txt", "tokenizer.json")
CLIP_TOKENIZER: Final = "openai/clip-vit-large-patch14"
"""Where the vocabulary of every Stable Diffusion 1.x and 2.x comes from; a single file does not hold it."""
HALF: Final = "fp16"
"""How hubs call weights in 16 bits."""
_DOWNLOADED: Final = (
    "daydream.json",
    "model_index.json",
    "scheduler/*.json",
    "tokenizer/*.json",
    "tokenizer/*.txt",
    *(f"{part}/config.json" for part in _WEIGHTS),
)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A checkpoint that was found."""

    folder: Path
    """Where it lies."""
    name: str
    """Its folder's name, its id on the hub, or its file's name without the ending."""
    file: Path | None = None
    """The one file that is the checkpoint; None where the folder is."""

    @property
    def card_file(self) -> Path:
        """Where it may say what it is: `daydream.json` in a folder, `name.json` beside `name.safetensors`."""
        return self.folder / card.FILE if self.file is None else self.file.with_suffix(".json")

    @property
    def tokenizer(self) -> Path:
        """Where its tokenizer is. Raises ModelUnusable when it is nowhere."""
        folder = self.folder / "tokenizer"
        if any((folder / name).exists() for name in _TOKENIZER_FILES):
            return folder
        if self.file is None:
            raise errors.ModelUnusable(f"{self.folder} cannot be used: its tokenizer is missing.")
        return _fetch_tokenizer(self.file)

    def variant(self, part: str) -> str | None:
        """Which of the part's weights to load: None for the full ones, HALF where there are only those."""
        return None if _weights(self.folder, part, None) else HALF

    def weights(self, part: str) -> list[Path]:
        """The files that hold the part's weights, in a folder."""
        whole, _, shards = _names(part, self.variant(part))
        return [self.folder / whole] if (self.folder / whole).exists() else sorted(self.folder.glob(shards))


def find(text: str) -> Source:
    """The checkpoint that `text` names: a folder, a .safetensors file, or an id on the hub, which is fetched.

    Raises ModelUnusable.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return _single(path.resolve())
    if path.is_dir():
        folder = path.resolve()
        _check(folder)
        return Source(folder=folder, name=folder.name)
    if text.startswith((".", "/", "~")) or text.count("/") != 1:
        raise errors.ModelUnusable(f"GPU_MODEL={text}: there is no such folder or file, and it is no id (owner/name).")
    return Source(folder=_fetch_model(text), name=text)


def _single(file: Path) -> Source:
    if file.suffix in headers.PICKLE_ENDINGS:
        raise errors.ModelUnusable(
            f"{file} is a pickle, which can run code when it is opened; convert it to safetensors."
        )
    if file.suffix != ".safetensors":
        raise errors.ModelUnusable(f"{file} is no checkpoint: name a diffusers folder or a .safetensors file.")
    return Source(folder=file.parent, name=file.stem, file=file)


def _fetch_model(model_id: str) -> Path:
    # The full weights alone, as hubs often hold half a dozen others beside them; those in 16 bits where there are none.
    for variant in (None, HALF):
        folder = _fetch(model_id, [*_DOWNLOADED, *(name for part in _WEIGHTS for name in _names(part, variant))])
        if all(_weights(folder, part, variant) for part in _WEIGHTS):
            break
    _check(folder)
    return folder


def _fetch_tokenizer(file: Path) -> Path:
    try:
        return _fetch(CLIP_TOKENIZER, ["vocab.json", "merges.txt", "tokenizer*.json", "special_tokens_map.json"])
    except errors.ModelUnusable as error:
        raise errors.ModelUnusable(
            f"{file} needs a tokenizer, which such files do not hold: put the folder `tokenizer` of any Stable "
            f"Diffusion checkpoint beside it, since {CLIP_TOKENIZER} cannot be fetched from the model hub."
        ) from error


def _fetch(model_id: str, names: list[str]) -> Path:
    import huggingface_hub  # noqa: PLC0415 - half a second that a folder does not need

    try:
        return Path(huggingface_hub.snapshot_download(model_id, allow_patterns=names))
    except Exception as error:
        raise errors.ModelUnusable(
            f"GPU_MODEL={model_id}: there is no such folder, and the model hub does not give it: "
            f"{errors.first_line(error)}"
        ) from error


def _names(part: str, variant: str | None) -> tuple[str, ...]:
    stem, middle = _WEIGHTS[part], f".{variant}" if variant else ""
    return (
        f"{part}/{stem}{middle}.safetensors",
        f"{part}/{stem}.safetensors.index{middle}.json",
        f"{part}/{stem}{middle}-0*.safetensors",
    )


def _weights(folder: Path, part: str, variant: str | None) -> bool:
    return any((folder / name).exists() for name in _names(part, variant)[:2])


def _check(folder: Path) -> None:
    index = _json(folder / "model_index.json", f"{folder} is no diffusers folder: its model_index.json")
    kind = index.get("_class_name")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise errors.ModelUnusable(
            f"{folder} holds a {kind}; this worker draws with Stable Diffusion 1.x and 2.x only."
        )
    for part, library in _LIBRARIES.items():
        _check_class(folder, part, library, index.get(part))
    for part in _WEIGHTS:
        if _json(folder / part / "config.json", f"The file {folder / part / 'config.json'}").get("auto_map"):
            raise errors.ModelUnusable(f"{folder / part} asks for code of its own, which is never run here.")
        if not any(_weights(folder, part, variant) for variant in (None, HALF)):
            raise _no_weights(folder / part, _WEIGHTS[part])


def _check_class(folder: Path, part: str, library: str, said: Any) -> None:
    name = said[1] if isinstance(said, list) and len(said) == 2 and said[0] == library else None
    if not isinstance(name, str) or _CLASSES.get(part, name) != name:
        wanted = f"{library}.{_CLASSES[part]}" if part in _CLASSES else f"one of {library}"
        raise errors.ModelUnusable(
            f"{folder / 'model_index.json'} names {said} as its {part}, where only {wanted} is used."
        )


def _no_weights(folder: Path, stem: str) -> errors.ModelUnusable:
    pickled = sorted(file.name for file in folder.glob("*") if file.suffix in headers.PICKLE_ENDINGS)
    if pickled:
        return errors.ModelUnusable(
            f"{folder} holds pickled weights only ({', '.join(pickled)}), which can run code when they are opened; "
            "convert them to safetensors."
        )
    return errors.ModelUnusable(f"{folder} holds no {stem}.safetensors, and nothing else is read.")


def _json(file: Path, what: str) -> dict[str, Any]:
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise errors.ModelUnusable(f"{what} is missing or wrong.") from error
    if not isinstance(told, dict):
        raise errors.ModelUnusable(f"{what} is missing or wrong.")
    return told
