"""Submitting and cancelling, with a purse that can be away or empty."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from services.foundation.errors import InvalidInput, RequestIdReused
from services.foundation.outbox import back_off
from services.tasks import models
from services.tasks.asking.parameters import Asked
from services.tasks.errors import AuthUnavailable, NotEnoughTokens, NoWorker, OwnQueueFull, QueueFull, TaskNotFound
from services.tasks.files.images import ImageFiles
from services.tasks.files.storage import Folder
from services.tasks.queue.ledger import Ledger
from services.tasks.queue.outbox import Relays
from services.tasks.queue.recovery import Files, Recovery
from services.tasks.states import State
from services.tasks.store.tasks import Tasks
from services.tasks.values import Task
from services.tasks.workers.capabilities import Model
from tests.support.fake_parts import MODEL, FakePurse, Notes
from tests.support.ledger import until
from tests.support.ledger_rows import Store, new_image, new_task


class Publisher:
    """Keeps events, unless it is away."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.away = False

    async def publish(self, subject: str, event_id: str, payload: bytes) -> None:
        if self.away:
            raise ConnectionError
        self.events.append(event_id)


class Forgotten:
    """Uploads and links, of which there are none."""

    async def remove_unused(self) -> None:
        """There is nothing to forget."""

    async def remove_ended(self) -> None:
        """There is nothing to forget."""


class Office:
    """A ledger with its relays."""

    def __init__(self, store: Store, *, found: Sequence[Model] = (MODEL,), queue_limit: int = 10) -> None:
        self.store = store
        self.purse = FakePurse()
        self.notes = Notes()
        self.publisher = Publisher()
        self.relay = Relays(outbox=store.outbox, purse=self.purse, publisher=self.publisher, announcer=self.notes)
        self.ledger = Ledger(
            tasks=store.tasks,
            purse=self.purse,
            announcer=self.notes,
            models=lambda: found,
            queue_limit=queue_limit,
            queue_limit_per_user=5,
            settle_now=self.relay.wake,
        )

    async def submit(self, request_id: str = "one", **asked: Any) -> Task:
        return await self.ledger.submit(
            user_id="ada", session_id="s", request_id=request_id, asked=Asked(prompt="a house", **asked)
        )


@pytest.fixture
async def office(store: Store) -> AsyncIterator[Office]:
    here = Office(store)
    relaying = asyncio.create_task(here.relay.run())
    yield here
    relaying.cancel()
    await asyncio.gather(relaying, return_exceptions=True)


async def settled_everything(office: Office) -> bool:
    return await office.store.count(models.Settlement) == 0


async def test_an_accepted_task_waits_with_its_price_held(office: Office) -> None:
    task = await office.submit(samples=3)

    assert (task.state, task.price, office.purse.kept.balance("ada")) == (State.QUEUED, 3, 997)
    assert [change.task_id for change in office.notes.changes] == [task.task_id]


async def test_a_refused_hold_leaves_neither_a_row_nor_a_hold(office: Office) -> None:
    office.purse.kept.balances["ada"] = 2

    with pytest.raises(NotEnoughTokens) as caught:
        await office.submit(samples=3)

    assert caught.value.metadata == {"price": "3", "balance": "2"}
    assert await office.store.count(models.Task) == 0
    await until(lambda: settled_everything(office))
    assert office.purse.kept.balance("ada") == 2


async def test_without_a_purse_nothing_is_accepted_and_what_was_held_comes_back(office: Office) -> None:
    office.purse.away = True

    with pytest.raises(AuthUnavailable):
        await office.submit()

    assert await office.store.count(models.Task) == 0
    assert await office.store.waiting() == 0
    office.purse.away = False
    await until(lambda: settled_everything(office))
    again = await office.submit()
    assert again.state is State.QUEUED
    assert office.purse.kept.balance("ada") == 999


