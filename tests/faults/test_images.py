"""A replica killed round the writing of an image: rows speak of whole files alone, and no file stays an orphan."""

import asyncio
from typing import Final

import pytest
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from tests.faults.conftest import NewSystem
from tests.support.aftermath import assert_sound, sweep
from tests.support.picture_files import PNG
from tests.support.sabotage import Fault

pytestmark = pytest.mark.slow
SUCCEEDED: Final = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
# An image has two thumbnails, which are written before it.
POINTS: Final = {
    "before the file is written": Fault(at="services.tasks.files.images:ImageFiles.save", when="before"),
    "between the thumbnails and the file": Fault(at="services.tasks.files.storage:Folder.write", when="before", nth=3),
    # After three folders that are new, and a file and a folder for each thumbnail.
    "with the file written aside": Fault(at="os:fsync", when="after", nth=8),
    "before its rename": Fault(at="pathlib:Path.replace", when="before", nth=3),
    "after its rename": Fault(at="pathlib:Path.replace", when="after", nth=3),
    "before its row": Fault(at="services.tasks.files.images:ImageFiles.save", when="after"),
    "before its row is committed": Fault(at="services.tasks.models:Image.__init__", when="after"),
    "after its row": Fault(at="services.tasks.store.leases:Leases.deliver", when="after"),
    "after the last row": Fault(at="services.tasks.store.leases:Leases.deliver", when="after", nth=2),
}


IMPORT_POINTS: Final = {
    "before its row is committed": Fault(at="services.tasks.models:Image.__init__", when="after"),
    "after its row": Fault(at="services.tasks.store.imports:Imports.add", when="after"),
}


@pytest.mark.parametrize("point", IMPORT_POINTS)
async def test_an_import_that_is_sent_again_after_its_replica_was_killed_is_there_once(
    new_system: NewSystem, point: str
) -> None:
    async with new_system(faults={"tasks-0": [IMPORT_POINTS[point]]}) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        with pytest.raises(errors.Unavailable):
            await ada.bring(PNG, request_id="one")
        await asyncio.to_thread(system.tasks[0].died)
        await system.start()

        task = await ada.bring(PNG, request_id="one")

        await sweep(system)
        assert [each.task_id for each in (await ada.list()).tasks] == [task.task_id]
        found = await assert_sound(system, answered=[task.task_id], swept=True)
        assert (found.images, found.ends) == (1, {"SUCCEEDED": 1})


@pytest.mark.parametrize("point", POINTS)
async def test_a_replica_killed_round_the_writing_of_an_image_leaves_whole_images_and_no_orphans(
    new_system: NewSystem, point: str
) -> None:
    async with new_system(hold_after=0, faults={"tasks-0": [POINTS[point]]}) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        task = await ada.submit(samples=2)
        system.let_draw()
        await asyncio.to_thread(system.tasks[0].died)

        await system.start()
        ended = await ada.ended(task.task_id)
        await sweep(system)

        assert (ended.state, len(ended.images), ended.charged) == (SUCCEEDED, 2, 2)
        found = await assert_sound(system, answered=[task.task_id], swept=True)
        assert found.lost == 1
