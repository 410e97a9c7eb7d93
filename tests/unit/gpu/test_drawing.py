"""Requests share forwards, keep apart what fails, and lose nothing of each other."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from services.gpu import errors, events
from services.gpu.engine import policy
from services.gpu.engine.engine import Engine
from tests.support import gpu_model
from tests.support.gpu_engine import a_request, read
from tests.support.gpu_model import FakeLibrary, FakeModel

StartEngine = Callable[..., Awaitable[Engine]]


async def admitted_behind_a_held_forward(engine: Engine, model: FakeModel) -> None:
    """Keep the engine's thread in a forward of a request of its own, so that what follows comes in together."""
    model.hold()
    first = engine.submit(a_request("first", steps=1))
    assert isinstance(await anext(first), events.Admitted)


async def test_requests_that_look_alike_share_each_forward(start_engine: StartEngine, model: FakeModel) -> None:
    engine = await start_engine(slots=4)
    await admitted_behind_a_held_forward(engine, model)
    streams = [engine.submit(a_request("a")), engine.submit(a_request("b", steps=5, sampler="Euler"))]

    model.allow(100)
    await asyncio.gather(*map(read, streams))

    assert model.forwards == [["first"], ["a", "b"], ["a", "b"], ["a", "b"], ["b"], ["b"]]


async def test_a_request_joins_those_that_are_under_way(start_engine: StartEngine, model: FakeModel) -> None:
    engine = await start_engine(slots=4)
    model.hold()
    early = engine.submit(a_request("early", steps=4))
    model.allow(2)
    while not (isinstance(event := await anext(early), events.Step) and event.done == 2):
        pass
    late = engine.submit(a_request("late", steps=4))

    model.allow(100)
    await asyncio.gather(read(early), read(late))

    # The third forward may have been under way when it came.
    assert model.forwards[:2] == [["early"], ["early"]]
    assert ["early", "late"] in [sorted(forward) for forward in model.forwards]
    assert model.stepped.count("late") == 4


