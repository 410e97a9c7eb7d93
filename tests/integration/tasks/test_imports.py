"""Pictures that were not drawn here: what becomes of them, and that everything else bears them."""

import asyncio
import datetime as dt
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import PIL.Image
import pytest
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.foundation.rpc import client
from services.tasks import models
from services.tasks.errors import TooManyImports
from services.tasks.files import pictures
from services.tasks.files.images import ImageFiles
from services.tasks.files.imports import RETRY_SECONDS, Bounds, Full, Header, Imports
from services.tasks.files.intake import Intake
from services.tasks.files.storage import Folder
from services.tasks.states import State
from services.tasks.store.images import Images
from services.tasks.store.imports import Imports as Rows
from services.tasks.values import Task
from tests.support.fake_parts import Notes
from tests.support.gallery import member
from tests.support.ledger import Studio, running
from tests.support.ledger_rows import Store, new_image, new_task
from tests.support.picture_files import PNG, REFUSED, encoded, photograph, picture

SMALL = tasks_pb2.ImageSize.IMAGE_SIZE_SMALL
KEPT_BYTES = len(pictures.plain(PNG).data)
SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED


async def parts(request_id: str, data: bytes = PNG) -> AsyncIterator[Header | bytes]:
    yield Header(request_id=request_id, title="a title", imported_from="image-resize")
    yield data


def files_in(folder: Path) -> list[Path]:
    return list(folder.rglob("*.png"))


def importing(store: Store, folder: Path, *, bounds: Bounds) -> Imports:
    return Imports(
        requests=store.tasks, rows=Rows(store.database), files=ImageFiles(Folder(folder)), intake=Intake(),
        announcer=Notes(), bounds=bounds,
    )  # fmt: skip


