"""What a PNG of ours says is read back as it was written; whatever else a file says is read as nothing."""

from dataclasses import replace

import pytest

from services.tasks.files import png_text
from tests.support.ledger_rows import PARAMETERS
from tests.support.picture_files import PNG, chunk, photograph, with_chunk


@pytest.mark.parametrize("prompt", ["a red circle", "ein grünes Häuschen", "🏠 под солнцем", "two\nlines", ""])
def test_settings_in_any_script_are_read_back(prompt: str) -> None:
    asked = replace(PARAMETERS, prompt=prompt, negative_prompt="fog")
    file = png_text.with_text(PNG, png_text.text_chunks(asked, seed=42, width=64, height=48))

    read = png_text.read(file)

    assert read == replace(asked, seed=42, samples=1, height=48)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        PNG,
        photograph(),
        with_chunk(PNG, b"tEXt", b"daydream"),
        with_chunk(PNG, b"tEXt", b"daydream\0[]"),
        with_chunk(PNG, b"tEXt", b"daydream\0" + b"[" * 60_000),
        with_chunk(PNG, b"tEXt", b"daydream\0{" + b" " * 70_000 + b"}"),
        with_chunk(PNG, b"tEXt", b'daydream\0{"seed": ' + b"9" * 5_000 + b"}"),
        with_chunk(PNG, b"iTXt", b"daydream\0\1\0\0\0packed"),
        with_chunk(PNG, b"iTXt", b"daydream\0\0\0\0\0\xff\xfe"),
        with_chunk(PNG, b"tEXt", b"daydream\0{}")[:60],
        PNG[:33] + b"\xff\xff\xff\xfftEXtdaydream\0{}",
        PNG[:33] + chunk(b"IEND", b""),
    ],
    ids=range(14),
)
def test_whatever_else_a_file_says_is_nothing(file: bytes) -> None:
    assert png_text.read(file) is None
