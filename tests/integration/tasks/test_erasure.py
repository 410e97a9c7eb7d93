"""Erasing a person: everything of theirs goes, nothing of anybody else's, whatever happens in between."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from services.tasks import models
from services.tasks.files.gallery import Gallery, Visitor
from services.tasks.files.images import ImageFiles
from services.tasks.files.intake import Intake
from services.tasks.files.storage import Folder
from services.tasks.files.uploads import Uploads
from services.tasks.machine.deeds import DeedKind
from services.tasks.people.erasure import Erasure
from services.tasks.states import State
from services.tasks.store.deeds import Deeds
from services.tasks.store.erasure import ErasureRows
from services.tasks.store.gallery import Gallery as GalleryRows
from services.tasks.store.links import Links as LinkRows
from services.tasks.store.uploads import Uploads as UploadRows
from services.tasks.values import Lease
from tests.support.fake_parts import Notes, picture
from tests.support.ledger_rows import PARAMETERS, Store, claim, new_task
from tests.support.picture_files import PNG

NOW = dt.datetime(2026, 5, 4, 12, tzinfo=dt.UTC)
STAFF = Visitor(user_id="grace", staff=True)


class Crash(Exception):
    """The process is gone."""


class Failing(ImageFiles):
    """Files whose keeper crashes before one of the removals."""

    def __init__(self, folder: Path, *, crash_at: int) -> None:
        super().__init__(Folder(folder))
        self._left = crash_at

    async def remove(self, path: str) -> None:
        """Remove, or crash."""
        self._left -= 1
        if self._left < 0:
            raise Crash
        await super().remove(path)


class Home:
    """A ledger with people in it."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder, self.notes = store, folder, Notes()
        self.files = ImageFiles(Folder(folder))
        self.gallery = Gallery(rows=GalleryRows(store.database), files=self.files, announcer=Notes())

    def erasure(self, files: ImageFiles | None = None) -> Erasure:
        """As one replica has it; its relay reaches nobody."""
        return Erasure(
            rows=ErasureRows(self.store.database),
            tasks=self.store.tasks,
            files=files or self.files,
            announcer=self.notes,
            settle_now=lambda: None,
        )

    async def running(self, user_id: str, *, seed: int = 3) -> Lease:
        """The lease of a task that has one of its two images."""
        task_id = f"{user_id}-{seed}".ljust(22, "x")
        await self.store.queued(user_id, task_id=task_id)
        lease = await claim(self.store, slots=100)
        image = await self.files.save(picture(0, seed), task_id=task_id, index=0, attempt=1, parameters=PARAMETERS)
        await self.store.leases().deliver(lease, image)
        return lease

    async def drawn(self, user_id: str, *, seed: int = 3) -> str:
        """The image of a task that was cancelled after it, settled and told of."""
        lease = await self.running(user_id, seed=seed)
        await self.store.leases().end(lease, State.CANCELLED)
        await self.told()
        task = await self.store.tasks.get(user_id, lease.task_id)
        assert task is not None
        return task.images[0].image_id

    async def told(self) -> None:
        """Auth and JetStream take all that waits for them."""
        for letter in await self.store.outbox.take_settlements(100):
            await self.store.outbox.settled(letter.hold_id)
        for event in await self.store.outbox.take_events(100):
            await self.store.outbox.published(event.event_id)

    async def uploaded(self, user_id: str) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield PNG

        uploads = Uploads(rows=UploadRows(self.store.database), storage=Folder(self.folder), intake=Intake())
        await uploads.take(user_id, pieces(), NOW)

    async def move_in(self, user_id: str) -> None:
        """Images, one of them published, another published and hidden, a link to the third; and an upload."""
        images = [await self.drawn(user_id, seed=seed) for seed in (3, 4, 5)]
        await self.gallery.publish(user_id, images[0])
        hidden = await self.gallery.publish(user_id, images[1])
        await self.gallery.hide("grace", hidden.gallery_id, f"of {user_id}")
        await LinkRows(self.store.database).add(
            user_id, images[2], link_hash=user_id, lasts=dt.timedelta(days=1), most=9
        )
        await self.uploaded(user_id)

    async def rows_that_name(self, user_id: str) -> set[str]:
        """The tables in which the person is still spoken of, in any column that holds text."""
        found = set()
        async with self.store.database.read() as session:
            for table in models.Base.metadata.sorted_tables:
                for column in table.columns:
                    if isinstance(column.type, sa.String):
                        named = sa.select(column).where(column.like(f"%{user_id}%")).limit(1)
                        if await session.scalar(named) is not None:
                            found.add(table.name)
        return found

    def files_there(self) -> set[str]:
        return {path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*.*")}


@pytest.fixture
def home(store: Store, tmp_path: Path) -> Home:
    return Home(store, tmp_path / "images")


async def test_everything_of_a_person_goes_and_nothing_of_anybody_elses(home: Home) -> None:
    await home.move_in("bob")
    bobs_files, bobs_rows = home.files_there(), await home.rows_that_name("bob")
    await home.move_in("adalovelace")
    await home.store.queued("bob")

    done = await home.erasure().erase("adalovelace")

    assert done
    assert await home.rows_that_name("adalovelace") == set()
    assert home.files_there() == bobs_files
    assert await home.rows_that_name("bob") == bobs_rows
    entries, _ = await home.gallery.page(STAFF, before=None, size=100, include_hidden=True)
    assert {(entry.user_id, entry.hidden) for entry in entries} == {("bob", False), ("bob", True)}
    assert await home.store.waiting() == 1


async def test_what_waits_is_cancelled_and_what_runs_is_waited_for(home: Home) -> None:
    running = await home.running("ada")
    waiting = await home.store.queued("ada")
    unpaid = new_task("ada")
    await home.store.tasks.admit(unpaid, limit=100)

    first = await home.erasure().erase("ada")
    beat = await home.store.leases().beat(running, step=1, steps_total=8)
    await home.store.leases().end(running, State.CANCELLED)
    # The one is settled and not told of, the other told of and not settled.
    settlements = {letter.hold_id: letter.charge for letter in await home.store.outbox.take_settlements(100)}
    await home.store.outbox.settled(running.task_id)
    await home.store.outbox.published(f"ended-{waiting}")
    second = await home.erasure().erase("ada")
    held = [await home.store.tasks.get("ada", task_id) for task_id in (running.task_id, waiting)]
    for hold_id in settlements:
        await home.store.outbox.settled(hold_id)
    await home.store.outbox.published(f"ended-{running.task_id}")
    last = await home.erasure().erase("ada")

    assert (first, second, last) == (False, False, True)
    assert beat, "the running task was to be stopped"
    assert None not in held
    # Paid for what was delivered, and for nothing else.
    assert settlements == {running.task_id: 1, waiting: 0, unpaid.task_id: 0}
    assert {change.task_id for change in home.notes.changes} >= {running.task_id, waiting}
    assert (await home.rows_that_name("ada"), home.files_there()) == (set(), set())
    assert await home.store.waiting() == 0


async def test_wherever_a_crash_comes_the_next_call_goes_on(home: Home) -> None:
    await home.move_in("ada")
    crashes = 0

    # Four removals: an upload, three images. The fifth crash never comes.
    for removals in (0, 1, 0, 2, 9):
        try:
            done = await home.erasure(Failing(home.folder, crash_at=removals)).erase("ada")
        except Crash:
            crashes += 1
            # Nothing is shown that is half gone.
            assert await home.gallery.page(STAFF, before=None, size=100, include_hidden=True) == ([], None)
            # And no file has outlived the row that speaks of it.
            known = await home.store.tasks.known_files(sorted(home.files_there()))
            assert {path for path in home.files_there() if path.endswith(".png")} <= known

    assert (crashes, done) == (4, True)
    assert (await home.rows_that_name("ada"), home.files_there()) == (set(), set())


async def test_replicas_that_erase_at_once_and_again_do_no_harm(home: Home) -> None:
    for seed in range(21):
        await home.drawn("ada", seed=seed)

    done = await asyncio.gather(*(home.erasure().erase("ada") for _ in range(3)))
    again = await home.erasure().erase("ada")
    unknown = await home.erasure().erase("nobody")

    assert any(done)
    assert (again, unknown) == (True, True)
    assert (await home.rows_that_name("ada"), home.files_there()) == (set(), set())


async def test_who_ruled_is_forgotten_and_what_they_ruled_stays(home: Home) -> None:
    image_id = await home.drawn("ada")
    entry = await home.gallery.publish("ada", image_id)
    await home.gallery.hide("grace", entry.gallery_id, "too loud")

    await home.erasure().erase("grace")

    (hidden,), _ = await home.gallery.page(STAFF, before=None, size=1, include_hidden=True)
    assert hidden.ruling is not None
    assert (hidden.hidden, hidden.ruling.staff_id, hidden.ruling.reason) == (True, "", "too loud")


async def test_the_log_of_staff_says_neither_whose_it_was_nor_who_did_it_once_they_are_gone(home: Home) -> None:
    entry = await home.gallery.publish("ada", await home.drawn("ada"))
    await home.gallery.hide("grace", entry.gallery_id, "ada was too loud")
    deeds = Deeds(home.store.database)

    await home.erasure().erase("ada")
    (theirs,), _ = await deeds.page(user_id="", staff_id="grace", before=None, size=10)
    await home.erasure().erase("grace")
    (nobodys,), _ = await deeds.page(user_id="", staff_id="", before=None, size=10)

    assert (theirs.user_id, theirs.gallery_id, theirs.detail, theirs.staff_id) == ("", "", "", "grace")
    assert (nobodys.kind, nobodys.staff_id) == (DeedKind.PICTURE_HIDDEN, "")


async def test_what_staff_said_of_a_picture_that_somebody_else_shows_too_stays(home: Home) -> None:
    entries = {}
    for user_id in ("ada", "bob"):
        # The same seed and the same settings make the same file.
        entries[user_id] = await home.gallery.publish(user_id, await home.drawn(user_id))
    await home.gallery.hide("grace", entries["ada"].gallery_id, "too loud")

    await home.erasure().erase("ada")

    assert entries["ada"].image.sha256 == entries["bob"].image.sha256
    (left,), _ = await home.gallery.page(STAFF, before=None, size=100, include_hidden=True)
    assert (left.user_id, left.hidden) == ("bob", True)
