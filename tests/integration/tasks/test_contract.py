"""What the service promises to whoever calls it: bounds, idempotency, clear refusals, access, resuming."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import grpc
import pytest
from daydream.tasks.v1 import tasks_pb2

from services.foundation import errors
from services.foundation.rpc import client
from services.tasks.access import SERVICE
from tests.support.fake_worker import FakeWorker, draw_when_released
from tests.support.ledger import Person, Studio, running, until

RUNNING = tasks_pb2.TaskState.TASK_STATE_RUNNING
SUCCEEDED = tasks_pb2.TaskState.TASK_STATE_SUCCEEDED
QUEUED = tasks_pb2.TaskState.TASK_STATE_QUEUED

BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "steps 0": ("steps", {"steps": 0}),
    "steps -1": ("steps", {"steps": -1}),
    "steps 1e9": ("steps", {"steps": 1_000_000_000}),
    "width 63": ("width", {"width": 63}),
    "width 513": ("width", {"width": 513}),
    "width 2^31-1": ("width", {"width": 2**31 - 1}),
    "height 60": ("height", {"height": 60}),
    "guidance NaN": ("guidance", {"guidance": float("nan")}),
    "guidance infinite": ("guidance", {"guidance": float("inf")}),
    "guidance -1": ("guidance", {"guidance": -1.0}),
    "seed -2": ("seed", {"seed": -2}),
    "seed 2^53": ("seed", {"seed": 2**53}),
    "seed of the last image 2^53": ("seed", {"seed": 2**53 - 1, "samples": 2}),
    "samples 0": ("samples", {"samples": 0}),
    "samples 1000": ("samples", {"samples": 1000}),
    "prompt empty": ("prompt", {"prompt": ""}),
    "prompt blank": ("prompt", {"prompt": " \n"}),
    "prompt 513": ("prompt", {"prompt": "x" * 513}),
    "prompt NUL": ("prompt", {"prompt": "a\0b"}),
    "negative prompt 513": ("negative_prompt", {"negative_prompt": "x" * 513}),
    "model unknown": ("model", {"model": "other"}),
    "sampler unknown": ("sampler", {"sampler": "other"}),
    "request_id of 65": ("request_id", {"request_id": "x" * 65}),
}


async def refused(call: Any) -> errors.DaydreamError:
    with pytest.raises(errors.DaydreamError) as caught:
        await call
    return caught.value


async def test_bad_parameters_are_told_by_field_and_change_nothing(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()

        told = {name: await refused(ada.submit(**asked)) for name, (_, asked) in BAD.items()}
        unset = await refused(_translated(ada.stub.SubmitTask(tasks_pb2.SubmitTaskRequest(), metadata=ada.metadata)))
        every = await refused(ada.submit(steps=0, width=63, samples=0))

        assert {name: [each.field for each in error.fields] for name, error in told.items()} == {
            name: [field] for name, (field, _) in BAD.items()
        }
        assert all(isinstance(error, errors.InvalidInput) for error in (*told.values(), unset))
        assert {each.field for each in every.fields} == {"steps", "width", "samples"}
        assert not (await ada.list()).tasks
        assert studio.auth.purse.hold_calls == 0


async def _translated(call: Any) -> Any:
    with client.translated():
        return await call


async def _last(messages: Any) -> Any:
    return [message async for message in messages]


async def test_a_prompt_of_markup_or_sql_is_only_text(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        prompt = "<script>{{7*7}}</script>'; DROP TABLE task; -- 日本 🎨"

        task = await ada.ended((await ada.submit(prompt)).task_id)

        assert (task.state, task.parameters.prompt) == (SUCCEEDED, prompt)


async def test_the_queue_never_holds_more_than_its_bound_however_many_submit_at_once(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_when_released
    async with running(new_studio(queue_limit=5)) as studio:
        ada = studio.person()
        await ada.submit()
        await worker.call()

        answers = await asyncio.gather(*(ada.submit() for _ in range(40)), return_exceptions=True)

        full = [answer for answer in answers if isinstance(answer, errors.TooMuch)]
        assert len(full) == 35
        assert {error.detail_reason for error in full} == {"QUEUE_FULL"}
        assert all(error.retry_after for error in full)
        assert len((await ada.list(page_size=100)).tasks) == 6
        assert studio.auth.purse.balance("ada") == 994


async def test_too_few_tokens_say_how_many_and_leave_no_row(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        studio.auth.purse.balances["ada"] = 1

        error = await refused(ada.submit(samples=2))

        assert isinstance(error, errors.NotPossibleNow)
        assert (error.detail_reason, error.metadata) == ("NOT_ENOUGH_TOKENS", {"price": "2", "balance": "1"})
        assert not (await ada.list()).tasks
        assert studio.auth.purse.balance("ada") == 1
        assert (await ada.submit()).state in {QUEUED, RUNNING, SUCCEEDED}


async def test_fifty_submissions_with_tokens_for_one_give_one_task(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        studio.auth.purse.balances["ada"] = 1

        answers = await asyncio.gather(*(ada.submit() for _ in range(50)), return_exceptions=True)

        assert sum(isinstance(answer, tasks_pb2.Task) for answer in answers) == 1
        assert len((await ada.list()).tasks) == 1
        assert studio.auth.purse.balance("ada") == 0


async def test_a_hundred_submissions_with_one_key_are_one_task_and_one_hold(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada = studio.person()

        tasks = await asyncio.gather(*(ada.submit(request_id="one", samples=2) for _ in range(100)))
        other = await refused(ada.submit(request_id="one", samples=3))

        assert len({task.task_id for task in tasks}) == 1
        assert len((await ada.list()).tasks) == 1
        assert list(studio.auth.purse.holds) == [tasks[0].task_id]
        assert studio.auth.purse.balance("ada") == 998
        assert (type(other), other.detail_reason) == (errors.InvalidInput, "REQUEST_ID_REUSED")
        bobs = await studio.person("bob").submit(request_id="one")
        assert bobs.task_id != tasks[0].task_id


async def test_a_worker_never_seen_is_said_so_and_one_seen_before_a_restart_is_remembered(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    studio = new_studio()
    await studio.migrate()
    await studio.auth.start()
    await studio.start()

    never = await refused(studio.person().submit())
    await worker.start()
    await studio.worker_seen()
    await studio.stop()
    await worker.stop()
    await studio.start()
    ada = studio.person()
    accepted = await ada.submit()
    invalid = await refused(ada.submit(width=513))
    about = await _translated(ada.stub.GetCapabilities(tasks_pb2.GetCapabilitiesRequest(), metadata=ada.metadata))

    assert (type(never), never.detail_reason) == (errors.Unavailable, "NO_WORKER")
    assert accepted.state == QUEUED
    assert [field.field for field in invalid.fields] == ["width"]
    assert (about.models[0].name, about.workers, about.queued, about.queue_limit) == ("mini", 0, 1, 100)
    await studio.stop()
    await studio.auth.stop()


async def test_lists_page_newest_first_and_filter(new_studio: Callable[..., Studio], worker: FakeWorker) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada, elsewhere = studio.person(), studio.person(session_id="session-2")
        made = [(await ada.submit()).task_id for _ in range(5)]
        other = (await elsewhere.submit()).task_id
        await ada.in_state(made[0], RUNNING)

        first = await ada.list(page_size=4)
        second = await ada.list(page_size=4, page_token=first.next_page_token)
        of_session = await ada.list(session_id="session-2")
        waiting = await ada.list(states=[QUEUED])

        assert [task.task_id for task in (*first.tasks, *second.tasks)] == [other, *reversed(made)]
        assert (len(first.tasks), second.next_page_token) == (4, "")
        assert [task.task_id for task in of_session.tasks] == [other]
        assert [task.progress.position for task in waiting.tasks] == [5, 4, 3, 2, 1]
        assert waiting.tasks[0].progress.start_ms > waiting.tasks[-1].progress.start_ms
        for wrong in ({"page_token": "bogus"}, {"page_size": -1}, {"states": [99]}, {"states": [0]}):
            assert isinstance(await refused(ada.list(**wrong)), errors.InvalidInput)


async def test_a_watch_resumes_by_revision(new_studio: Callable[..., Studio], worker: FakeWorker) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada = studio.person()
        done = await ada.submit()
        (await worker.call()).released.set()
        done = await ada.ended(done.task_id)
        waiting = await ada.submit()
        await worker.call(1)
        waiting = await ada.in_state(waiting.task_id, RUNNING)

        full = await anext(aiter(ada.watch_session("session-1")))
        resumed = await anext(aiter(ada.watch_session("session-1", done.revision)))
        nothing = await anext(aiter(ada.watch_session("session-1", full.revision)))
        bogus = await anext(aiter(ada.watch_session("session-1", 10**12)))
        elsewhere = await anext(aiter(ada.watch_session("session-2")))
        again = await anext(aiter(ada.watch(done.task_id, done.revision - 1)))

        assert {task.task_id for task in full.tasks} == {done.task_id, waiting.task_id}
        assert [task.task_id for task in resumed.tasks] == [waiting.task_id]
        # The task runs on: what came after the first stream may be there, nothing before it.
        assert all(task.revision > full.revision for task in nothing.tasks)
        assert {task.task_id for task in bogus.tasks} == {done.task_id, waiting.task_id}
        assert not elsewhere.tasks
        assert again.task == done
        assert [message async for message in ada.watch(done.task_id, done.revision)] == []
        assert isinstance(await refused(anext(aiter(ada.watch(done.task_id, -1)))), errors.InvalidInput)


async def test_a_session_stream_tells_of_new_tasks_queue_moves_and_ends(
    new_studio: Callable[..., Studio], worker: FakeWorker
) -> None:
    worker.script = draw_when_released
    async with running(new_studio()) as studio:
        ada = studio.person()
        stream = aiter(ada.watch_session("session-1"))
        assert not (await anext(stream)).tasks
        first, second = await ada.submit(), await ada.submit()
        latest: dict[str, tasks_pb2.Task] = {}
        positions: list[int] = []
        revisions: list[int] = []

        async with asyncio.timeout(90):
            async for message in stream:
                revisions.append(message.revision)
                latest.update({task.task_id: task for task in message.tasks})
                positions += [task.progress.ahead for task in message.tasks if task.task_id == second.task_id]
                # Not before both are told of, or the second may stand alone when it is.
                for call in worker.calls if second.task_id in latest else ():
                    call.released.set()
                if all(task.HasField("settled_time") for task in latest.values()) and len(latest) == 2:
                    break

        assert {task.state for task in latest.values()} == {SUCCEEDED}
        assert set(latest) == {first.task_id, second.task_id}
        assert positions[0] == 1
        assert revisions == sorted(revisions)


async def test_calls_out_of_the_ordinary_are_refused_and_leave_the_service_well(
    new_studio: Callable[..., Studio],
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()
        raw: Any = ada.channel.unary_unary(
            f"/{SERVICE}/GetTask", lambda data: data, response_deserializer=lambda data: data
        )
        unknown: Any = ada.channel.unary_unary(f"/{SERVICE}/DropTask", lambda data: data)

        async def code(call: Any) -> str:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            return str(caught.value.code().name)

        garbage = await code(raw(b"\xff\xff\xff", metadata=ada.metadata))
        bad_text = await code(raw(b"\x0a\x02\xff\xfe", metadata=ada.metadata))
        missing = await code(unknown(b"", metadata=ada.metadata))
        too_large = await code(raw(b"\x0a\x80\x80\x80\x03" + b"x" * 6 * 2**20, metadata=ada.metadata))
        # A call that never ends by itself: a quick answer can come in the millisecond that gRPC makes of a nanosecond.
        endless = ada.stub.WatchSession(tasks_pb2.WatchSessionRequest(), metadata=ada.metadata, timeout=1e-9)
        in_no_time = await code(_last(endless))
        ten_years = await code(raw(b"", metadata=ada.metadata, timeout=10 * 365 * 24 * 3600))

        assert garbage != "OK"
        assert bad_text != "OK"
        assert missing == "UNIMPLEMENTED"
        assert too_large == "RESOURCE_EXHAUSTED"
        assert in_no_time == "DEADLINE_EXCEEDED"
        assert ten_years == "NOT_FOUND"
        assert (await ada.ended((await ada.submit()).task_id)).state == SUCCEEDED


@pytest.mark.parametrize("nonsense", ["a\0b", "x" * 43, "../../etc", "日本"])
async def test_what_cannot_be_an_id_is_not_found_and_never_a_fault(
    new_studio: Callable[..., Studio], nonsense: str
) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()

        told = [
            await refused(call)
            for call in (
                ada.get(nonsense),
                ada.cancel(nonsense),
                anext(aiter(ada.watch(nonsense))),
                ada.download(nonsense),
            )
        ]
        of_sessions = [
            await refused(ada.list(session_id=nonsense)),
            await refused(anext(aiter(ada.watch_session(nonsense)))),
        ]

        assert [error.detail_reason for error in told] == [*3 * ["TASK_NOT_FOUND"], "IMAGE_NOT_FOUND"]
        assert all(isinstance(error, errors.InvalidInput) for error in of_sessions)
        assert {each.field for error in of_sessions for each in error.fields} == {"session_id"}


async def test_a_submission_cancelled_at_any_moment_loses_no_tokens(new_studio: Callable[..., Studio]) -> None:
    async with running(new_studio()) as studio:
        ada = studio.person()

        async def submit_and_leave(delay: float) -> None:
            call = ada.stub.SubmitTask(
                tasks_pb2.SubmitTaskRequest(
                    request_id=f"left-{delay}", parameters=tasks_pb2.Parameters(prompt="a red circle")
                ),
                metadata=ada.metadata,
                timeout=delay,
            )
            # Whether it was answered in time or not, the same is true below.
            with contextlib.suppress(grpc.aio.AioRpcError):
                await call

        await asyncio.gather(*(submit_and_leave(0.002 * number) for number in range(1, 21)))

        kept = [await again(ada, f"left-{0.002 * number}") for number in range(1, 21)]
        ended = [await ada.ended(task.task_id, seconds=60) for task in kept]
        assert {task.state for task in ended} == {SUCCEEDED}
        assert studio.auth.purse.balance("ada") == 1000 - sum(task.charged for task in ended)
        # A hold that auth answered only after its caller had left was given back whole, and the repeat took another:
        # what is held for a task there is was charged in full, and what is held for none was charged nothing.
        await until(lambda: all_settled(studio))
        holds = {hold_id: hold for hold_id, hold in studio.auth.purse.holds.items() if hold.tokens}
        theirs = {task.task_id for task in ended}
        assert theirs <= set(holds)
        assert {hold_id: hold.charge for hold_id, hold in holds.items()} == {
            hold_id: hold.tokens if hold_id in theirs else 0 for hold_id, hold in holds.items()
        }


async def all_settled(studio: Studio) -> bool:
    """Whether auth was told of every hold what becomes of it."""
    return all(hold.charge is not None for hold in studio.auth.purse.holds.values())


async def again(person: Person, request_id: str) -> tasks_pb2.Task:
    """The same submission once more, as a client does that got no answer."""
    return await person.submit("a red circle", request_id=request_id)
