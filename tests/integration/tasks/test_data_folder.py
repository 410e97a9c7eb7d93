"""Pictures put into the data folder: found, checked, shown as copies, hidden for good, gone when their file goes."""

import asyncio
import io
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import PIL.Image
import pytest
from structlog.testing import capture_logs

from services.tasks import models
from services.tasks.files.found import DataFolder
from services.tasks.files.gallery import Entry, Gallery, Visitor
from services.tasks.files.images import ImageFiles
from services.tasks.files.intake import MOST_BYTES, Intake
from services.tasks.files.links import Links
from services.tasks.files.storage import Folder, Listed
from services.tasks.files.uploads import Uploads
from services.tasks.queue.recovery import Recovery
from services.tasks.store.found import FoundFiles
from services.tasks.store.gallery import Gallery as Rows
from services.tasks.store.links import Links as LinkRows
from services.tasks.store.uploads import Uploads as UploadRows
from services.tasks.values import Size
from tests.support.fake_parts import Notes
from tests.support.gallery import member, ours, put, stranger
from tests.support.ledger import Studio, running, until
from tests.support.ledger_rows import PARAMETERS, Store, claim, new_image
from tests.support.picture_files import PNG, REFUSED, encoded, photograph, picture

STAFF = Visitor(user_id="grace", staff=True)


