"""What a PNG of ours says of itself, as common tools read it and as JSON; added without encoding the image again."""

import importlib.metadata
import json
import math
import struct
import zlib
from dataclasses import asdict
from typing import Any, Final

from services.tasks.asking.ingredients import Parameters

MOST_READ: Final = 16_384
"""Pixels a side, and steps: above any that was ever ours."""
MOST_TEXT: Final = 65_536
"""Bytes of a chunk that is looked at."""
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
        **_further(parameters),
        "Version": f"daydream {VERSION}",
    }
    # Where common tools look for LoRAs.
    adapters = "".join(f" <lora:{each.name}:{each.weight:g}>" for each in parameters.adapters)
    lines = [parameters.prompt + adapters]
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
        **_exact(parameters),
        "version": VERSION,
    }
    return {"parameters": "\n".join(lines), "daydream": json.dumps(exact)}


def read(file: bytes) -> Parameters | None:
    """What a PNG of ours was made with, its own seed and one sample; None for every other file, whatever it holds."""
    try:
        exact = json.loads(_daydream_chunk(file))
        seed, guidance = exact["seed"], float(exact["guidance"])
        numbers = [exact[name] for name in ("steps", "width", "height")]
        if not all(isinstance(number, int) and 0 < number <= MOST_READ for number in numbers):
            return None
        if not (isinstance(seed, int) and 0 <= seed < 2**53 and math.isfinite(guidance)):
            return None
        steps, width, height = numbers
        return Parameters(
            prompt=_text(exact["prompt"], 512),
            negative_prompt=_text(exact["negative_prompt"], 512),
            model=_text(exact["model"], 128),
            sampler=_text(exact["sampler"], 64),
            steps=steps,
            guidance=guidance,
            width=width,
            height=height,
            seed=seed,
            samples=1,
        )
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError, struct.error):
        # Anybody can write such a chunk.
        return None


def _further(parameters: Parameters) -> dict[str, Any]:
    """What was used beside plain text to image, under the names that common tools have for it."""
    said: dict[str, Any] = {}
    if parameters.strength is not None:
        said["Denoising strength"] = f"{parameters.strength:g}"
    if parameters.variation_seed is not None:
        said["Variation seed"] = parameters.variation_seed
        said["Variation seed strength"] = f"{parameters.variation_strength:g}"
    if parameters.guidance_rescale:
        said["CFG rescale"] = f"{parameters.guidance_rescale:g}"
    if parameters.clip_skip:
        # They count the layer that is stopped at: with 1 none is left out.
        said["Clip skip"] = parameters.clip_skip + 1
    return said


def _exact(parameters: Parameters) -> dict[str, Any]:
    """The same under our own names. What was not used is not there."""
    start = parameters.start_image
    said = {
        "start_image": None if start is None else {name: value for name, value in asdict(start).items() if value},
        "mask": {"upload_id": parameters.mask_upload_id} if parameters.mask_upload_id else None,
        "strength": parameters.strength,
        "variation_seed": parameters.variation_seed,
        "variation_strength": parameters.variation_strength or None,
        "guidance_rescale": parameters.guidance_rescale or None,
        "clip_skip": parameters.clip_skip or None,
        "adapters": [asdict(each) for each in parameters.adapters] or None,
    }
    return {name: value for name, value in said.items() if value is not None}


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


def _daydream_chunk(file: bytes) -> str:
    """The text of our own chunk, which stands before the pixels. Raises ValueError where there is none."""
    if not file.startswith(_SIGNATURE):
        raise ValueError("no PNG")
    at = len(_SIGNATURE)
    while True:
        length, kind = struct.unpack_from(">I4s", file, at)
        if kind in {b"IDAT", b"IEND"}:
            raise ValueError("it says nothing")
        if kind in {b"tEXt", b"iTXt"} and length <= MOST_TEXT:
            keyword, _, body = file[at + 8 : at + 8 + length].partition(b"\0")
            if keyword == b"daydream":
                return body.decode("latin-1") if kind == b"tEXt" else body.removeprefix(b"\0\0\0\0").decode()
        at += length + 12


def _text(value: object, most: int) -> str:
    # What no database keeps is none of ours either.
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        raise ValueError("no text of ours")
    value.encode()
    return value
