"""Whatever else is drawn beside it, joins late, leaves or fails: a request's picture is what diffusers draws alone.

Every sampler with every mode and every kind of checkpoint is too much for each run. A third of it is drawn a day, the
whole where DAYDREAM_TEST_ALL is set.
"""

import asyncio
import contextlib
import datetime
import itertools
import os
from typing import Any, Final

import numpy as np
import pytest

from services.gpu import errors, events, samplers
from services.gpu.engine.budget import Budget
from services.gpu.engine.engine import Bounds, Engine
from services.gpu.requests import Request
from tests.support import recording
from tests.support.gpu_engine import SECONDS, read
from tests.support.gpu_modes import MODES, a_plan, a_request
from tests.support.recording import Models, Recording
from tests.support.reference import TOLERANCE, difference
from tests.unit.gpu.conftest import Checkpoints

pytestmark = pytest.mark.filterwarnings(
    "ignore:__array_wrap__:DeprecationWarning", "ignore::DeprecationWarning:diffusers"
)

SHARDS: Final = 3
TODAY: Final = datetime.datetime.now(tz=datetime.UTC).date().toordinal() % SHARDS
DRAWN_TODAY: Final = range(SHARDS) if os.environ.get("DAYDREAM_TEST_ALL") else [TODAY]
KINDS: Final = ("tiny", "velocity", "inpainting", "distilled")


def asked(shard: int) -> dict[str, tuple[str, dict[str, Any]]]:
    """Mode and fields of the shard's requests, by request id."""
    pairs = itertools.product(enumerate(MODES), enumerate(samplers.RECIPES))
    chosen = [
        (mode, recipe.name)
        for (at, mode), (beside, recipe) in pairs
        if (at + beside) % SHARDS == shard and (not recipe.distilled or MODES[mode].checkpoint == "distilled")
    ]
    return {
        f"{mode}, {sampler}": (
            mode,
            {
                "sampler": sampler,
                "steps": 4 + number % 4,
                "seed": number,
                "samples": 1 + (number % 10 == 0),
                **({"guidance": 3.0 + number % 5} if "guidance" not in MODES[mode].fields else {}),
                **({"width": 64, "height": 64} if number % 4 == 0 else {}),
            },
        )
        for number, (mode, sampler) in enumerate(chosen)
    }


async def cancelled_after_a_step(engine: Engine, request: Request) -> None:
    """A reader that leaves."""
    async with contextlib.aclosing(engine.submit(request)) as happening, asyncio.timeout(SECONDS):
        async for event in happening:
            if isinstance(event, events.Step):
                return


async def failure_of(engine: Engine, request: Request) -> BaseException:
    """What a request fails with."""
    with pytest.raises(errors.GenerationFailed) as failed:
        await read(engine.submit(request))
    return failed.value


@pytest.mark.parametrize("shard", DRAWN_TODAY)
async def test_every_picture_is_what_diffusers_draws_alone(checkpoints: Checkpoints, shard: int) -> None:
    models = {kind: Recording(checkpoints.get(kind)[0], full_at_times=True) for kind in KINDS}
    for model in models.values():
        model.budget = Budget(rows=8)
    bounds = Bounds(slots=24, waiting=1000)
    engine = Engine(load=lambda: Models(models), bounds=bounds)
    await engine.start()
    requests = asked(shard)
    running: list[asyncio.Task[Any]] = []

    for number, (request_id, (mode, fields)) in enumerate(requests.items()):
        kind = MODES[mode].checkpoint
        usual = {"request_id": request_id, "model": kind}
        running.append(asyncio.create_task(read(engine.submit(a_request(mode, **usual, **fields)))))
        if number % 6 == 0:
            leaving = a_request(mode, model=kind, **{**fields, "seed": 1000 + number})
            running.append(asyncio.create_task(cancelled_after_a_step(engine, leaving)))
        if number % 7 == 0:
            prompts = (recording.RAISES, recording.STUMBLES, recording.NOT_A_NUMBER)
            spoilt = a_request(mode, model=kind, **{**fields, "prompt": prompts[number % 3]})
            running.append(asyncio.create_task(failure_of(engine, spoilt)))
    await asyncio.gather(*running)
    await engine.stop()

    forwards = [forward for model in models.values() for forward in model.notes.forwards]
    assert any(forward.full for forward in forwards)
    assert max(len({request for request in forward.requests if request}) for forward in forwards) >= 3
    far = {}
    for request_id, (mode, fields) in requests.items():
        original, reference = checkpoints.get(MODES[mode].checkpoint)
        plan, pictures = a_plan(original.card, mode, **fields)
        for sample in range(plan.samples):
            drawn = models[MODES[mode].checkpoint].notes.drawn[request_id, sample]
            latents, picture = reference.draw(plan, pictures, sample=sample)
            off = max(difference(latents, drawn.latents), difference(picture, drawn.picture))
            if off > TOLERANCE:
                far[request_id, sample] = off
    assert far == {}


@pytest.mark.parametrize("rows", [4, 8])
async def test_a_fixed_number_of_rows_gives_the_same_bits_alone_and_in_company(
    checkpoints: Checkpoints, rows: int
) -> None:
    model = Recording(checkpoints.get("tiny")[0])
    engine = Engine(load=lambda: Models({"tiny": model}), bounds=Bounds(slots=8, waiting=8, fixed_rows=rows))
    await engine.start()
    request = a_request("text to image", request_id="it", sampler="DPM++ 2M SDE")
    others = [a_request("text to image", request_id="other", sampler="PNDM", seed=seed) for seed in range(3)]

    await read(engine.submit(request))
    alone = model.notes.drawn.pop(("it", 0))
    await asyncio.gather(*(read(engine.submit(each)) for each in [others[0], request, *others[1:]]))

    await engine.stop()
    together = model.notes.drawn["it", 0]
    assert np.array_equal(alone.latents, together.latents)
    assert np.array_equal(alone.picture, together.picture)
    assert {forward.rows for forward in model.notes.forwards} == {rows}
    assert any(len(forward.requests) > 1 for forward in model.notes.forwards)
