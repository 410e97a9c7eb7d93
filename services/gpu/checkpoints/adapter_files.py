"""The LoRA files an operator offers: found by name in one folder, and only those of its own; knows no torch.

A name is a file's name without its ending, so that nothing a caller says ever becomes a path.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from services.foundation import logs
from services.gpu import errors
from services.gpu.checkpoints import headers
from services.gpu.checkpoints.headers import Header

_ENDING: Final = ".safetensors"
_DOWN: Final = ("lora_A.weight", "lora_down.weight", "lora.down.weight")
_DORA: Final = "dora_scale"
_MOST: Final = 200
"""Files; every caller is told of each."""

log = logs.logger(__name__)


def find(folder: Path | None) -> Mapping[str, Path]:
    """The LoRAs in `folder`, by name. Raises ModelUnusable when there is no such folder.

    Files in folders below it are left out, and so are links that lead out of it.
    """
    if folder is None:
        return {}
    root = folder.expanduser()
    if not root.is_dir():
        raise errors.ModelUnusable(f"GPU_ADAPTERS_DIR={folder}: there is no such folder.")
    root = root.resolve()
    files = (file for file in sorted(root.iterdir()) if file.suffix == _ENDING and file.resolve().parent == root)
    return {file.stem: file for file in list(files)[:_MOST] if file.is_file()}


def width(file: Path) -> frozenset[int]:
    """What the LoRA's layers on the prompt's side of cross-attention take in: the width of the text encoder it is for.

    Empty when it changes none of them. Raises ModelUnusable when the file is no LoRA.
    """
    header = headers.read(file)
    if not any(name.endswith(_DOWN) for name in header.shapes):
        raise errors.ModelUnusable(f"{file} is no LoRA that this worker knows.")
    if any(_DORA in name for name in header.shapes):
        # The library would leave a part of it out with a warning, and draw something else.
        raise errors.ModelUnusable(f"{file} is a DoRA, which this worker does not know.")
    return frozenset(shape[1] for name, shape in _cross_attention(header) if len(shape) > 1)


def fitting(files: Mapping[str, Path], text_width: int) -> Mapping[str, Path]:
    """Those that may be used with a text encoder of this width, by their headers; the others are for other models."""
    fits = {}
    for name, file in files.items():
        try:
            widths = width(file)
        except errors.ModelUnusable as error:
            log.warning("adapter left out", adapter=name, error=str(error))
            continue
        if widths <= {text_width}:
            fits[name] = file
    return fits


def _cross_attention(header: Header) -> list[tuple[str, tuple[int, ...]]]:
    return [
        (name, shape)
        for name, shape in header.shapes.items()
        if name.endswith(_DOWN) and "attn2" in name and ("to_k" in name or "to_v" in name)
    ]
