"""The engine draws in turns, refuses what is too much, lets go at once, and keeps failures apart."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from services.foundation.errors import InvalidInput
from services.gpu import errors, events
from services.gpu.engine import Engine
from services.gpu.requests import Request
from services.gpu.stream import Stream
from tests.support import gpu_model
from tests.support.gpu_model import FakeModel

StartEngine = Callable[..., Awaitable[Engine]]


def a_request(prompt: str = "a house", **fields: int) -> Request:
    """A request of three steps."""
    return Request(prompt=prompt, **fields)  # type: ignore[arg-type]


async def read(stream: Stream) -> list[events.Event]:
    """Everything a stream tells, closed afterwards."""
    async with contextlib.aclosing(stream), asyncio.timeout(30):
        return [event async for event in stream]


async def read_step_by_step(stream: Stream, model: FakeModel) -> list[events.Event]:
    """Everything a stream tells when the model goes a step for every event that lets one follow."""
    happened: list[events.Event] = []
    async with contextlib.aclosing(stream), asyncio.timeout(30):
        async for event in stream:
            happened.append(event)
            if isinstance(event, events.Admitted | events.Step):
                model.allow(1)
    return happened


async def test_a_request_is_admitted_then_stepped_then_drawn_then_finished(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine()
    model.hold()

    happened = await read_step_by_step(engine.submit(a_request(samples=2, seed=7, preview_every=2)), model)

    assert [type(event).__name__ for event in happened] == [
        *("Admitted", "Step", "Step", "Preview", "Step", "ImageReady"),
        *("Step", "Preview", "Step", "Step", "ImageReady", "Finished"),
    ]


async def test_steps_count_over_all_images_and_only_rise(start_engine: StartEngine, model: FakeModel) -> None:
    engine = await start_engine()
    model.hold()

    happened = await read_step_by_step(engine.submit(a_request(samples=2)), model)

    steps = [event for event in happened if isinstance(event, events.Step)]
    assert [step.done for step in steps] == [1, 2, 3, 4, 5, 6]
    assert {step.total for step in steps} == {6}
    assert [step.sample for step in steps] == [0, 0, 0, 1, 1, 1]
    assert steps[-1].remaining_ms == 0
    assert all(step.remaining_ms >= 0 for step in steps)


async def test_what_is_left_is_reckoned_from_the_steps_so_far(model: FakeModel) -> None:
    # A clock that goes a second forward whenever it is read.
    seconds = iter(range(10_000))
    engine = Engine(load=lambda: model, slots=1, waiting=1, clock=lambda: float(next(seconds)))
    await engine.start()
    model.hold()

    happened = await read_step_by_step(engine.submit(a_request(samples=2)), model)

    await engine.stop()
    left = [event.remaining_ms for event in happened if isinstance(event, events.Step)]
    assert left == [5000, 4000, 3000, 2000, 1000, 0]


async def test_every_image_tells_its_own_seed(start_engine: StartEngine) -> None:
    engine = await start_engine()

    happened = await read(engine.submit(a_request(samples=3, seed=40)))

    images = [event for event in happened if isinstance(event, events.ImageReady)]
    assert [(image.sample, image.seed) for image in images] == [(0, 40), (1, 41), (2, 42)]


async def test_a_drawn_seed_is_told_on_admission(start_engine: StartEngine) -> None:
    engine = await start_engine()

    happened = await read(engine.submit(a_request(seed=-1)))

    admitted, image = happened[0], next(event for event in happened if isinstance(event, events.ImageReady))
    assert isinstance(admitted, events.Admitted)
    assert admitted.plan.seed == image.seed > 0


async def test_prompts_are_encoded_once_a_request(start_engine: StartEngine, model: FakeModel) -> None:
    engine = await start_engine()

    await read(engine.submit(a_request(samples=3)))

    assert model.encoded == ["a house"]


async def test_active_requests_take_turns_and_the_others_wait_in_order(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine(slots=2, waiting=2)
    model.hold()
    streams = [engine.submit(a_request(prompt)) for prompt in ("a", "b", "c")]

    model.allow(9)
    await asyncio.gather(*map(read, streams))

    # "a" may be in its first step before "b" arrives, and "c" begins when "a" has had its three.
    assert model.stepped == ["a", "b", "a", "b", "a", "c", "b", "c", "c"]


async def test_one_request_too_many_is_refused_with_a_time_to_come_again(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine(slots=1, waiting=2)
    model.hold()
    streams = [engine.submit(a_request()) for _ in range(3)]

    with pytest.raises(errors.WorkerFull) as refused:
        engine.submit(a_request())

    assert refused.value.detail_reason == "WORKER_FULL"
    assert refused.value.retry_after is not None
    assert refused.value.retry_after >= 1
    assert engine.capabilities().busy_slots == 3
    model.allow(9)
    assert all(isinstance(happened[-1], events.Finished) for happened in await asyncio.gather(*map(read, streams)))
    assert engine.capabilities().busy_slots == 0
    await asyncio.wait_for(engine.idle(), 10)


async def test_a_reader_that_leaves_frees_the_slot_at_the_next_step(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine(slots=1)
    model.hold()
    leaving, staying = engine.submit(a_request("left", steps=50)), engine.submit(a_request("stayed"))
    model.allow(2)
    while not (isinstance(event := await anext(leaving), events.Step) and event.done == 2):
        pass

    await leaving.aclose()
    model.allow(4)
    happened = await read(staying)

    assert isinstance(happened[-1], events.Finished)
    assert model.stepped == ["left", "left", "left", "stayed", "stayed", "stayed"]


async def test_a_request_that_leaves_before_its_turn_is_never_begun(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine(slots=1)
    model.hold()
    first, second = engine.submit(a_request("first")), engine.submit(a_request("second"))

    await second.aclose()
    model.allow(6)
    await read(first)
    await read(engine.submit(a_request("third")))

    assert set(model.stepped) == {"first", "third"}


@pytest.mark.parametrize("prompt", [gpu_model.RAISES, gpu_model.FAILS_TO_ENCODE])
async def test_a_failure_is_its_own_requests_alone(start_engine: StartEngine, model: FakeModel, prompt: str) -> None:
    engine = await start_engine(slots=2)
    failing, good = engine.submit(a_request(prompt)), engine.submit(a_request("good"))

    with pytest.raises(errors.GenerationFailed) as failed:
        await read(failing)

    assert isinstance(failed.value.__cause__, ValueError)
    assert isinstance((await read(good))[-1], events.Finished)
    assert isinstance((await read(engine.submit(a_request("later"))))[-1], events.Finished)


async def test_a_lost_device_ends_every_request_and_says_so(start_engine: StartEngine, model: FakeModel) -> None:
    engine = await start_engine(slots=2)
    model.hold()
    streams = [engine.submit(a_request(prompt)) for prompt in ("a", gpu_model.LOSES_DEVICE, "c")]

    model.allow(3)
    results = await asyncio.gather(*map(read, streams), return_exceptions=True)

    assert [type(result) for result in results] == [errors.DeviceLost] * 3
    await asyncio.wait_for(engine.lost(), 10)
    with pytest.raises(errors.WorkerDraining):
        engine.submit(a_request())


async def test_draining_finishes_what_runs_and_turns_away_the_rest(start_engine: StartEngine, model: FakeModel) -> None:
    engine = await start_engine(slots=1)
    model.hold()
    running, waiting = engine.submit(a_request("running")), engine.submit(a_request("waiting"))
    await anext(running)

    engine.drain()

    with pytest.raises(errors.WorkerDraining):
        await read(waiting)
    with pytest.raises(errors.WorkerDraining):
        engine.submit(a_request())
    model.allow(3)
    assert isinstance((await read(running))[-1], events.Finished)
    assert engine.capabilities().worker_id == engine.worker_id


async def test_stopping_ends_what_still_runs_with_a_reason(start_engine: StartEngine, model: FakeModel) -> None:
    engine = await start_engine(slots=1)
    model.hold()
    running = engine.submit(a_request(steps=50))
    await anext(running)

    stopping = asyncio.create_task(engine.stop())
    await asyncio.sleep(0)
    model.allow(1)
    await stopping

    with pytest.raises(errors.WorkerDraining):
        await read(running)
    assert len(model.stepped) == 1


async def test_nothing_is_taken_in_before_the_model_is_there(model: FakeModel) -> None:
    engine = Engine(load=lambda: model, slots=1, waiting=1)

    with pytest.raises(errors.WorkerLoading):
        engine.submit(a_request())

    with pytest.raises(errors.WorkerLoading):
        engine.capabilities()


async def test_a_model_that_cannot_be_loaded_is_told_to_who_starts_the_engine() -> None:
    def load() -> FakeModel:
        raise errors.ModelUnusable("There is no such folder.")

    engine = Engine(load=load, slots=1, waiting=1)

    with pytest.raises(errors.ModelUnusable, match="no such folder"):
        await engine.start()


async def test_a_wrong_request_takes_no_slot(start_engine: StartEngine) -> None:
    engine = await start_engine()

    with pytest.raises(InvalidInput):
        engine.submit(a_request(""))

    assert engine.capabilities().busy_slots == 0


async def test_the_loop_stays_free_while_a_step_takes_its_time(start_engine: StartEngine, model: FakeModel) -> None:
    engine = await start_engine()
    model.hold()
    stream = engine.submit(a_request())
    await anext(stream)

    # The engine's thread is inside a step now and stays there; the loop answers all the same.
    capabilities = engine.capabilities()

    assert capabilities.busy_slots == 1
    model.allow(3)
    await read(stream)
