"""Image files: what they say of themselves, and how they come to be."""

import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import PIL.Image
import pytest

from services.tasks.errors import GenerationFailed, ImageNotFound
from services.tasks.generation import Picture
from services.tasks.images import VERSION, BadPicture, ImageFolder, NotStored
from services.tasks.values import Image
from tests.support.fake_worker import png
from tests.support.ledger_rows import PARAMETERS

TASK_ID = "tasktasktasktasktask22"


def picture(data: bytes | None = None) -> Picture:
    return Picture(sample_index=0, seed=42, width=64, height=64, data=png(42, 64, 64) if data is None else data)


async def save(folder: Path, given: Picture, prompt: str = "a red circle") -> Image:
    parameters = replace(PARAMETERS, prompt=prompt, negative_prompt="fog")
    return await ImageFolder(folder).save(given, task_id=TASK_ID, index=2, attempt=3, parameters=parameters)


async def test_a_stored_image_says_how_it_was_made_in_both_forms(tmp_path: Path) -> None:
    image = await save(tmp_path, picture())

    with PIL.Image.open(tmp_path / image.path) as opened:
        opened.load()
        text = opened.info
    assert text["parameters"].splitlines() == [
        "a red circle",
        "Negative prompt: fog",
        f"Steps: 4, Sampler: DDIM, CFG scale: 2.5, Seed: 42, Size: 64x64, Model: mini, Version: daydream {VERSION}",
    ]
    assert json.loads(text["daydream"]) == {
        "prompt": "a red circle", "negative_prompt": "fog", "model": "mini", "sampler": "DDIM", "steps": 4,
        "guidance": 2.5, "width": 64, "height": 64, "seed": 42, "version": VERSION,
    }  # fmt: skip


@pytest.mark.parametrize("prompt", ["日本の山 🎨", "café"])
async def test_a_prompt_in_any_script_survives(tmp_path: Path, prompt: str) -> None:
    image = await save(tmp_path, picture(), prompt)

    with PIL.Image.open(tmp_path / image.path) as opened:
        opened.load()
        assert opened.info["parameters"].splitlines()[0] == prompt


async def test_the_pixels_are_those_the_worker_sent_and_the_digest_is_the_files(tmp_path: Path) -> None:
    image = await save(tmp_path, picture())

    data = (tmp_path / image.path).read_bytes()
    sent = PIL.Image.open(io.BytesIO(png(42, 64, 64))).tobytes()
    assert PIL.Image.open(io.BytesIO(data)).tobytes() == sent
    assert (image.sha256, image.bytes) == (hashlib.sha256(data).hexdigest(), len(data))
    assert (image.index, image.path) == (2, f"ta/{TASK_ID}/2-3.png")
    assert [path.name for path in (tmp_path / "ta" / TASK_ID).iterdir()] == ["2-3.png"]


@pytest.mark.parametrize(
    "data",
    [b"", b"no image", png(42, 64, 64)[:-20], png(42, 32, 64), b"GIF89a" + png(1, 64, 64)],
    ids=["empty", "text", "truncated", "another size", "another format"],
)
async def test_what_is_no_whole_png_of_the_size_is_not_stored(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadPicture):
        await save(tmp_path, picture(data))

    assert [batch async for batch in ImageFolder(tmp_path).older_than(-1)] == []


async def test_a_disk_that_does_not_take_it_is_a_failure_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "ta").write_text("a file where a folder should be")

    with pytest.raises(NotStored, match="could not be stored") as caught:
        await save(tmp_path, picture())

    assert isinstance(caught.value, GenerationFailed)


async def test_a_file_is_read_in_pieces_and_a_missing_one_is_not_found(tmp_path: Path) -> None:
    folder = ImageFolder(tmp_path)
    image = await save(tmp_path, picture())
    large = os.urandom(2_500_000)
    (tmp_path / image.path).write_bytes(large)

    pieces = [piece async for piece in folder.read(image)]

    assert b"".join(pieces) == large
    assert max(len(piece) for piece in pieces) == 1024 * 1024
    await folder.remove(image.path)
    with pytest.raises(ImageNotFound):
        await anext(folder.read(image))


async def test_a_sweep_sees_old_files_only(tmp_path: Path) -> None:
    folder = ImageFolder(tmp_path)
    old, young = await save(tmp_path, picture()), tmp_path / "ta" / TASK_ID / "9-9.png.part"
    young.write_bytes(b"half")
    os.utime(tmp_path / old.path, (1, 1))

    seen = [path async for batch in folder.older_than(60) for path in batch]

    assert seen == [old.path]


async def test_a_sweep_sees_no_file_that_is_not_ours(tmp_path: Path) -> None:
    ours = tmp_path / "ta" / TASK_ID
    (ours / "7-7.png").mkdir(parents=True)
    (ours / "8-8.png").symlink_to("/dev/null")
    for name in ("2024/holiday/beach.jpg", "ta/holiday/0-1.png", f"xx/{TASK_ID}/0-1.png", f"ta/{TASK_ID}/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"dear to somebody")
    for name in ("0-1.png", "0-2.png.part"):
        (ours / name).write_bytes(b"x")

    seen = [path async for batch in ImageFolder(tmp_path).older_than(-1) for path in batch]

    assert sorted(seen) == [f"ta/{TASK_ID}/0-1.png", f"ta/{TASK_ID}/0-2.png.part"]
