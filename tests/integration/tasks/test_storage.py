"""A folder and object storage keep files alike, and a studio that keeps its images in a bucket works."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from daydream.tasks.v1 import tasks_pb2

from services.tasks.files.images import ImageFiles
from services.tasks.files.storage import Storage, open_storage
from tests.support.ledger import Studio, running
from tests.support.object_storage import ObjectStorage, object_storage

SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
SMALL = tasks_pb2.ImageSize.IMAGE_SIZE_SMALL


@pytest.fixture(scope="module")
def s3() -> Iterator[ObjectStorage]:
    with object_storage() as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return open_storage(str(tmp_path / "images"))
    s3: ObjectStorage = request.getfixturevalue("s3")
    return open_storage(s3.new_url())


def read(storage: Storage, path: str) -> bytes:
    with storage.open(path) as file:
        return file.read()


def test_what_was_written_is_read_whole_or_in_pieces(storage: Storage) -> None:
    data = bytes(range(256)) * 10_000

    storage.write("aa/b/c.png", data)

    assert read(storage, "aa/b/c.png") == data
    with storage.open("aa/b/c.png") as file:
        assert [file.read(5), file.read(5)] == [data[:5], data[5:10]]


def test_writing_again_replaces_the_file(storage: Storage) -> None:
    storage.write("aa/b/c.png", b"longer than the next")

    storage.write("aa/b/c.png", b"short")

    assert read(storage, "aa/b/c.png") == b"short"


def test_a_file_that_is_not_there_is_said_so_and_removing_it_is_no_error(storage: Storage) -> None:
    storage.write("aa/b/c.png", b"x")

    storage.remove("aa/b/c.png")
    storage.remove("aa/b/c.png")

    with pytest.raises(FileNotFoundError):
        read(storage, "aa/b/c.png")


def test_files_are_listed_by_the_parts_of_their_paths_with_the_time_they_were_written(storage: Storage) -> None:
    nothing = list(storage.files(3))
    for path in ("aa/b/c.png", "aa/b/d.png", "ee/f/g.png", "aa/b/c/too-deep.png", "aa/too-high.png"):
        storage.write(path, b"x")

    found = dict(storage.files(3))

    assert nothing == []
    assert set(found) == {"aa/b/c.png", "aa/b/d.png", "ee/f/g.png"}
    assert all(1.7e9 < written < 1e11 for written in found.values())


def test_object_storage_that_is_away_is_an_oserror(monkeypatch: pytest.MonkeyPatch, s3: ObjectStorage) -> None:
    place = s3.new_url()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    with pytest.raises(OSError, match=r".") as caught:
        open_storage(place).open("aa/b/c.png")

    assert not isinstance(caught.value, FileNotFoundError)


async def test_a_studio_keeps_its_images_in_a_bucket(
    new_studio: Callable[..., Studio], s3: ObjectStorage, tmp_path: Path
) -> None:
    place = s3.new_url()
    async with running(new_studio(images_url=place)) as studio:
        ada = studio.person()

        task = await ada.ended((await ada.submit(samples=2)).task_id)

        about, data = await ada.download(task.images[1].image_id)
        thumbnail, small = await ada.download(task.images[1].image_id, SMALL)
        assert task.state == SUCCEEDED
        assert hashlib.sha256(data).hexdigest() == about.sha256 == task.images[1].sha256
        assert (thumbnail.content_type, thumbnail.bytes) == ("image/webp", len(small))
        assert not (tmp_path / "images").exists()
        seen = [len(batch) async for batch in ImageFiles(open_storage(place)).older_than(-10)]
        assert seen == [6]


def test_what_others_put_into_a_folder_is_listed_however_deep_and_taken_as_it_was_listed(storage: Storage) -> None:
    nothing = list(storage.listed("gallery"))
    for path in ("gallery/a.png", "gallery/b/c/d/e/f.png", "gallery-2/no.png", "other/gallery/no.png"):
        storage.write(path, path.encode())
    storage.write("gallery/empty.png", b"")

    found = {each.path: each for each in storage.listed("gallery")}

    assert nothing == []
    assert {path: each.bytes for path, each in found.items()} == {
        "gallery/a.png": 13, "gallery/b/c/d/e/f.png": 21, "gallery/empty.png": 0,
    }  # fmt: skip
    assert {path: storage.take(each) for path, each in found.items()} == {
        "gallery/a.png": b"gallery/a.png", "gallery/b/c/d/e/f.png": b"gallery/b/c/d/e/f.png", "gallery/empty.png": b"",
    }  # fmt: skip
    assert [each.stamp for each in storage.listed("gallery")] == [each.stamp for each in found.values()]


def test_a_file_that_changed_or_went_since_it_was_listed_is_not_taken(storage: Storage) -> None:
    for path in ("gallery/a.png", "gallery/b.png"):
        storage.write(path, b"before")
    first, second = storage.listed("gallery")

    storage.write(first.path, b"and after")
    storage.remove(second.path)

    for listed in (first, second):
        with pytest.raises(FileNotFoundError):
            storage.take(listed)
    (again,) = storage.listed("gallery")
    assert again.stamp != first.stamp
    assert storage.take(again) == b"and after"


@pytest.mark.parametrize("swap", ["the file", "its folder", "a pipe"])
def test_nothing_that_took_a_listed_files_place_leads_out_of_the_folder(tmp_path: Path, swap: str) -> None:
    folder = tmp_path / "images"
    inside, outside = folder / "gallery/inner", tmp_path / "outside"
    for parent in (inside, outside):
        parent.mkdir(parents=True)
        (parent / "a.png").write_bytes(b"secret")
        # As like each other as files can be made.
        os.utime(parent / "a.png", ns=(5, 5))
    storage = open_storage(str(folder))
    (listed,) = storage.listed("gallery")

    (inside / "a.png").unlink()
    if swap == "the file":
        (inside / "a.png").symlink_to(outside / "a.png")
    elif swap == "its folder":
        inside.rmdir()
        inside.symlink_to(outside)
    else:
        os.mkfifo(inside / "a.png")

    with pytest.raises(OSError, match=r"a\.png|inner|symbolic"):
        storage.take(listed)
    assert list(storage.listed("gallery")) == []
