"""Deleting an image: what goes, what stays, and that nothing brings it back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from daydream.gpu.v1 import inference_pb2
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.tasks.errors import ImageNotFound
from services.tasks.files.images import ImageFiles
from services.tasks.files.intake import Intake
from services.tasks.files.links import Links
from services.tasks.files.removal import Removal
from services.tasks.files.storage import Folder
from services.tasks.files.uploads import Uploads
from services.tasks.queue.recovery import Recovery
from services.tasks.states import State
from services.tasks.store.images import Images
from services.tasks.store.links import Links as LinkRows
from services.tasks.store.uploads import Uploads as UploadRows
from services.tasks.workers.generation import what_is_left
from tests.support.fake_parts import Notes, picture
from tests.support.fake_worker import Call, FakeWorker, WorkerDraining
from tests.support.gallery import member, staff
from tests.support.ledger import Studio, running, until
from tests.support.ledger_rows import PARAMETERS, Store, claim, new_image

SMALL = tasks_pb2.ImageSize.IMAGE_SIZE_SMALL
SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
OWNERLESS = "tasktasktasktasktask22"


def files_in(folder: Path) -> set[str]:
    return {path.name for path in (folder / "images").rglob("*.*")}


async def test_a_deleted_image_is_missing_everywhere_and_stays_charged(
    new_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        task = await ada.ended((await ada.submit(samples=3)).task_id)
        first, gone, last = (image.image_id for image in task.images)
        entry = await member(ada).publish(gone)

        after = await ada.delete(gone)

        assert [image.image_id for image in after.images] == [first, last]
        assert [image.index for image in after.images] == [0, 2]
        assert list(after.deleted_indexes) == [1]
        assert (after.state, after.charged, after.revision) == (SUCCEEDED, 3, task.revision + 2)
        assert files_in(tmp_path) == {f"{n}-1{end}" for n in (0, 2) for end in (".png", ".small.webp", ".medium.webp")}
        calls: dict[str, Callable[[str], Awaitable[object]]] = {
            "delete": ada.delete, "original": ada.download, "publish": member(ada).publish,
            "small": lambda image_id: ada.download(image_id, SMALL),
        }  # fmt: skip
        missing = {}
        for name in (gone, "unknown"):
            for what, call in calls.items():
                with pytest.raises(errors.NotFound) as caught:
                    await call(name)
                missing[name, what] = (caught.value.detail_reason, caught.value.message)
        assert len(set(missing.values())) == 1
        with pytest.raises(errors.NotFound, match="gallery"):
            await staff(ada).download(entry.gallery_id)
        assert (await ada.archive())[0].images == 2
        assert await ada.get(task.task_id) == after


async def test_only_its_owner_deletes_an_image_and_only_once(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person(), studio.person("bob")
        image_id = (await ada.ended((await ada.submit()).task_id)).images[0].image_id
        for who, name in ((bob, image_id), (ada, ""), (ada, "a\0"), (ada, "../../x"), (ada, "x" * 5000)):
            with pytest.raises(errors.NotFound):
                await who.delete(name)
        await ada.download(image_id)

        # Whoever publishes meanwhile is either before all of them or too late.
        answers = await asyncio.gather(
            *(ada.delete(image_id) for _ in range(4)), member(ada).publish(image_id), return_exceptions=True
        )

        assert sum(isinstance(answer, tasks_pb2.Task) for answer in answers) == 1
        assert {type(answer) for answer in answers if isinstance(answer, Exception)} == {errors.NotFound}
        assert await staff(ada).shown(include_hidden=True) == []


async def test_no_later_attempt_draws_an_image_that_its_owner_deleted(
    new_studio: Callable[..., Studio], worker: FakeWorker, tmp_path: Path
) -> None:
    async def the_middle_one_then_leave(call: Call) -> AsyncIterator[inference_pb2.GenerateResponse]:
        if len(worker.calls) > 1:
            for message in call.everything():
                yield message
            return
        yield call.admitted()
        for message in call.drawing(1):
            yield message
        await call.released.wait()
        raise WorkerDraining

    worker.script = the_middle_one_then_leave
    async with running(new_studio()) as studio:
        ada = studio.person()
        task_id = (await ada.submit(samples=3)).task_id

        async def first_image() -> tasks_pb2.Image | None:
            images = (await ada.get(task_id)).images
            return images[0] if images else None

        image = await until(first_image)
        assert image is not None

        unended = await ada.delete(image.image_id)
        worker.calls[0].released.set()
        ended = await ada.ended(task_id)

        assert (image.index, unended.state) == (1, tasks_pb2.TaskState.TASK_STATE_RUNNING)
        assert (ended.state, [each.index for each in ended.images], ended.charged) == (SUCCEEDED, [0, 2], 3)
        assert {name for name in files_in(tmp_path) if name.endswith(".png")} == {"0-2.png", "2-2.png"}


async def test_an_image_deleted_while_its_delivery_is_repeated_stays_deleted(store: Store) -> None:
    await store.queued()
    leases, lease, image = store.leases(), await claim(store), new_image(0)
    await leases.admitted(lease, seed=7)
    await leases.deliver(lease, image)

    after, path = await Images(store.database).delete("ada", image.image_id)
    again = await leases.deliver(lease, image)

    assert (after.images, after.deleted, path) == ((), frozenset({0}), image.path)
    assert again == after
    returned = await leases.give_back(lease, lost=True)
    part = what_is_left(returned)
    assert (part.first, part.samples) == (1, 1)
    last = await claim(store)
    await leases.deliver(last, new_image(1))
    ended = await leases.end(last, State.SUCCEEDED)
    assert (ended.state, ended.charged, len(ended.images)) == (State.SUCCEEDED, 2, 1)


async def test_a_task_whose_images_were_all_delivered_and_deleted_has_succeeded_when_its_dispatcher_is_lost(
    store: Store,
) -> None:
    await store.queued()
    lease = await claim(store)
    for index in range(2):
        image = new_image(index)
        await store.leases().deliver(lease, image)
        await Images(store.database).delete("ada", image.image_id)

    ended = await store.leases().give_back(lease, lost=True)

    assert (ended.state, ended.charged, ended.images, ended.deleted) == (State.SUCCEEDED, 2, (), frozenset({0, 1}))


class Full(ImageFiles):
    """A place that removes nothing."""

    async def remove(self, path: str) -> None:
        """Fail."""
        raise OSError("the place is away")


async def test_files_that_a_crash_left_behind_are_found_by_the_sweep(store: Store, tmp_path: Path) -> None:
    place = Folder(tmp_path / "images")
    files, notes = ImageFiles(place), Notes()
    await store.queued(task_id=OWNERLESS)
    lease = await claim(store)
    saved = [
        await files.save(picture(index, index), task_id=OWNERLESS, index=index, attempt=1, parameters=PARAMETERS)
        for index in range(2)
    ]
    for image in saved:
        await store.leases().deliver(lease, image)
    removal = Removal(rows=Images(store.database), files=Full(place), announcer=notes)

    await removal.delete("ada", saved[0].image_id)

    assert len(files_in(tmp_path)) == 6
    assert [change.task_id for change in notes.changes] == [OWNERLESS]
    with pytest.raises(ImageNotFound):
        await removal.delete("ada", saved[0].image_id)
    recovery = Recovery(
        tasks=store.tasks, leases=store.leases(), files=files, announcer=notes, settle_now=lambda: None,
        uploads=Uploads(rows=UploadRows(store.database), storage=place, intake=Intake()),
        links=Links(rows=LinkRows(store.database), files=files), every_seconds=1,
    )  # fmt: skip
    await recovery.sweep(older_than_seconds=-10)
    assert files_in(tmp_path) == {"1-1.png", "1-1.small.webp", "1-1.medium.webp"}
    await removal.delete("ada", saved[1].image_id)
    await recovery.sweep(older_than_seconds=-10)
    assert files_in(tmp_path) == set()
