"""Who acts in a person's name: submits what it was lent the right for, and reaches nothing else."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.foundation.rpc import client
from services.tasks.errors import TaskNotFound
from services.tasks.watching.board import Viewer
from tests.support import identity
from tests.support.fake_worker import FakeWorker
from tests.support.ledger import ENDED, Studio, running
from tests.support.ledger_rows import Store
from tests.support.picture_files import PNG
from tests.support.watching import Desk, following_view

REFERENCE = "1" * 36
PLUGIN = Viewer(user_id="ada", reference=REFERENCE)


async def test_only_the_task_of_the_reference_or_a_part_of_it_is_submitted(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada, plugin = studio.person(), studio.person(reference=REFERENCE)

        task = await plugin.submit(request_id=REFERENCE, from_studio=True)
        part = await plugin.submit(request_id=f"{REFERENCE}:2")
        again = await plugin.submit(request_id=REFERENCE)
        for other in ("another", f"{REFERENCE}1", f"2:{REFERENCE}", REFERENCE[:-1]):
            with pytest.raises(errors.NotAllowed):
                await plugin.submit(request_id=other)

        assert {task.reference, part.reference} == {REFERENCE}
        assert (task.session_id, again.task_id) == ("session-1", task.task_id)
        assert {each.task_id for each in (await ada.list()).tasks} == {task.task_id, part.task_id}
        assert (await ada.ended(task.task_id)).reference == REFERENCE


async def test_of_the_persons_tasks_only_those_of_the_reference_exist(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        plugin, other = studio.person(reference=REFERENCE), studio.person(reference="2" * 36)
        own = await ada.ended((await ada.submit()).task_id)
        theirs = await ada.ended((await plugin.submit(request_id=REFERENCE)).task_id)
        start = tasks_pb2.StartImage(image_id=own.images[0].image_id)

        image = theirs.images[0].image_id
        _, data = await plugin.download(image)
        watched = [each.task.state async for each in plugin.watch(theirs.task_id)]
        cancelled = await plugin.cancel(theirs.task_id)

        assert data == (await ada.download(image))[1]
        assert watched[-1] in ENDED
        assert cancelled.state == theirs.state == (await plugin.get(theirs.task_id)).state
        refused: dict[str, Callable[[], Awaitable[object]]] = {
            "get": lambda: plugin.get(own.task_id),
            "cancel": lambda: plugin.cancel(own.task_id),
            "watch": lambda: anext(aiter(plugin.watch(own.task_id))),
            "download": lambda: plugin.download(own.images[0].image_id),
            "another plugin's": lambda: other.get(theirs.task_id),
            "another plugin's image": lambda: other.download(image),
        }
        told = {}
        for what, call in refused.items():
            with pytest.raises(errors.DaydreamError) as caught:
                await call()
            told[what] = type(caught.value)
        assert told == dict.fromkeys(refused, errors.NotFound)
        with pytest.raises(errors.InvalidInput, match="no such image"):
            await plugin.submit(request_id=f"{REFERENCE}:2", start_image=start)
        assert (await plugin.upload(PNG)).upload_id


async def test_what_a_person_submitted_under_its_name_is_not_the_plugins(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada, plugin = studio.person(), studio.person(reference=REFERENCE)
        await ada.submit(request_id=REFERENCE)

        with pytest.raises(errors.InvalidInput) as caught:
            await plugin.submit(request_id=REFERENCE)

        assert caught.value.detail_reason == "REQUEST_ID_REUSED"


async def test_who_says_not_what_for_reaches_nothing(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada, nobody = studio.person(), studio.person()
        task = await ada.submit()
        nobody.metadata = client.bearer(identity.mint("ada", claims={"act": {"sub": "plugins"}}))

        with pytest.raises((errors.NotAllowed, errors.NotAuthenticated)):
            await nobody.get(task.task_id)


async def test_a_watch_that_was_lent_goes_on_when_the_session_ends_but_not_when_the_person_does(store: Store) -> None:
    desk = Desk(store)
    task_id = await store.queued(reference=REFERENCE)
    own = await store.queued()
    with pytest.raises(TaskNotFound):
        await anext(desk.watching.task(PLUGIN, own, 0))
    stream = desk.watching.task(PLUGIN, task_id, 0)
    await following_view(stream)
    waiting = asyncio.ensure_future(following_view(stream))
    await asyncio.sleep(0)

    desk.board.end("ada", "session-1")
    await asyncio.sleep(0)

    assert not waiting.done()
    desk.board.end("ada")
    with pytest.raises(errors.NotAuthenticated):
        await waiting
