"""Uploads over the wire and in the ledger: whose they are, how long they stay, what a sender can do wrong."""

import asyncio
import datetime as dt
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.foundation import database, errors
from services.foundation.rpc import client
from services.tasks import models
from services.tasks.errors import UploadNotFound, UploadStalled
from services.tasks.files.intake import MOST_BYTES, Intake
from services.tasks.files.storage import Folder
from services.tasks.files.uploads import Uploads
from services.tasks.store.uploads import Uploads as Rows
from tests.support.ledger import Studio, running
from tests.support.ledger_rows import Store
from tests.support.picture_files import PNG, REFUSED, photograph

NOW = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)


async def pieces(data: bytes, *, size: int = 50) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


def files_in(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*.png")]


async def stalled() -> AsyncIterator[bytes]:
    yield PNG[:20]
    await asyncio.Event().wait()


async def test_a_picture_is_taken_in_piece_by_piece_and_kept_as_a_png(
    new_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()

        upload = await ada.upload(photograph(), piece=100)

        (file,) = (tmp_path / "images").rglob("*.png")
        data = file.read_bytes()
        assert (upload.width, upload.height) == (20, 40)
        assert (upload.bytes, upload.sha256) == (len(data), hashlib.sha256(data).hexdigest())
        assert upload.expire_time.seconds - upload.created_time.seconds == 24 * 3600


async def test_what_cannot_be_used_is_refused_with_its_sentence_and_leaves_nothing(
    new_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        # None at all: the stream ends without a message.
        nothing = iter(())

        told = {}
        for name in ("61 HTML", "66 wrong checksum", "69 animated PNG"):
            with pytest.raises(errors.InvalidInput) as caught:
                await ada.upload(REFUSED[name][0]())
            told[name] = (caught.value.detail_reason, caught.value.message)
        with pytest.raises(errors.InvalidInput, match="empty"), client.translated():
            await ada.stub.UploadImage(nothing, metadata=ada.metadata)
        with pytest.raises(errors.InvalidInput, match="too large; 20 MB"):
            await ada.upload(bytes(MOST_BYTES + 1), piece=2**20)

        assert {reason for reason, _ in told.values()} == {"PICTURE_REFUSED"}
        assert len({message for _, message in told.values()}) == 3
        assert not list((tmp_path / "images").rglob("*.png"))
        assert (await ada.upload(PNG)).upload_id


async def test_an_upload_is_its_owners_alone(store: Store, tmp_path: Path) -> None:
    uploads = Uploads(rows=Rows(store.database), storage=Folder(tmp_path), intake=Intake())

    upload = await uploads.take("ada", pieces(PNG), NOW)

    assert await uploads.find("ada", upload.upload_id) == upload
    assert hashlib.sha256(await uploads.read(upload)).hexdigest() == upload.sha256
    for user_id, upload_id in (("bob", upload.upload_id), ("ada", "unknown"), ("ada", "../../etc"), ("ada", "a\0")):
        with pytest.raises(UploadNotFound):
            await uploads.find(user_id, upload_id)


async def test_a_sender_that_falls_silent_is_given_up(store: Store, tmp_path: Path) -> None:
    uploads = Uploads(rows=Rows(store.database), storage=Folder(tmp_path), intake=Intake(piece_seconds=0.05))

    with pytest.raises(UploadStalled):
        await uploads.take("ada", stalled(), NOW)

    assert await store.count(models.Upload) == 0
    assert files_in(tmp_path) == []


async def test_an_upload_that_nobody_used_for_a_day_is_forgotten_with_its_file(store: Store, tmp_path: Path) -> None:
    uploads = Uploads(rows=Rows(store.database), storage=Folder(tmp_path), intake=Intake())
    now = database.utc_now()
    old = await uploads.take("ada", pieces(PNG), now - dt.timedelta(days=1, minutes=1))
    young = await uploads.take("ada", pieces(PNG), now - dt.timedelta(hours=23))

    await uploads.remove_unused()

    assert await uploads.find("ada", young.upload_id) == young
    with pytest.raises(UploadNotFound):
        await uploads.find("ada", old.upload_id)
    assert files_in(tmp_path) == [young.path]


async def test_one_upload_too_many_takes_the_place_of_the_one_longest_unused(store: Store, tmp_path: Path) -> None:
    rows = Rows(store.database)
    uploads = Uploads(rows=rows, storage=Folder(tmp_path), intake=Intake())
    first = await uploads.take("ada", pieces(PNG), NOW)
    bobs = await uploads.take("bob", pieces(PNG), NOW)
    later = [
        replace(first, upload_id=f"up-{n}", path=f"uploads/up/{n}.png", used=NOW + dt.timedelta(seconds=n + 1))
        for n in range(3)
    ]

    given_up = [await rows.add(upload, most=3) for upload in later]

    assert given_up == [[], [], [first.path]]
    assert await rows.find("bob", bobs.upload_id) == bobs


async def test_a_file_whose_upload_has_a_row_is_no_orphan(store: Store, tmp_path: Path) -> None:
    upload = await Uploads(rows=Rows(store.database), storage=Folder(tmp_path), intake=Intake()).take(
        "ada", pieces(PNG), NOW
    )

    known = await store.tasks.known_files([upload.path, "uploads/xx/other.png"])

    assert known == {upload.path}