class Place:
    """A gallery and its folder, over one store."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.folder = folder
        self.files = ImageFiles(Folder(folder))
        self.gallery = Gallery(rows=Rows(store.database), files=self.files, announcer=Notes())
        self.data_folder = self.another(store)

    def another(self, store: Store) -> DataFolder:
        """What looks through the folder, on one more replica."""
        return DataFolder(rows=FoundFiles(store.database), storage=Folder(self.folder), files=self.files)

    async def look(self) -> list[Entry]:
        """Look through the folder; what the gallery then shows."""
        await self.data_folder.look()
        return await self.shown()

    async def shown(self, *, include_hidden: bool = False) -> list[Entry]:
        page, _ = await self.gallery.page(STAFF, before=None, size=100, include_hidden=include_hidden)
        return list(page)

    async def read(self, entry: Entry, size: Size = Size.ORIGINAL) -> bytes:
        _, pieces = await self.gallery.open(Visitor(), entry.gallery_id, size)
        return b"".join([piece async for piece in pieces])

    def copies(self) -> set[str]:
        """What was made from the files."""
        return {path.name for path in (self.folder / "found").rglob("*.*")}


@pytest.fixture
def place(store: Store, tmp_path: Path) -> Place:
    return Place(store, tmp_path / "images")


async def test_a_picture_of_ours_is_shown_with_its_settings_as_a_plain_copy(place: Place) -> None:
    put(place.folder, "summer/house.png", ours() + b"<script>hidden behind the last chunk</script>")

    (entry,) = await place.look()

    assert entry.parameters == replace(PARAMETERS, seed=7, samples=1, width=64, height=48)
    data = await place.read(entry)
    assert b"script" not in data
    with PIL.Image.open(io.BytesIO(data)) as image:
        image.load()
        assert (image.size, image.info["parameters"].splitlines()[0]) == ((64, 48), "a red circle")
    assert len(await place.read(entry, Size.SMALL)) < len(data)
    assert (entry.user_id, len(place.copies())) == ("", 3)


async def test_another_picture_is_shown_without_settings_and_without_the_place_it_was_taken_at(place: Place) -> None:
    put(place.folder, "holiday.JPG", photograph())

    (entry,) = await place.look()

    assert entry.parameters is None
    with PIL.Image.open(io.BytesIO(await place.read(entry))) as image:
        assert (image.format, image.size, len(image.getexif())) == ("PNG", (20, 40), 0)


@pytest.mark.parametrize(
    "settings",
    [
        {"seed": -1}, {"seed": 2**53}, {"seed": "7"}, {"steps": 0}, {"steps": 10**9}, {"guidance": float("nan")},
        {"guidance": "loud"}, {"prompt": 5}, {"prompt": "x" * 513}, {"prompt": "a\0b"}, {"prompt": "\ud800"},
        {"model": None}, {"width": 10**30}, {"prompt": [[[]]] * 9},
    ],
    ids=str,
)  # fmt: skip
async def test_settings_that_cannot_be_are_left_out_and_the_picture_is_shown(
    place: Place, settings: dict[str, object]
) -> None:
    put(place.folder, "a.png", ours(settings=settings))

    (entry,) = await place.look()

    assert entry.parameters is None


async def test_an_entry_goes_with_its_file_and_a_changed_file_is_taken_anew(place: Place) -> None:
    path = put(place.folder, "a.png", ours((1, 2, 3)))
    other = put(place.folder, "b.png", ours((9, 9, 9)))
    first = {entry.image.sha256: entry for entry in await place.look()}

    os.utime(path, ns=(5, 5))
    touched = await place.look()
    path.write_bytes(ours((200, 2, 3)))
    changed = await place.look()
    other.unlink()
    left = await place.look()
    path.unlink()
    path.parent.rmdir()
    empty = await place.look()

    assert {entry.image.sha256: entry for entry in touched} == first
    assert len(changed) == 2
    (new,) = left
    assert new.gallery_id not in {entry.gallery_id for entry in first.values()}
    assert new == changed[0]
    assert (empty, place.copies()) == ([], set())


def bad_pictures(folder: Path) -> set[str]:
    """Files that say they are pictures; the names of those that can be spoken of, and three that cannot."""
    named = {
        "truncated.png": REFUSED["65 PNG cut short"][0](), "page.png": REFUSED["61 HTML"][0](),
        "bomb.png": REFUSED["63 bomb"][0](), "empty.png": b"", "huge.png": b"",
    }  # fmt: skip
    for name, data in named.items():
        put(folder, name, data)
    os.truncate(folder / "gallery/huge.png", MOST_BYTES + 1)
    put(folder, "new\nline.png", PNG)
    put(folder, f"{'x' * 240}/{'y' * 240}/{'z' * 100}.png", PNG)
    put(folder, os.fsdecode(b"\xff.png"), PNG)
    return set(named)


def what_is_nobodys_picture(folder: Path, outside: Path) -> None:
    """What else may lie there, of which nobody is told; some of it leads out of the folder."""
    put(outside, "secret.png", PNG)
    put(folder, "notes.txt", b"buy milk")
    put(folder, ".half-copied.png", PNG)
    (folder / "gallery/link.png").symlink_to(outside / "gallery/secret.png")
    (folder / "gallery/up").symlink_to(outside / "gallery")
    (folder / "gallery/folder.png").mkdir()
    os.mkfifo(folder / "gallery/pipe.png")


async def test_bad_files_are_told_of_once_and_the_good_one_beside_them_is_shown(
    place: Place, store: Store, tmp_path: Path
) -> None:
    put(place.folder, "good.webp", encoded(picture(), "WEBP"))
    names = bad_pictures(place.folder)
    what_is_nobodys_picture(place.folder, tmp_path)

    with capture_logs() as told:
        (entry,) = await place.look()
    with capture_logs() as later:
        again = await place.look()
        # Nor by a replica that starts after this one.
        await place.another(store).look()

    about = {str(line["path"]).rpartition("/")[2]: line for line in told}
    assert {
        name for name, line in about.items() if line["log_level"] == "warning" and "shown" in line["event"]
    } == names
    assert len({about[name]["why"] for name in names}) == 5
    assert len(told) == len(names) + 3
    assert [line["event"] for line in later if "is not shown" in line["event"]] == []
    assert len(later) == 3
    assert (again, len(place.copies())) == ([entry], 3)
    assert await store.count(models.Found, models.Found.refused.is_not(None)) == len(names)


async def test_a_bad_file_that_is_put_right_is_shown_and_a_good_one_that_breaks_is_not(place: Place) -> None:
    path = put(place.folder, "a.png", PNG[:-40])

    bad = await place.look()
    path.write_bytes(PNG)
    good = await place.look()
    path.write_bytes(b"<html>")
    broken = await place.look()

    assert (bad, len(good), broken, place.copies()) == ([], 1, [], set())


async def test_what_staff_hid_stays_hidden_whatever_becomes_of_its_file(place: Place) -> None:
    path = put(place.folder, "a.png", ours())
    (entry,) = await place.look()
    await place.gallery.hide("grace", entry.gallery_id, "not for all")

    os.utime(path, ns=(5, 5))
    touched = await place.look()
    renamed = path.rename(path.with_name("b.png"))
    under_another_name = await place.look()
    path.with_name("c.png").write_bytes(renamed.read_bytes())
    twice = await place.look()
    data = renamed.read_bytes()
    path.with_name("c.png").unlink()
    renamed.unlink()
    gone = await place.look()
    path.write_bytes(data)
    back = await place.look()

    assert (touched, under_another_name, twice, gone, back) == ([], [], [], [], [])
    (hidden,) = await place.shown(include_hidden=True)
    assert hidden.hidden
    await place.gallery.restore("hedy", hidden.gallery_id, "it is fine")
    assert [each.gallery_id for each in await place.look()] == [hidden.gallery_id]


async def test_replicas_that_look_at_once_make_one_entry_and_leave_no_copy_too_many(place: Place, store: Store) -> None:
    for number in range(3):
        put(place.folder, f"{number}.png", ours((number, 0, 0)))

    await asyncio.gather(*(place.another(store).look() for _ in range(3)))

    assert len(await place.shown()) == 3
    assert len(place.copies()) == 9


async def test_what_another_replica_found_meanwhile_is_not_taken_for_gone(place: Place, store: Store) -> None:
    rows = FoundFiles(store.database)
    began = await rows.now()
    put(place.folder, "a.png", PNG)

    await place.look()

    assert await rows.before(began, after="", size=10) == []
    assert await rows.before(await rows.now(), after="", size=10) == ["gallery/a.png"]


async def test_a_folder_that_cannot_be_listed_empties_no_gallery(place: Place, store: Store) -> None:
    class Away(Folder):
        def listed(self, folder: str) -> Iterator[Listed]:
            yield from super().listed(folder)
            raise OSError("the disk is away")

    put(place.folder, "a.png", PNG)
    entries = await place.look()
    (place.folder / "gallery/a.png").unlink()
    away = DataFolder(rows=FoundFiles(store.database), storage=Away(place.folder), files=place.files)

    with pytest.raises(OSError, match="away"):
        await away.look()

    assert await place.shown() == entries


async def test_the_sweep_takes_orphans_and_touches_neither_the_folder_nor_its_copies(
    place: Place, store: Store, tmp_path: Path
) -> None:
    put(place.folder, "ab/abcdefghijklmnopqrstuv.png", PNG)
    (entry,) = await place.look()
    kept = place.copies()
    # A crash between the copy and its row.
    await place.files.keep("found/zz/zzcdefghijklmnopqrstuv.png", PNG)
    await store.queued()
    await store.leases().deliver(await claim(store), new_image(0))
    recovery = Recovery(
        tasks=store.tasks, leases=store.leases(), files=place.files, announcer=Notes(), settle_now=lambda: None,
        uploads=Uploads(rows=UploadRows(store.database), storage=Folder(tmp_path), intake=Intake()),
        links=Links(rows=LinkRows(store.database), files=place.files), every_seconds=1,
    )  # fmt: skip

    await recovery.sweep(older_than_seconds=-10)

    assert place.copies() == kept
    assert (place.folder / "gallery/ab/abcdefghijklmnopqrstuv.png").read_bytes() == PNG
    assert await place.read(entry)


async def test_a_running_studio_finds_what_lies_there(new_studio: Callable[..., Studio], tmp_path: Path) -> None:
    put(tmp_path / "images", "a.png", ours())
    async with running(new_studio()) as studio:
        ada = studio.person()

        found = await until(member(ada).shown)

        (entry,) = (await stranger(ada).page()).gallery_images
        assert ([entry.gallery_id], entry.own, entry.parameters.prompt) == (found, False, "a red circle")
        assert (await stranger(ada).download(entry.gallery_id))[0].content_type == "image/png"
