"""Image files: what they say of themselves, how they come to be, and that a changed one is never taken for whole."""

import hashlib
import io
import json
import os
from dataclasses import replace
from pathlib import Path

import PIL.Image
import pytest

from services.tasks.errors import GenerationFailed, ImageDamaged, ImageNotFound
from services.tasks.files.images import BadPicture, ImageFiles, NotStored
from services.tasks.files.png_text import VERSION
from services.tasks.files.storage import Folder
from services.tasks.values import Image, Size
from services.tasks.workers.generation import Picture
from tests.support.fake_worker import png
from tests.support.ledger_rows import PARAMETERS

TASK_ID = "tasktasktasktasktask22"
OURS = f"ta/{TASK_ID}"


def picture(data: bytes | None = None, *, width: int = 64, height: int = 64) -> Picture:
    drawn = png(42, width, height) if data is None else data
    return Picture(sample_index=0, seed=42, width=width, height=height, data=drawn)


def noise(width: int, height: int) -> bytes:
    """A PNG that does not compress."""
    file = io.BytesIO()
    PIL.Image.frombytes("RGB", (width, height), os.urandom(width * height * 3)).save(file, "PNG")
    return file.getvalue()


async def save(folder: Path, given: Picture, prompt: str = "a red circle") -> Image:
    parameters = replace(PARAMETERS, prompt=prompt, negative_prompt="fog")
    return await ImageFiles(Folder(folder)).save(given, task_id=TASK_ID, index=2, attempt=3, parameters=parameters)


async def read(folder: Path, image: Image, size: Size = Size.ORIGINAL) -> tuple[Image, bytes]:
    about, pieces = await ImageFiles(Folder(folder)).open(image, size)
    return about, b"".join([piece async for piece in pieces])


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
    assert (image.index, image.path) == (2, f"{OURS}/2-3.png")
    assert sorted(path.name for path in (tmp_path / OURS).iterdir()) == ["2-3.medium.webp", "2-3.png", "2-3.small.webp"]


@pytest.mark.parametrize(
    "data",
    [b"", b"no image", png(42, 64, 64)[:-20], png(42, 32, 64), b"GIF89a" + png(1, 64, 64)],
    ids=["empty", "text", "truncated", "another size", "another format"],
)
async def test_what_is_no_whole_png_of_the_size_is_not_stored(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadPicture):
        await save(tmp_path, picture(data))

    assert os.listdir(tmp_path) == []


async def test_a_disk_that_does_not_take_it_is_a_failure_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "ta").write_text("a file where a folder should be")

    with pytest.raises(NotStored, match="could not be stored") as caught:
        await save(tmp_path, picture())

    assert isinstance(caught.value, GenerationFailed)


async def test_an_image_that_does_not_fit_whole_leaves_no_thumbnails_behind(tmp_path: Path) -> None:
    # The image's own name is taken by a folder, so that its thumbnails fit and it does not.
    (tmp_path / OURS / "2-3.png" / "x").mkdir(parents=True)

    with pytest.raises(NotStored):
        await save(tmp_path, picture())

    assert [path.name for path in (tmp_path / OURS).glob("*.webp")] == []


async def test_a_file_is_read_in_pieces_and_a_missing_one_is_not_found(tmp_path: Path) -> None:
    image = await save(tmp_path, picture(noise(1000, 900), width=1000, height=900))
    files = ImageFiles(Folder(tmp_path))

    _, pieces = await files.open(image, Size.ORIGINAL)
    sizes = [len(piece) async for piece in pieces]

    assert sum(sizes) == image.bytes
    assert sizes[:-1] == [1024 * 1024] * (len(sizes) - 1)
    assert len(sizes) > 2
    await files.remove(image.path)
    assert list((tmp_path / OURS).iterdir()) == []
    for size in Size:
        with pytest.raises(ImageNotFound):
            await read(tmp_path, image, size)


@pytest.mark.parametrize("change", ["a byte", "the end", "all of it"])
async def test_a_file_that_changed_since_it_was_stored_is_never_read_to_its_end(tmp_path: Path, change: str) -> None:
    image = await save(tmp_path, picture())
    data = bytearray((tmp_path / image.path).read_bytes())
    data[-20] ^= 1
    wrong = {"a byte": bytes(data), "the end": bytes(data[:-1]), "all of it": b""}[change]
    (tmp_path / image.path).write_bytes(wrong)

    with pytest.raises(ImageDamaged):
        await read(tmp_path, image)


@pytest.mark.parametrize(
    ("size", "width", "height", "expected"),
    [
        (Size.SMALL, 1000, 500, (256, 128)),
        (Size.MEDIUM, 500, 1000, (384, 768)),
        (Size.SMALL, 64, 64, (64, 64)),
    ],
)
async def test_a_thumbnail_keeps_the_shape_and_is_never_larger_than_the_image(
    tmp_path: Path, size: Size, width: int, height: int, expected: tuple[int, int]
) -> None:
    image = await save(tmp_path, picture(width=width, height=height))

    about, data = await read(tmp_path, image, size)

    with PIL.Image.open(io.BytesIO(data)) as opened:
        opened.load()
        assert (opened.format, opened.size) == ("WEBP", expected)
    assert ((about.width, about.height), about.content_type) == (expected, "image/webp")
    assert (about.bytes, about.sha256) == (len(data), hashlib.sha256(data).hexdigest())


async def test_a_thumbnail_that_is_missing_is_made_once(tmp_path: Path) -> None:
    image = await save(tmp_path, picture())
    before = await read(tmp_path, image, Size.SMALL)
    file = tmp_path / OURS / "2-3.small.webp"
    file.unlink()

    made = await read(tmp_path, image, Size.SMALL)

    written = file.stat().st_mtime_ns
    assert made == before
    assert await read(tmp_path, image, Size.SMALL) == before
    assert file.stat().st_mtime_ns == written


async def test_a_sweep_sees_old_files_with_the_image_they_belong_to(tmp_path: Path) -> None:
    old = await save(tmp_path, picture())
    for name in ("2-3.png", "2-3.small.webp"):
        os.utime(tmp_path / OURS / name, (1, 1))

    seen = [batch async for batch in ImageFiles(Folder(tmp_path)).older_than(60)]

    assert seen == [{old.path: old.path, f"{OURS}/2-3.small.webp": old.path}]


async def test_a_sweep_sees_no_file_that_is_not_ours(tmp_path: Path) -> None:
    ours = tmp_path / OURS
    (ours / "7-7.png").mkdir(parents=True)
    (ours / "8-8.png").symlink_to("/dev/null")
    for name in ("2024/holiday/beach.jpg", "ta/holiday/0-1.png", f"xx/{TASK_ID}/0-1.png", f"{OURS}/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"dear to somebody")
    for name in ("0-1.png", "0-2.png.part", "0-3.small.webp"):
        (ours / name).write_bytes(b"x")

    seen: dict[str, str] = {}
    async for batch in ImageFiles(Folder(tmp_path)).older_than(-1):
        seen |= batch

    assert seen == {
        f"{OURS}/0-1.png": f"{OURS}/0-1.png",
        f"{OURS}/0-2.png.part": "",
        f"{OURS}/0-3.small.webp": f"{OURS}/0-3.png",
    }