@pytest.mark.parametrize("released", [False, True], ids=["held before the release", "released before the hold"])
async def test_a_repeat_gets_its_task_though_the_first_call_is_undone_under_its_hands(
    office: Office, released: bool
) -> None:
    class Meanwhile(FakePurse):
        """The first hold meets the undoing of the call before."""

        undone: str = ""

        async def hold(self, *, hold_id: str, user_id: str, tokens: int, reason: str) -> None:
            if not self.undone:
                self.undone = hold_id
                await office.store.tasks.undo(hold_id)
                if released:
                    office.relay.wake()
                    await until(lambda: settled_everything(office))
            await super().hold(hold_id=hold_id, user_id=user_id, tokens=tokens, reason=reason)

    purse = Meanwhile()
    purse.kept = office.purse.kept
    office.ledger = Ledger(
        tasks=office.store.tasks, purse=purse, announcer=office.notes, models=lambda: (MODEL,), queue_limit=10,
        queue_limit_per_user=5,
        settle_now=office.relay.wake,
    )  # fmt: skip

    task = await office.submit()

    assert task.state is State.QUEUED
    assert task.task_id != purse.undone
    await until(lambda: settled_everything(office))
    assert office.purse.kept.balance("ada") == 999


async def test_a_hold_that_arrives_after_its_release_is_refused(office: Office) -> None:
    pending = await office.store.tasks.admit(new_task(), limit=10)
    assert pending is not None
    await office.store.tasks.undo(pending.task_id)
    office.relay.wake()
    await until(lambda: settled_everything(office))

    with pytest.raises(AuthUnavailable):
        await office.purse.hold(hold_id=pending.task_id, user_id="ada", tokens=2, reason="late")

    assert office.purse.kept.balance("ada") == 1000


async def test_a_repeat_goes_on_with_a_submission_that_a_crash_left(office: Office) -> None:
    asked = Asked(prompt="a house")
    left = await office.store.tasks.admit(new_task(request_id="one", digest=asked.digest()), limit=10)

    task = await office.submit("one")

    assert left is not None
    assert (task.task_id, task.state) == (left.task_id, State.QUEUED)
    assert list(office.purse.kept.holds) == [left.task_id]


async def test_a_repeat_is_answered_even_when_no_worker_is_known_any_more(store: Store) -> None:
    first = await Office(store).submit("one")

    again = await Office(store, found=()).submit("one")

    assert again == first
    with pytest.raises(NoWorker):
        await Office(store, found=()).submit("two")


async def test_other_content_under_the_same_key_is_refused(office: Office) -> None:
    await office.submit("one")

    with pytest.raises(RequestIdReused):
        await office.submit("one", samples=2)

    assert await office.store.count(models.Task) == 1


async def test_a_full_queue_says_when_to_come_back(store: Store) -> None:
    office = Office(store, queue_limit=1)
    await office.submit("one")

    with pytest.raises(QueueFull) as caught:
        await office.submit("two")

    assert caught.value.retry_after is not None
    assert office.purse.kept.hold_calls == 1


async def test_cancelling_what_waits_returns_its_tokens(office: Office) -> None:
    task = await office.submit(samples=4)

    cancelled = await office.ledger.cancel("ada", task.task_id)

    assert cancelled.state is State.CANCELLED
    await until(lambda: settled_everything(office))
    assert office.purse.kept.balance("ada") == 1000
    with pytest.raises(TaskNotFound):
        await office.ledger.cancel("bob", task.task_id)


async def test_money_does_not_wait_for_events_nor_events_for_money(office: Office) -> None:
    office.publisher.away = True
    first = await office.submit("one")
    await office.ledger.cancel("ada", first.task_id)
    await until(lambda: settled_everything(office))

    office.publisher.away, office.purse.away = False, True
    office.relay.wake()

    async def published() -> bool:
        return await office.store.count(models.Event) == 0

    await until(published)
    assert office.publisher.events == [f"ended-{first.task_id}"]


async def test_recovery_undoes_only_what_was_abandoned(office: Office, tmp_path: Path) -> None:
    await office.store.tasks.admit(new_task(), limit=10)
    accepted = await office.submit()

    def recovery_after(age: dt.timedelta) -> Recovery:
        return Recovery(
            tasks=office.store.tasks,
            leases=office.store.leases(),
            files=ImageFiles(Folder(tmp_path)),
            uploads=Forgotten(),
            links=Forgotten(),
            announcer=office.notes,
            settle_now=office.relay.wake,
            every_seconds=1,
            abandoned_after=age,
        )

    await recovery_after(dt.timedelta(minutes=1)).undo_abandoned()
    young = await office.store.count(models.Task)
    await recovery_after(dt.timedelta(0)).undo_abandoned()

    assert young == 2
    assert await office.store.count(models.Task) == 1
    assert (await office.ledger.get("ada", accepted.task_id)).state is State.QUEUED
    await until(lambda: settled_everything(office))


