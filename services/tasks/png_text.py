"""What a PNG of ours says of itself, as common tools read it and as JSON; added without encoding the image again."""

import importlib.metadata
import json
import struct
import zlib
from typing import Final

from services.tasks.values import Parameters

VERSION: Final = importlib.metadata.version("daydream")
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_HEADER_END: Final = len(_SIGNATURE) + 25
"""The signature and IHDR, which is always first and always 25 bytes."""


def text_chunks(parameters: Parameters, *, seed: int, width: int, height: int) -> dict[str, str]:
    """What an image says of itself: `parameters` as common tools read it, and `daydream`, the same as JSON."""
    settings = {
        "Steps": parameters.steps,
        "Sampler": parameters.sampler,
        "CFG scale": f"{parameters.guidance:g}",
        "Seed": seed,
        "Size": f"{width}x{height}",
        "Model": parameters.model,
        "Version": f"daydream {VERSION}",
    }
    lines = [parameters.prompt]
    if parameters.negative_prompt:
        lines.append(f"Negative prompt: {parameters.negative_prompt}")
    lines.append(", ".join(f"{name}: {value}" for name, value in settings.items()))
    exact = {
        "prompt": parameters.prompt,
        "negative_prompt": parameters.negative_prompt,
        "model": parameters.model,
        "sampler": parameters.sampler,
        "steps": parameters.steps,
        "guidance": parameters.guidance,
        "width": width,
        "height": height,
        "seed": seed,
        "version": VERSION,
    }
    return {"parameters": "\n".join(lines), "daydream": json.dumps(exact)}


def with_text(png: bytes, chunks: dict[str, str]) -> bytes:
    """The file with text chunks after its header; not one pixel is encoded again."""
    packed = b"".join(_chunk(keyword, text) for keyword, text in chunks.items())
    return png[:_HEADER_END] + packed + png[_HEADER_END:]


def _chunk(keyword: str, text: str) -> bytes:
    try:
        kind, body = b"tEXt", keyword.encode("latin-1") + b"\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        # iTXt: not compressed, no language, no translated keyword.
        kind, body = b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + text.encode()
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
