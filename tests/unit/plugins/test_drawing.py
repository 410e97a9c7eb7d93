"""What plugins have drawn comes to one end, whatever happens on the way; a made-up studio stands behind the host."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from daydream.tasks.v1 import tasks_pb2
from qhana_plugin_runner.db.db import DB

from services.foundation import errors
from services.plugins.generation import finishing
from services.plugins.generation.completions import Completions
from services.plugins.generation.models import DrawingPart
from services.plugins.generation.store import Drawings
from services.plugins.generation.threads import Threads
from services.plugins.generation.values import Drawn
from tests.support import drawing_host
from tests.support.drawing_host import DrawingHost, begun, forgotten, held_at_the_ledger, told, until
from tests.support.fake_worker import png


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[DrawingHost]:
    """A host whose plugins draw."""
    async with drawing_host.running(tmp_path) as made:
        yield made


async def test_a_picture_is_drawn_and_put_out_and_the_right_given_back(host: DrawingHost) -> None:
    address, request_id = await begun(host, steps="6", samples="2", negativePrompt="fog", seed="7")

    async with host.following():
        task = await host.ended(address)
        await forgotten(host)

    asked = host.ledger.tasks[request_id].parameters
    assert (asked.prompt, asked.negative_prompt, asked.steps, asked.seed) == ("a red boat", "fog", 6, 7)
    assert not asked.HasField("width")
    assert task["status"] == "SUCCESS"
    assert [(each["name"], each["dataType"], each["contentType"]) for each in task["outputs"]] == [
        ("01-a-red-boat.png", "image/generated", "image/png"),
        ("02-a-red-boat.png", "image/generated", "image/png"),
    ]
    assert (await host.ask("GET", task["outputs"][1]["href"])).data == png(101, 8, 8)
    assert host.grants.open == set()


async def test_progress_is_in_steps_and_the_log_says_the_place_in_line(host: DrawingHost) -> None:
    host.ledger.holds = True
    address, request_id = await begun(host)

    async def task_with(key: str, value: Any) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            task = await host.task(address)
            return task if task.get(key) == value else None

        found: dict[str, Any] = await until(look)
        return found

    async with host.following():
        await task_with("log", "In line, at place 3.")
        await host.ledger.change(request_id, step=3, state=tasks_pb2.TASK_STATE_RUNNING)
        at_three = {"value": 3, "start": 0, "target": 4, "unit": "steps"}
        await task_with("progress", at_three)
        # The second attempt of a task whose worker was lost begins anew.
        await host.ledger.change(request_id, step=1, state=tasks_pb2.TASK_STATE_RUNNING)
        await told(host, request_id)
        task = await host.task(address)

    assert task["progress"] == at_three
    assert "outputs" not in task


async def test_a_full_queue_is_waited_for_and_the_log_says_so_once(host: DrawingHost) -> None:
    host.ledger.refusals.extend([errors.TooMuch("The queue is full.", retry_after=0.1)] * 3)
    address, request_id = await begun(host)

    async with host.following():
        task = await host.ended(address)

    assert task["status"] == "SUCCESS"
    assert task["log"].splitlines()[0] == "The queue is full. Waiting for a place."
    assert task["log"].count("full") == 1
    assert host.ledger.submits[request_id] == 4


@pytest.mark.parametrize(
    "refusal",
    [
        errors.NotPossibleNow("This costs 9 tokens, and you have 2.", reason="NOT_ENOUGH_TOKENS"),
        errors.InvalidInput("Steps must be at most 150."),
    ],
    ids=["tokens", "validation"],
)
async def test_what_the_ledger_refuses_fails_with_its_sentence(
    host: DrawingHost, refusal: errors.DaydreamError
) -> None:
    host.ledger.refusals.append(refusal)
    address, request_id = await begun(host)

    async with host.following():
        task = await host.ended(address)
        await forgotten(host)

    assert (task["status"], task["log"]) == ("FAILURE", refusal.message)
    assert host.ledger.submits[request_id] == 1
    assert host.grants.open == set()


@pytest.mark.parametrize(
    ("state", "more", "sentence"),
    [
        (tasks_pb2.TASK_STATE_CANCELLED, {}, "It was cancelled in the studio."),
        (tasks_pb2.TASK_STATE_FAILED, {"error": {"message": "The sampler broke."}}, "The sampler broke."),
    ],
)
async def test_a_bad_end_at_the_studio_is_one_here(
    host: DrawingHost, state: Any, more: dict[str, Any], sentence: str
) -> None:
    host.ledger.holds = True
    address, request_id = await begun(host)

    async with host.following():
        await held_at_the_ledger(host, request_id)
        await host.ledger.change(request_id, state=state, **more)
        task = await host.ended(address)

    assert (task["status"], task["log"].splitlines()[-1], task["outputs"]) == ("FAILURE", sentence, [])


@pytest.mark.parametrize("how", ["cancel", "delete"])
async def test_cancelling_or_deleting_the_task_cancels_at_the_ledger(host: DrawingHost, how: str) -> None:
    host.ledger.holds = True
    address, request_id = await begun(host)

    async with host.following():
        await held_at_the_ledger(host, request_id)
        if how == "cancel":
            await host.ask("POST", address, json={"command": "cancel"})
        else:
            await host.ask("DELETE", address)
        await forgotten(host)

    assert host.ledger.cancelled == {request_id}
    assert host.grants.open == set()


async def test_a_person_who_is_gone_ends_what_is_drawn_for_them(host: DrawingHost) -> None:
    address, _ = await begun(host)
    host.grants.open.clear()

    async with host.following():
        task = await host.ended(address)
        await forgotten(host)

    assert task["status"] == "FAILURE"
    assert task["log"].startswith("Nothing more can be drawn in your name")


async def test_another_process_goes_on_where_one_was_lost_after_it_had_submitted(host: DrawingHost) -> None:
    host.ledger.holds = True
    address, request_id = await begun(host)
    with host.app.app_context():
        # As a process leaves it that was killed between the ledger's answer and its own note of it.
        await host.ledger.submit(f"for-{request_id}#0", request_id, {"prompt": "a red boat"})
        DB.session.execute(sa.update(DrawingPart).values(asked=True))
        DB.session.commit()

    async with host.following():
        await until(lambda: _times(host, request_id, 2))
        await host.ledger.draw(request_id)
        task = await host.ended(address)

    assert task["status"] == "SUCCESS"
    assert len(host.ledger.tasks) == len(task["outputs"]) == 1


async def _times(host: DrawingHost, request_id: str, times: int) -> bool | None:
    return host.ledger.submits[request_id] >= times or None


async def test_what_breaks_while_it_is_stored_is_stored_once_by_the_next_who_tries(
    host: DrawingHost, tmp_path: Path
) -> None:
    tries = []

    def breaks_first(*arguments: Any) -> None:
        tries.append(arguments)
        if len(tries) == 1:
            raise RuntimeError("the disk is full")
        finishing.end_well(*arguments)

    host.store = breaks_first
    address, _ = await begun(host, samples="2")

    async def tried() -> bool | None:
        return bool(tries) or None

    async def two_files_are_there() -> bool | None:
        # Who tried at the same time and was second takes its own back.
        return len([each for each in (tmp_path / "files").rglob("*") if each.is_file()]) == 2 or None

    # The first one's lease is soon over, the second one's never: of two that are slow both would lose theirs for ever.
    async with host.following("first", lease_seconds=0.2):
        await until(tried)
        async with host.following("second", lease_seconds=300):
            task = await host.ended(address)
            await forgotten(host)

    assert task["status"] == "SUCCESS"
    assert len(task["outputs"]) == 2
    await until(two_files_are_there)


async def test_of_two_processes_that_both_think_they_follow_it_one_ends_it(host: DrawingHost, tmp_path: Path) -> None:
    address, _ = await begun(host)
    with host.app.app_context():
        held = Drawings(host.app, holder="a", lease_seconds=0).look([])[0][0]
        Drawings(host.app, holder="b", lease_seconds=30).look([])
    picture = Drawn(file=tmp_path / "p", prompt="a red boat", seed=1)
    picture.file.write_bytes(png(1, 8, 8))

    for holder in ("a", "b", "a", "b"):
        finishing.end_well(host.app, Drawings(host.app, holder=holder, lease_seconds=30), held, [picture])

    task = await host.task(address)
    assert (task["status"], len(task["outputs"])) == ("SUCCESS", 1)
    assert len([each for each in (tmp_path / "files").rglob("*") if each.is_file()]) == 1


async def test_an_event_of_its_end_is_enough_where_the_stream_fell_silent(host: DrawingHost) -> None:
    host.ledger.holds = True
    address, request_id = await begun(host)
    threads = Threads()
    completions = Completions(Drawings(host.app, holder="another", lease_seconds=30), threads)

    async with host.following():
        await held_at_the_ledger(host, request_id)
        await told(host, request_id)
        task = host.ledger.tasks[request_id]
        # It ends, and nobody who watches is told.
        image = tasks_pb2.Image(image_id=f"{request_id}/0")
        task.MergeFrom(tasks_pb2.Task(state=tasks_pb2.TASK_STATE_SUCCEEDED, images=[image]))
        event = tasks_pb2.TaskEnded(task=tasks_pb2.Task(reference=request_id))
        await completions.hear(drawing_host.heard(event.SerializeToString()))
        ended = await host.ended(address)

    threads.close()
    assert ended["status"] == "SUCCESS"


async def test_a_stream_that_outlives_its_token_is_opened_anew_with_another(host: DrawingHost) -> None:
    host.ledger.expires = 2
    address, request_id = await begun(host)

    async with host.following():
        task = await host.ended(address)

    assert task["status"] == "SUCCESS"
    assert host.grants.issued[f"for-{request_id}"] == 3
