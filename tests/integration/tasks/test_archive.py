"""Images as a ZIP file: the right ones, as they were stored, with one of them in memory at a time."""

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.tasks.errors import ImageDamaged
from services.tasks.files.archive import MISSING, Archive, Choice
from services.tasks.values import Image
from tests.support.ledger import Person, Studio, running
from tests.support.ledger_rows import new_image


def unpacked(pieces: Sequence[bytes]) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as opened:
        assert opened.testzip() is None
        return {name: opened.read(name) for name in opened.namelist()}


async def drawn(person: Person, samples: int) -> list[tasks_pb2.Image]:
    return list((await person.ended((await person.submit(samples=samples)).task_id)).images)


async def downloaded(person: Person, images: Sequence[tasks_pb2.Image]) -> set[bytes]:
    return {(await person.download(image.image_id))[1] for image in images}


async def test_an_archive_holds_all_of_a_persons_images_or_those_of_a_session_or_those_named(
    new_studio: Callable[..., Studio],
) -> None:
    async with running(new_studio()) as studio:
        ada, elsewhere, bob = studio.person(), studio.person(session_id="session-2"), studio.person("bob")
        here, there = await drawn(ada, 3), await drawn(elsewhere, 1)
        await drawn(bob, 1)

        about, everything = await ada.archive()
        _, of_session = await ada.archive(session_id="session-2")
        _, named = await ada.archive(here[0].image_id, here[2].image_id)

        assert set(unpacked(everything).values()) == await downloaded(ada, [*here, *there])
        assert (about.images, about.bytes) == (4, sum(image.bytes for image in (*here, *there)))
        assert set(unpacked(of_session).values()) == await downloaded(ada, there)
        assert set(unpacked(named).values()) == await downloaded(ada, [here[0], here[2]])
        assert all(name.endswith(f"_{image.seed}_{image.image_id[:8]}.png") for name, image in zip(
            unpacked(everything), (*here, *there), strict=True
        ))  # fmt: skip


async def test_anothers_image_an_unknown_one_and_none_at_all_are_refused(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person(), studio.person("bob")
        mine, theirs = await drawn(ada, 1), await drawn(bob, 1)

        async def refused(person: Person, *image_ids: str, session_id: str = "") -> str:
            with pytest.raises(errors.DaydreamError) as caught:
                await person.archive(*image_ids, session_id=session_id)
            return caught.value.detail_reason

        assert await refused(ada, mine[0].image_id, theirs[0].image_id) == "IMAGE_NOT_FOUND"
        assert await refused(ada, "unknown") == "IMAGE_NOT_FOUND"
        assert await refused(ada, "a\0b") == "IMAGE_NOT_FOUND"
        assert await refused(ada, session_id="session-9") == "NO_IMAGES"
        assert await refused(studio.person("eve")) == "NO_IMAGES"
        assert await refused(ada, *(f"image-{number}" for number in range(1001))) == "INVALID_INPUT"


async def test_a_file_that_is_gone_or_damaged_is_named_inside_and_the_others_are_there(
    new_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        await drawn(ada, 3)
        first, second, _ = sorted((tmp_path / "images").glob("*/*/*.png"))
        first.unlink()
        second.write_bytes(second.read_bytes()[:-1])

        _, pieces = await ada.archive()

        files = unpacked(pieces)
        said = files.pop(MISSING).decode().splitlines()
        assert len(files) == 1
        assert len(said) == 3
        assert all(line.endswith(".png") for line in said[1:])


class Endless:
    """Rows of large images whose files are counted while they are held."""

    def __init__(self, images: int) -> None:
        self.images = [replace(new_image(0), bytes=3_000_000) for _ in range(images)]
        self.read = 0

    async def totals(self, choice: Choice) -> tuple[int, int]:
        return len(self.images), sum(image.bytes for image in self.images)

    async def chosen(self, choice: Choice, *, after: int, size: int) -> tuple[Sequence[Image], int | None]:
        page = self.images[after : after + 2]
        return page, after + 2 if after + 2 < len(self.images) else None

    async def whole(self, image: Image) -> bytes:
        self.read += 1
        if self.read == 3:
            raise ImageDamaged
        return bytes(image.bytes)


async def test_files_are_read_one_by_one_as_the_archive_is_taken_and_pieces_are_small() -> None:
    endless = Endless(6)

    contents, pieces = await Archive(rows=endless, files=endless).open(Choice(user_id="ada"))
    read_when: list[tuple[int, int]] = []
    sent = 0
    async for piece in pieces:
        assert len(piece) <= 1024 * 1024
        sent += len(piece)
        read_when.append((endless.read, sent))

    assert contents.images == 6
    # Never is more than one file read that was not sent yet; the damaged third one is not sent at all.
    assert all((read - 1 - (read > 3)) * 3_000_000 <= sent + 3_000_000 for read, sent in read_when)
    assert next(read for read, _ in read_when) == 1
    assert endless.read == 6
