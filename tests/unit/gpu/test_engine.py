"""The engine takes in what it can, refuses what is too much, lets go at once, and ends in good order."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.foundation.errors import InvalidInput
from services.gpu import errors, events
from services.gpu.engine.engine import Bounds, Engine
from tests.support import gpu_model
from tests.support.gpu_engine import a_request, png, read, read_step_by_step
from tests.support.gpu_model import FakeLibrary, FakeModel

StartEngine = Callable[..., Awaitable[Engine]]


async def test_a_request_is_admitted_then_stepped_then_drawn_then_finished(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine()
    model.hold()

    happened = await read_step_by_step(engine.submit(a_request(samples=2, seed=7)), model)

    kinds = [type(event).__name__ for event in happened]
    assert kinds == ["Admitted", "Step", "Step", "Step", "ImageReady", "ImageReady", "Finished"]


async def test_steps_count_over_all_images_and_only_rise(start_engine: StartEngine, model: FakeModel) -> None:
    engine = await start_engine()
    model.hold()

    happened = await read_step_by_step(engine.submit(a_request(samples=3)), model)

    # Two images fit into a forward; the third has its steps when the others are done.
    steps = [event for event in happened if isinstance(event, events.Step)]
    assert [step.done for step in steps] == [2, 4, 6, 7, 8, 9]
    assert {step.total for step in steps} == {9}
    assert steps[-1].remaining_ms == 0
    assert all(step.remaining_ms >= 0 for step in steps)


async def test_a_preview_comes_every_so_many_steps_of_an_image(start_engine: StartEngine, model: FakeModel) -> None:
    engine = await start_engine()
    model.hold()

    happened = await read_step_by_step(
        engine.submit(a_request(samples=2, steps=5, preview_every=2)), model, wait_for_previews=True
    )

    previews = [event for event in happened if isinstance(event, events.Preview)]
    assert sorted((preview.sample, preview.done) for preview in previews) == [(0, 4), (0, 8), (1, 4), (1, 8)]


async def test_what_is_left_is_reckoned_from_the_steps_so_far(model: FakeModel) -> None:
    # A clock that the test alone moves.
    now = 100.0
    engine = Engine(load=lambda: FakeLibrary(model), bounds=Bounds(slots=1), clock=lambda: now)
    await engine.start()
    model.hold()
    stream = engine.submit(a_request(steps=4, samples=2))
    assert isinstance(await anext(stream), events.Admitted)
    left: list[int] = []

    while len(left) < 4:
        now += 3.0
        model.allow(1)
        event = await asyncio.wait_for(anext(stream), 10)
        assert isinstance(event, events.Step)
        left.append(event.remaining_ms)

    await stream.aclose()
    await engine.stop()
    assert left == [9000, 6000, 3000, 0]


async def test_every_image_tells_its_own_seed_and_is_its_own_picture(start_engine: StartEngine) -> None:
    engine = await start_engine()

    happened = await read(engine.submit(a_request(samples=3, seed=40)))

    images = sorted(
        (event for event in happened if isinstance(event, events.ImageReady)), key=lambda image: image.sample
    )
    assert [(image.sample, image.seed) for image in images] == [(0, 40), (1, 41), (2, 42)]
    assert [image.png for image in images] == [png(sample) for sample in range(3)]


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


@pytest.mark.parametrize(("rows", "slots"), [(1, 2), (2, 2), (8, 8), (32, 32)])
async def test_as_many_requests_have_a_slot_as_fill_two_forwards(
    start_engine: StartEngine, rows: int, slots: int
) -> None:
    engine = await start_engine(library=FakeLibrary(FakeModel(rows=rows)), slots=None)

    capabilities = engine.capabilities()

    assert capabilities.slots == slots


async def test_a_reader_that_leaves_frees_the_slot_at_the_next_step(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine(slots=1)
    model.hold()
    leaving, staying = engine.submit(a_request("left", steps=50)), engine.submit(a_request("stayed"))
    model.allow(2)
    while not (isinstance(event := await anext(leaving), events.Step) and event.done == 2):
        pass
    # The third is under way: it was let in before the reader left.
    await model.until_begun(3)

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


async def test_a_request_whose_time_is_up_ends_at_the_next_step_and_one_that_waits_never_begins(
    model: FakeModel,
) -> None:
    now = 100.0
    engine = Engine(load=lambda: FakeLibrary(model), bounds=Bounds(slots=1), clock=lambda: now)
    await engine.start()
    model.hold()
    streams = [engine.submit(a_request(prompt, deadline=110.0)) for prompt in ("drawn", "waits")]
    streams.append(engine.submit(a_request("patient")))
    assert isinstance(await anext(streams[0]), events.Admitted)

    now = 110.0
    model.allow(10)
    results = await asyncio.gather(*map(read, streams), return_exceptions=True)

    await engine.stop()
    assert [type(result) for result in results[:2]] == [errors.DeadlinePassed] * 2
    assert isinstance(results[2], list)
    assert model.stepped == ["drawn", "patient", "patient", "patient"]


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
    engine = Engine(load=lambda: FakeLibrary(model), bounds=Bounds())

    with pytest.raises(errors.WorkerLoading):
        engine.submit(a_request())

    with pytest.raises(errors.WorkerLoading):
        engine.capabilities()


async def test_a_model_that_cannot_be_loaded_is_told_to_who_starts_the_engine() -> None:
    def load() -> FakeLibrary:
        raise errors.ModelUnusable("There is no such folder.")

    engine = Engine(load=load, bounds=Bounds())

    with pytest.raises(errors.ModelUnusable, match="no such folder"):
        await engine.start()


async def test_a_wrong_request_takes_no_slot(start_engine: StartEngine) -> None:
    engine = await start_engine()

    with pytest.raises(InvalidInput):
        engine.submit(a_request(""))
    with pytest.raises(InvalidInput, match="no PNG, JPEG or WebP"):
        engine.submit(a_request(start_image=b"GIF89a"))

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


async def test_pictures_are_decoded_before_the_request_gets_its_slot(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine()

    happened = await read(engine.submit(a_request(start_image=png(200), mask=png(255))))

    assert isinstance(happened[-1], events.Finished)
    start, mask = model.seen[0].start, model.seen[0].mask
    assert start is not None
    assert mask is not None
    assert start.shape == (64, 64, 3)
    assert mask.shape == (64, 64)
    assert start.min() == start.max() == 200
    assert mask.min() == 255


async def test_a_picture_that_turns_out_to_be_damaged_is_the_callers_error(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine()

    with pytest.raises(InvalidInput) as refused:
        await read(engine.submit(a_request(start_image=png(200)[:-30])))

    assert [violation.field for violation in refused.value.fields] == ["start_image"]
    assert model.encoded == []
    assert engine.capabilities().busy_slots == 0
