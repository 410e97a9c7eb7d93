"""Whoever is killed, stopped or hung while a task runs: it ends once, on another worker or after another attempt."""

import asyncio
import contextlib
from typing import Any, Final

import pytest
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.gpu.settings import BUNDLED_MODEL
from tests.faults.conftest import NewSystem
from tests.support.aftermath import assert_sound
from tests.support.audit import look
from tests.support.ledger import until
from tests.support.program import Program
from tests.support.sabotage import Fault
from tests.support.system import Member, System, patiently

pytestmark = pytest.mark.slow
SUCCEEDED: Final = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
MID_SECOND: Final = 6
"""Steps that are done in the midst of the second image, where a task stands still until the fault has struck."""


async def stored(system: System, task_id: str) -> Any:
    """The task's row, once a worker has it."""

    async def look_once() -> Any:
        found = await asyncio.to_thread(look, system.places)
        return next((row for row in found.tasks if row.uuid == task_id and row.worker), None)

    return await until(look_once)


async def worker_of(system: System, task_id: str) -> Program:
    """Which worker runs it."""
    return system.workers[system.gpu_targets.index((await stored(system, task_id)).worker)]


async def drawn(member: Member, task_id: str, images: int) -> None:
    """Return once so many images are there."""

    async def look_once() -> bool:
        return len((await member.get(task_id)).images) >= images

    await until(look_once)


async def stepping(member: Member, task_id: str) -> None:
    """Return once a step of it is done, and not every step."""
    async for message in member.watch(task_id):
        if 0 < message.task.progress.step < message.task.progress.steps:
            return
    raise AssertionError("the task ended")


async def test_a_dispatcher_killed_right_after_its_claim_costs_the_task_one_attempt(new_system: NewSystem) -> None:
    after_the_claim = Fault(at="services.tasks.workers.dispatcher:Dispatcher._start", when="before")
    async with new_system(faults={"tasks-0": [after_the_claim]}) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        # The claim may come before the answer; whoever hears none asks again.
        with contextlib.suppress(errors.Unavailable):
            await ada.submit(request_id="the one")
        await asyncio.to_thread(system.tasks[0].died)

        await system.start()
        task = await patiently(lambda: ada.submit(request_id="the one"))
        ended = await ada.ended(task.task_id)

        assert (ended.state, ended.charged) == (SUCCEEDED, 1)
        found = await assert_sound(system, answered=[task.task_id])
        assert found.lost == 1


async def test_a_worker_killed_mid_step_has_its_task_go_on_elsewhere_with_the_images_that_are_there(
    new_system: NewSystem,
) -> None:
    async with new_system(workers=2, hold_after=MID_SECOND) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        task = await ada.submit(samples=3)
        await drawn(ada, task.task_id, 1)
        first = (await ada.get(task.task_id)).images[0]

        (await worker_of(system, task.task_id)).kill()
        system.let_draw()
        ended = await ada.ended(task.task_id)

        assert (ended.state, ended.charged) == (SUCCEEDED, 3)
        assert ended.images[0] == first
        assert [image.seed - first.seed for image in ended.images] == [0, 1, 2]
        found = await assert_sound(system, answered=[task.task_id])
        assert found.lost == 1


@pytest.mark.patient
async def test_a_real_worker_killed_mid_step_draws_the_rest_after_its_restart(new_system: NewSystem) -> None:
    async with new_system(model=str(BUNDLED_MODEL)) as system:
        ada = await system.sign_up()
        await system.ready(ada, seconds=120)
        task = await ada.submit("a red house by the sea", samples=3, steps=40)
        await stepping(ada, task.task_id)

        system.workers[0].kill()
        system.workers[0].start()
        ended = await ada.ended(task.task_id, seconds=120)

        assert (ended.state, len(ended.images)) == (SUCCEEDED, 3)
        found = await assert_sound(system, answered=[task.task_id])
        assert found.lost == 1


async def test_a_dispatcher_that_was_stopped_comes_back_too_late_to_change_anything(new_system: NewSystem) -> None:
    async with new_system(workers=2, replicas=2, hold_after=MID_SECOND) as system:
        ada = await system.sign_up(replica=0)
        await system.ready(ada)
        task = await ada.submit(samples=3)
        await drawn(ada, task.task_id, 1)
        owner = (await stored(system, task.task_id)).lease_owner
        stopped = next(each for each in system.tasks if f"-{each.pid}-" in owner)
        other = ada.at(system.targets[1 - system.tasks.index(stopped)])

        stopped.stop()
        system.let_draw()
        ended = await other.ended(task.task_id)
        stopped.go_on()
        await until(lambda: has_said(stopped, "lease lost"))

        assert (ended.state, ended.charged, len(ended.images)) == (SUCCEEDED, 3, 3)
        assert await other.get(task.task_id) == ended
        found = await assert_sound(system, answered=[task.task_id])
        assert found.lost == 1
        await other.channel.close()


async def has_said(program: Program, words: str) -> bool:
    """Whether it is in the log."""
    return words in program.log


@pytest.mark.patient
async def test_a_stopped_worker_is_noticed_by_the_pings_it_does_not_answer_and_its_late_result_is_nobodys(
    new_system: NewSystem,
) -> None:
    async with new_system(workers=2, hold_after=MID_SECOND) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        task = await ada.submit(samples=3)
        await drawn(ada, task.task_id, 1)
        stopped = await worker_of(system, task.task_id)

        stopped.stop()
        system.let_draw()
        ended = await ada.ended(task.task_id)
        stopped.go_on()

        # It draws again, so that whatever it had left to say of the old task has been said before.
        more = [await ada.ended((await ada.submit()).task_id) for _ in range(2)]
        assert [each.state for each in (ended, *more)] == [SUCCEEDED] * 3
        assert await ada.get(task.task_id) == ended
        found = await assert_sound(system, answered=[task.task_id])
        assert found.lost == 1


@pytest.mark.patient
async def test_a_worker_whose_event_loop_hangs_answers_pings_and_still_loses_its_task(new_system: NewSystem) -> None:
    hang = Fault(at="tests.support.fake_worker:Call.step", when="before", do="hang", nth=6)
    async with new_system(workers=2, step_ms=50, faults={"gpu-0": [hang]}) as system:
        ada = await system.sign_up()
        await system.ready(ada)
        task = await ada.submit(samples=3)
        assert await worker_of(system, task.task_id) is system.workers[0]

        ended = await ada.ended(task.task_id, seconds=90)

        assert (ended.state, ended.charged) == (SUCCEEDED, 3)
        found = await assert_sound(system, answered=[task.task_id])
        assert found.lost == 1