async def test_an_imported_picture_is_a_task_that_has_succeeded_and_costs_nothing(
    new_studio: Callable[..., Studio],
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        updates = aiter(ada.watch_session("session-1"))
        await anext(updates)

        task = await ada.bring(photograph(), title="the sea, smaller")

        told = (await anext(updates)).tasks
        assert [each.task_id for each in told] == [task.task_id]
        assert (task.state, task.price, task.charged) == (SUCCEEDED, 0, 0)
        assert (task.session_id, task.imported_from, task.reference) == ("session-1", "image-resize", "")
        assert task.parameters == tasks_pb2.Parameters(
            prompt="the sea, smaller", width=20, height=40, seed=-1, samples=1
        )
        assert not any(task.HasField(field) for field in ("started_time", "settled_time", "error", "progress"))
        about, data = await ada.download(task.images[0].image_id)
        assert (about.seed, about.sha256) == (-1, hashlib.sha256(data).hexdigest())
        with PIL.Image.open(io.BytesIO(data)) as opened:
            assert (opened.format, opened.size, opened.info) == ("PNG", (20, 40), {})
        assert (await ada.download(task.images[0].image_id, SMALL))[0].content_type == "image/webp"
        assert studio.auth.purse.holds == {}


async def test_a_large_picture_keeps_its_size(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()

        task = await ada.bring(encoded(picture(size=(4000, 100)), "JPEG"))

        assert (task.images[0].width, task.images[0].height) == (4000, 100)


async def test_the_same_import_gives_the_first_task_and_another_under_its_name_is_refused(
    new_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    async with running(new_studio()) as studio:
        ada, bob = studio.person(), studio.person("bob")

        same = await asyncio.gather(*(ada.bring(PNG, request_id="one") for _ in range(3)))
        again = await ada.bring(PNG, request_id="one")
        bobs = await bob.bring(PNG, request_id="one")
        for other in ({"title": "another"}, {"imported_from": "palette"}, {"data": photograph()}):
            with pytest.raises(errors.InvalidInput) as caught:
                await ada.bring(**{"data": PNG, "request_id": "one", **other})  # type: ignore[arg-type]
            assert caught.value.detail_reason == "REQUEST_ID_REUSED"
        with pytest.raises(errors.InvalidInput) as caught:
            await ada.submit(request_id="one")

        assert caught.value.detail_reason == "REQUEST_ID_REUSED"
        assert {each.task_id for each in (*same, again)} == {same[0].task_id}
        assert bobs.task_id != same[0].task_id
        assert len(files_in(tmp_path)) == 2


async def test_what_cannot_be_imported_is_refused_and_leaves_nothing(
    new_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()

        reasons = {}
        for name, asked in {
            "no picture": {"data": REFUSED["61 HTML"][0]()},
            "nothing": {"data": b""},
            "no title": {"data": PNG, "title": " "},
            "long title": {"data": PNG, "title": "x" * 513},
            "no text": {"data": PNG, "title": "a\0b"},
            "from nowhere": {"data": PNG, "imported_from": ""},
            "no request": {"data": PNG, "request_id": "\n"},
        }.items():
            with pytest.raises(errors.InvalidInput) as caught:
                await ada.bring(**asked)  # type: ignore[arg-type]
            reasons[name] = caught.value.detail_reason
        for requests in ([], [tasks_pb2.ImportImageRequest(data=PNG)]):
            with pytest.raises(errors.InvalidInput, match="header comes first"), client.translated():
                await ada.stub.ImportImage(iter(requests), metadata=ada.metadata)

        assert {name for name, reason in reasons.items() if reason == "PICTURE_REFUSED"} == {"no picture", "nothing"}
        assert (await ada.list()).tasks == []
        assert files_in(tmp_path) == []


async def test_a_person_imports_so_much_in_an_hour_and_no_more(store: Store, tmp_path: Path) -> None:
    three = importing(store, tmp_path, bounds=Bounds(pictures=3))
    small = importing(store, tmp_path, bounds=Bounds(bytes=1))

    came = await asyncio.gather(*(three.take("ada", "", parts(f"{n}")) for n in range(5)), return_exceptions=True)
    with pytest.raises(TooManyImports):
        await small.take("ada", "", parts("more"))
    first = await small.take("bob", "", parts("more"))
    repeated = await small.take("bob", "", parts("more"))

    assert sorted(type(each).__name__ for each in came) == ["Task"] * 3 + ["TooManyImports"] * 2
    assert first == repeated
    assert await store.count(models.Task, models.Task.user_id == "ada") == 3
    assert len(files_in(tmp_path)) == 4


@pytest.mark.parametrize("bounds", [Bounds(pictures_kept=2), Bounds(bytes_kept=2 * KEPT_BYTES)], ids=["2", "bytes"])
async def test_a_person_keeps_so_many_and_has_room_again_when_some_are_deleted(
    store: Store, tmp_path: Path, bounds: Bounds
) -> None:
    imports = importing(store, tmp_path, bounds=bounds)

    came = await asyncio.gather(*(imports.take("ada", "", parts(f"{n}")) for n in range(4)), return_exceptions=True)
    bobs = await imports.take("bob", "", parts("1"))
    kept = [each for each in came if isinstance(each, Task)]
    refused = [each for each in came if isinstance(each, TooManyImports)]
    await Images(store.database).delete("ada", kept[0].images[0].image_id)
    after = await imports.take("ada", "", parts("more"))

    assert (len(kept), len(refused), bobs.state, after.state) == (2, 2, State.SUCCEEDED, State.SUCCEEDED)
    assert {(each.retry_after, "delete some" in each.message) for each in refused} == {(None, True)}


async def test_a_picture_that_was_deleted_is_taken_in_anew_and_only_that(
    new_studio: Callable[..., Studio], tmp_path: Path
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        first = await ada.bring(PNG, request_id="one")
        await ada.delete(first.images[0].image_id)

        with pytest.raises(errors.InvalidInput) as caught:
            await ada.bring(photograph(), request_id="one")
        again = await asyncio.gather(*(ada.bring(PNG, request_id="one") for _ in range(3)))

        (task_id,) = {each.task_id for each in again}
        assert caught.value.detail_reason == "REQUEST_ID_REUSED"
        assert task_id != first.task_id
        assert (await ada.download(again[0].images[0].image_id))[1]
        assert {each.task_id: len(each.images) for each in (await ada.list()).tasks} == {first.task_id: 0, task_id: 1}
        await ada.delete(again[0].images[0].image_id)
        third = await ada.bring(PNG, request_id="one")
        assert third.task_id not in {first.task_id, task_id}


async def test_a_deleted_picture_is_not_taken_in_anew_where_there_is_no_room(store: Store, tmp_path: Path) -> None:
    imports = importing(store, tmp_path, bounds=Bounds(pictures=1))
    first = await imports.take("ada", "", parts("one"))
    await Images(store.database).delete("ada", first.images[0].image_id)

    with pytest.raises(TooManyImports) as caught:
        await imports.take("ada", "", parts("one"))

    found = await store.tasks.find_request("ada", "one")
    assert caught.value.retry_after == RETRY_SECONDS
    assert found is not None
    assert found.task_id == first.task_id


async def test_an_hour_later_there_is_room_again(store: Store) -> None:
    rows, none = Rows(store.database), Bounds(pictures=1, within=dt.timedelta(0))
    new = new_task(imported_from="palette", price=0)

    task = await rows.add(new, new_image(0), Bounds(pictures=1))

    assert isinstance(task, Task)
    assert await rows.full("ada", Bounds(pictures=1)) is Full.LATELY
    assert await rows.full("ada", none) is None
    assert await store.waiting() == 0


async def test_all_that_reads_tasks_reads_an_imported_one_too(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        task = await ada.bring(encoded(picture(size=(64, 64))), title="a blue square")
        image_id = task.images[0].image_id

        found = (await ada.list(query="BLUE")).tasks
        entry = await member(ada).publish(image_id)
        _, packed = await ada.archive(image_id)
        cancelled = await ada.cancel(task.task_id)
        watched = [each.task async for each in ada.watch(task.task_id)]
        drawn = await ada.ended(
            (await ada.submit(start_image=tasks_pb2.StartImage(image_id=image_id), width=64, height=64)).task_id
        )
        after = await ada.delete(image_id)

        assert [each.task_id for each in found] == [task.task_id]
        assert not entry.HasField("parameters"), "a title is no prompt, and the owner's alone"
        with zipfile.ZipFile(io.BytesIO(b"".join(packed))) as opened:
            assert [name.split("_")[2] for name in opened.namelist()] == ["imported"]
        assert [each.state for each in (cancelled, *watched, drawn)] == [SUCCEEDED] * 3
        assert (after.state, list(after.deleted_indexes), list(after.images)) == (SUCCEEDED, [0], [])