async def test_a_text_that_is_too_long_is_refused_before_its_digest_is_made(office: Office) -> None:
    class Undigested(Asked):
        def digest(self) -> str:
            raise AssertionError

    with pytest.raises(InvalidInput, match="at most 512"):
        await office.ledger.submit(
            user_id="ada", session_id="s", request_id="one", asked=Undigested(prompt="x" * 1_000_000)
        )


def recovery(office: Office, files: Files, tasks: Tasks | None = None) -> Recovery:
    return Recovery(
        tasks=tasks or office.store.tasks,
        leases=office.store.leases(),
        files=files,
        uploads=Forgotten(),
        links=Forgotten(),
        announcer=office.notes,
        settle_now=office.relay.wake,
        every_seconds=0.01,
    )


async def image_there(store: Store) -> None:
    await store.queued()
    await store.workers.save("gpu-1", b"")
    claimed = await store.leases().claim("gpu-1", model_names=["mini"], slots=1)
    assert claimed is not None
    await store.leases().deliver(claimed[0], new_image(0))


def orphan_in(folder: Path) -> Path:
    orphan = folder / "ta" / "tasktasktasktasktask22" / "0-1.png"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"x")
    return orphan


async def test_the_sweep_removes_files_no_row_speaks_of_and_no_others(office: Office, tmp_path: Path) -> None:
    orphan = orphan_in(tmp_path / "images")
    await image_there(office.store)
    sweeper = recovery(office, ImageFiles(Folder(tmp_path / "images")))

    await sweeper.sweep()
    kept = orphan.exists()
    await sweeper.sweep(older_than_seconds=-1)

    assert kept
    assert not orphan.exists()


async def test_a_database_without_one_image_sweeps_nothing_away(office: Office, tmp_path: Path) -> None:
    orphan = orphan_in(tmp_path / "images")

    await recovery(office, ImageFiles(Folder(tmp_path / "images"))).sweep(older_than_seconds=-1)

    assert orphan.exists()


async def test_a_folder_that_cannot_be_swept_is_not_tried_at_every_look(office: Office) -> None:
    class Unreadable:
        tried = 0

        async def older_than(self, seconds: float) -> AsyncIterator[Mapping[str, str]]:
            self.tried += 1
            raise PermissionError
            yield {}

        async def remove_file(self, path: str) -> None:
            raise AssertionError

    class Counted(Tasks):
        looks = 0

        async def abandoned(self, *, older_than: dt.timedelta) -> Sequence[str]:
            self.looks += 1
            return await super().abandoned(older_than=older_than)

    await image_there(office.store)
    files, tasks = Unreadable(), Counted(office.store.database)
    recovering = asyncio.create_task(recovery(office, files, tasks).run())

    async def looked_often() -> bool:
        return tasks.looks >= 3

    await until(looked_often)

    assert files.tried == 1
    recovering.cancel()
    await asyncio.gather(recovering, return_exceptions=True)


def test_back_off_grows_to_its_bound() -> None:
    assert [back_off(attempts) for attempts in (1, 2, 3, 10, 10_000)] == [0.25, 0.5, 1.0, 10.0, 10.0]


async def test_one_person_cannot_fill_the_queue_for_everybody(store: Store) -> None:
    office = Office(store, queue_limit=7)
    mine = [await office.submit(f"r-{number}") for number in range(5)]

    with pytest.raises(OwnQueueFull, match="You have 5 tasks waiting") as caught:
        await office.submit("one too many")
    bobs = [await store.queued("bob"), await store.queued("bob")]
    with pytest.raises(OwnQueueFull):
        await office.submit("still too many")
    await office.ledger.cancel("ada", mine[0].task_id)
    again = await office.submit("now there is room")

    assert caught.value.retry_after
    assert len(bobs) == 2
    assert again.state is State.QUEUED
    with pytest.raises(QueueFull):
        await office.ledger.submit(user_id="eve", session_id="s", request_id="one", asked=Asked(prompt="a house"))