async def test_one_without_guidance_takes_one_row_and_two_of_them_the_place_of_one(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine(slots=5, waiting=5)
    await admitted_behind_a_held_forward(engine, model)
    guided = [engine.submit(a_request("guided", steps=1)) for _ in range(2)]
    unguided = [engine.submit(a_request("unguided", steps=1, guidance=1.0)) for _ in range(2)]

    model.allow(100)
    await asyncio.gather(*map(read, [*guided, *unguided]))

    assert model.forwards[1:] == [["guided", "guided"], ["unguided", "unguided"]]


async def test_pictures_of_other_sizes_take_turns(start_engine: StartEngine, model: FakeModel) -> None:
    engine = await start_engine(slots=4)
    await admitted_behind_a_held_forward(engine, model)
    streams = [engine.submit(a_request("small")), engine.submit(a_request("wide", width=128))]

    model.allow(100)
    await asyncio.gather(*map(read, streams))

    assert model.forwards[1:] == [["small"], ["wide"]] * 3


@pytest.mark.parametrize(("prompt", "sooner"), [("shortest", "short"), ("fifo", "long")])
async def test_short_requests_need_not_wait_for_long_ones_unless_told_to(
    start_engine: StartEngine, prompt: str, sooner: str
) -> None:
    model = FakeModel(rows=2)
    engine = await start_engine(library=FakeLibrary(model), slots=4, policy=policy.POLICIES[prompt])
    await admitted_behind_a_held_forward(engine, model)
    streams = [engine.submit(a_request("long", steps=20)), engine.submit(a_request("short", steps=3))]

    model.allow(100)
    await asyncio.gather(*map(read, streams))

    last = {name: max(at for at, each in enumerate(model.stepped) if each == name) for name in ("long", "short")}
    assert min(last, key=lambda name: last[name]) == sooner


@pytest.mark.parametrize("prompt", [gpu_model.FAILS_TO_ENCODE, gpu_model.RAISES, gpu_model.FAILS_ALONE])
async def test_a_failure_is_its_own_requests_alone(start_engine: StartEngine, model: FakeModel, prompt: str) -> None:
    engine = await start_engine(slots=6, waiting=2)
    await admitted_behind_a_held_forward(engine, model)
    good = [engine.submit(a_request("good"))]
    failing = engine.submit(a_request(prompt))
    good += [engine.submit(a_request("good")) for _ in range(2)]

    model.allow(100)
    with pytest.raises(errors.GenerationFailed) as failed:
        await read(failing)

    assert isinstance(failed.value.__cause__, ValueError)
    assert [type((await read(stream))[-1]) for stream in good] == [events.Finished] * 3
    # None of the others has gone a step too many, or too few.
    assert model.stepped.count("good") == 9


async def test_a_picture_that_does_not_come_out_fails_its_own_request_alone(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine(slots=4)
    await admitted_behind_a_held_forward(engine, model)
    good, failing = engine.submit(a_request("good")), engine.submit(a_request(gpu_model.FAILS_TO_DECODE))

    model.allow(100)
    with pytest.raises(errors.NotFinite):
        await read(failing)

    assert isinstance((await read(good))[-1], events.Finished)


async def test_a_preview_that_cannot_be_made_fails_its_own_request_alone(
    start_engine: StartEngine, model: FakeModel
) -> None:
    engine = await start_engine(slots=4)
    await admitted_behind_a_held_forward(engine, model)
    good = engine.submit(a_request("good"))
    failing = engine.submit(a_request(gpu_model.FAILS_TO_PREVIEW, preview_every=1))

    model.allow(100)
    with pytest.raises(errors.GenerationFailed):
        await read(failing)

    assert isinstance((await read(good))[-1], events.Finished)


async def test_what_finds_no_memory_is_drawn_in_smaller_forwards_from_then_on(start_engine: StartEngine) -> None:
    model = FakeModel(rows=8, out_of_memory_above=4)
    engine = await start_engine(library=FakeLibrary(model), slots=5)
    await admitted_behind_a_held_forward(engine, model)
    streams = [engine.submit(a_request(prompt)) for prompt in "abcd"]

    model.allow(100)
    happened = await asyncio.gather(*map(read, streams))

    assert all(isinstance(each[-1], events.Finished) for each in happened)
    assert [len(forward) for forward in model.forwards[1:]] == [2] * 6
    assert sorted(model.stepped[1:]) == sorted("abcd" * 3)


async def test_one_picture_that_finds_no_memory_alone_fails_with_that_reason(start_engine: StartEngine) -> None:
    model = FakeModel(rows=8, out_of_memory_above=1)
    engine = await start_engine(library=FakeLibrary(model))

    with pytest.raises(errors.OutOfMemory):
        await read(engine.submit(a_request()))

    assert isinstance((await read(engine.submit(a_request(guidance=1.0))))[-1], events.Finished)


async def test_a_decoder_that_ran_out_of_memory_is_given_fewer_from_then_on(start_engine: StartEngine) -> None:
    model = FakeModel(rows=32)
    model.decodes_at_once = 2
    engine = await start_engine(library=FakeLibrary(model))

    happened = await read(engine.submit(a_request(samples=8)))

    assert isinstance(happened[-1], events.Finished)
    assert model.decoded == [2, 2, 2, 2]


async def test_four_pictures_are_decoded_at_once_at_most(start_engine: StartEngine) -> None:
    model = FakeModel(rows=32)
    engine = await start_engine(library=FakeLibrary(model))

    happened = await read(engine.submit(a_request(samples=10)))

    assert isinstance(happened[-1], events.Finished)
    assert model.decoded == [4, 4, 2]


async def test_a_fixed_number_of_rows_is_the_same_for_every_forward(start_engine: StartEngine) -> None:
    model = FakeModel(rows=32)
    engine = await start_engine(library=FakeLibrary(model), slots=4, fixed_rows=4)
    await admitted_behind_a_held_forward(engine, model)

    model.allow(100)
    await asyncio.gather(*(read(engine.submit(a_request(prompt))) for prompt in "abc"))

    assert set(model.filled) == {4}
    assert set(model.decoded) == {1}


async def test_a_large_request_leaves_others_a_place(start_engine: StartEngine) -> None:
    model = FakeModel(rows=4)
    engine = await start_engine(library=FakeLibrary(model), slots=2)
    model.hold()
    large = engine.submit(a_request("large", samples=10, steps=10))
    assert isinstance(await anext(large), events.Admitted)
    small = engine.submit(a_request("small"))

    model.allow(5)
    assert isinstance((await read(small))[-1], events.Finished)

    await large.aclose()
    model.allow(100)


async def test_models_are_kept_while_they_are_used_and_let_go_afterwards(start_engine: StartEngine) -> None:
    one, other = FakeModel(name="one"), FakeModel(name="other")
    library = FakeLibrary(one, other, room=1)
    engine = await start_engine(library=library, slots=4)
    await admitted_behind_a_held_forward(engine, one)
    streams = [engine.submit(a_request("1", model="one")), engine.submit(a_request("2", model="other", samples=2))]
    streams += [engine.submit(a_request("3", model="one"))]

    one.allow(100)
    happened = await asyncio.gather(*map(read, streams))

    # A request's end may be told a moment before the engine's thread lets go of its model; here it has come to its end.
    await engine.stop()
    assert all(isinstance(each[-1], events.Finished) for each in happened)
    # The third came after one that waits for room, so it waits too: otherwise that one might wait for ever.
    assert one.stepped == ["first", "1", "1", "1", "3", "3", "3"]
    assert other.forwards == [["2", "2"]] * 3
    assert library.pins == {"one": 0, "other": 0}


async def test_a_model_that_is_being_read_holds_up_only_those_that_ask_for_it(start_engine: StartEngine) -> None:
    one, other = FakeModel(name="one"), FakeModel(name="other")
    library = FakeLibrary(one, other)
    library.away.add("other")
    engine = await start_engine(library=library, slots=4)

    waiting = asyncio.create_task(read(engine.submit(a_request("1", model="other"))))
    async with asyncio.timeout(60):
        # A pause between looks at what the engine's thread counts.
        while not library.asked:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    quick = await read(engine.submit(a_request("2", model="one")))
    asked = library.asked
    library.arrive("other")
    slow = await waiting

    assert isinstance(quick[-1], events.Finished)
    assert isinstance(slow[-1], events.Finished)
    # Asked for when it came and beside the other's steps; in between nothing turns round and round.
    assert 1 <= asked <= len(one.forwards) + 3
    assert other.stepped == ["1", "1", "1"]


async def test_a_model_without_room_of_its_own_fails_the_request(start_engine: StartEngine) -> None:
    class Full(FakeLibrary):
        def ask(self, name: str) -> FakeModel | None:
            if name == "other":
                raise errors.OutOfMemory
            return super().ask(name)

    engine = await start_engine(library=Full(FakeModel(name="one"), FakeModel(name="other")), slots=2)

    with pytest.raises(errors.OutOfMemory):
        await read(engine.submit(a_request(model="other")))

    assert isinstance((await read(engine.submit(a_request(model="one"))))[-1], events.Finished)


async def test_a_model_that_turns_out_to_be_unusable_is_said_to_be_away(start_engine: StartEngine) -> None:
    class Broken(FakeLibrary):
        def ask(self, name: str) -> FakeModel | None:
            if name == "other":
                raise errors.ModelUnusable("/models/other holds pickled weights only.")
            return super().ask(name)

    engine = await start_engine(library=Broken(FakeModel(name="one"), FakeModel(name="other")), slots=2)

    with pytest.raises(errors.ModelAway) as failed:
        await read(engine.submit(a_request(model="other")))

    assert "/models" not in failed.value.message
