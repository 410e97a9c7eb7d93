"""What a safetensors file holds, read from its header: names, shapes and notes, never a weight; knows no torch.

The format is eight bytes of length, then JSON, then numbers, so that nothing in it can run. Pickles under the same
ending are told by their first bytes.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from services.gpu import errors

_MOST_BYTES: Final = 100_000_000
"""What the format itself allows a header."""
_PICKLES: Final = (b"PK\x03\x04", b"\x80")
_NOTES: Final = "__metadata__"
PICKLE_ENDINGS: Final = frozenset({".ckpt", ".bin", ".pt", ".pth", ".pkl"})
"""Files that can run code when they are opened."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file holds."""

    shapes: Mapping[str, tuple[int, ...]]
    """Every tensor's, by its name."""
    notes: Mapping[str, str]
    """What whoever wrote it says of it."""

    def count(self, pattern: str) -> int:
        """How many there are of `pattern`, a beginning of a name with `{}` for the number, from 0 on."""
        number = 0
        while any(name.startswith(pattern.format(number)) for name in self.shapes):
            number += 1
        return number

    def parameters(self, prefix: str = "") -> int:
        """How many numbers the tensors hold whose names begin with `prefix`."""
        return sum(math.prod(shape) for name, shape in self.shapes.items() if name.startswith(prefix))


def read(file: Path) -> Header:
    """The header of `file`. Raises ModelUnusable when it is none, or a pickle."""
    start = b""
    try:
        with file.open("rb") as opened:
            start = opened.read(8)
            told = json.loads(opened.read(min(int.from_bytes(start, "little"), _MOST_BYTES)))
        notes = told.pop(_NOTES, {})
        shapes = {name: _shape(tensor) for name, tensor in told.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        # Only now, for a length may begin like a pickle, too.
        if start.startswith(_PICKLES):
            raise errors.ModelUnusable(
                f"{file} is a pickle whatever its name says, and those can run code when they are opened; convert it "
                "to safetensors."
            ) from error
        raise errors.ModelUnusable(f"{file} cannot be read: {errors.first_line(error)}.") from error
    return Header(shapes=shapes, notes={str(key): str(value) for key, value in dict(notes).items()})


def _shape(tensor: Any) -> tuple[int, ...]:
    return tuple(int(side) for side in tensor["shape"])
