"""Messages become values and values messages; images travel in pieces."""

import dataclasses
import time
from typing import Any

import pytest
from daydream.gpu.v1 import inference_pb2 as pb

from services.foundation.rpc import client
from services.gpu import card, events, servicer, uploads
from services.gpu.requests import Request
from tests.support import gpu_model


def test_an_empty_message_leaves_everything_to_the_model() -> None:
    assert servicer.request_from_pb(pb.GenerateRequest(prompt="a")) == Request(prompt="a")


def test_zero_is_a_setting_where_it_means_something() -> None:
    request = servicer.request_from_pb(pb.GenerateRequest(prompt="a", seed=0, guidance=0))

    assert (request.seed, request.guidance) == (0, 0.0)


def test_every_field_arrives() -> None:
    message = pb.GenerateRequest(
        request_id="t", prompt="a", negative_prompt="b", model="m", sampler="DDIM", steps=9, guidance=2.5, width=64,
        height=72, seed=-1, samples=3, preview_every_steps=4, start_image=b"s", mask=b"m", strength=0.5,
        variation_seed=0, variation_strength=0.25, guidance_rescale=0.75, clip_skip=2,
        adapters=[pb.Adapter(name="ink", weight=0), pb.Adapter(name="oil")],
    )  # fmt: skip

    request = servicer.request_from_pb(message)

    assert dataclasses.asdict(request) == {
        "request_id": "t", "prompt": "a", "negative_prompt": "b", "model": "m", "sampler": "DDIM", "steps": 9,
        "guidance": 2.5, "width": 64, "height": 72, "seed": -1, "samples": 3, "preview_every": 4, "start_image": b"s",
        "mask": b"m", "strength": 0.5, "variation_seed": 0, "variation_strength": 0.25, "guidance_rescale": 0.75,
        "clip_skip": 2, "adapters": ({"name": "ink", "weight": 0.0}, {"name": "oil", "weight": 1.0}),
        "deadline": None,
    }  # fmt: skip


@pytest.mark.parametrize("strength", [0.1, 0.3, 0.6, 0.7, 0.95, 1.0])
def test_strength_is_the_number_that_was_typed(strength: float) -> None:
    message = pb.GenerateRequest.FromString(pb.GenerateRequest(strength=strength).SerializeToString())

    assert servicer.request_from_pb(message).strength == strength


def test_the_time_a_caller_has_left_becomes_a_deadline() -> None:
    before = time.monotonic()

    request = servicer.request_from_pb(pb.GenerateRequest(prompt="a"), time_left=30.0)

    assert request.deadline is not None
    assert before + 30 <= request.deadline <= time.monotonic() + 30


@pytest.mark.parametrize(("size", "pieces"), [(1, [1]), (10, [10]), (11, [10, 1]), (35, [10, 10, 10, 5])])
def test_an_image_is_cut_into_pieces_that_join_to_the_whole(size: int, pieces: list[int]) -> None:
    png = bytes(range(size))
    image = events.ImageReady(sample=2, seed=42, width=64, height=72, png=png)

    chunks = [response.image_chunk for response in servicer.event_to_pb(image, 10)]

    assert [len(chunk.data) for chunk in chunks] == pieces
    assert b"".join(chunk.data for chunk in chunks) == png
    assert [chunk.offset for chunk in chunks] == [10 * number for number in range(len(pieces))]
    assert {(chunk.sample_index, chunk.seed, chunk.width, chunk.height) for chunk in chunks} == {(2, 42, 64, 72)}
    assert {(chunk.content_type, chunk.total_bytes) for chunk in chunks} == {("image/png", size)}


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            events.Step(sample=1, done=5, total=9, remaining_ms=70),
            pb.GenerateResponse(step=pb.Step(sample_index=1, step=5, steps=9, remaining_ms=70)),
        ),
        (
            events.Preview(sample=1, done=5, webp=b"w"),
            pb.GenerateResponse(preview=pb.Preview(sample_index=1, step=5, content_type="image/webp", data=b"w")),
        ),
        (
            events.Finished(images=3, duration_ms=9),
            pb.GenerateResponse(finished=pb.Finished(images=3, duration_ms=9)),
        ),
    ],
)
def test_an_event_is_one_message(event: Any, message: pb.GenerateResponse) -> None:
    assert list(servicer.event_to_pb(event, 10)) == [message]


def test_capabilities_tell_everything_a_card_says() -> None:
    times = (card.StepTime(width=64, height=64, step_us=5, image_us=6, shared_step_us=4, images_at_once=2),)
    known = dataclasses.replace(
        gpu_model.card(max_pixels=4096, max_clip_skip=1), step_times=times, adapters=("ink",), inpainting=True
    )
    memory = card.Memory(used=3, total=8)
    capabilities = card.Capabilities(
        worker_id="w", device="cpu", slots=2, busy_slots=1, cards=(known,), memory=memory, started=5.5
    )

    told = servicer.capabilities_to_pb(capabilities)

    model = told.models[0]
    assert (told.worker_id, told.device, told.slots, told.busy_slots) == ("w", "cpu", 2, 1)
    assert (told.memory_used, told.memory_total, told.started_time.seconds) == (3, 8, 5)
    assert (model.name, model.title, model.description) == (known.name, known.title, known.description)
    assert model.defaults == pb.Defaults(steps=3, guidance=2.0, width=64, height=64)
    assert model.limits == pb.Limits(
        min_size=64, max_size=256, size_multiple=8, max_steps=100, max_guidance=20, max_samples=10,
        max_prompt_chars=512, max_pixels=4096, max_clip_skip=1, max_start_image_bytes=uploads.MAX_START_BYTES,
        max_mask_bytes=uploads.MAX_MASK_BYTES,
    )  # fmt: skip
    assert (model.samplers[0].name, model.samplers[0].scheduler_class) == (
        "DPM++ 2M",
        "DPMSolverMultistepScheduler",
    )
    assert list(model.step_times) == [
        pb.StepTime(width=64, height=64, step_us=5, image_us=6, shared_step_us=4, images_at_once=2)
    ]
    assert (list(model.example_prompts), list(model.known_words)) == (["a house"], ["a", "house"])
    assert (list(model.adapters), model.inpainting_only) == (["ink"], True)


def test_a_start_image_and_a_mask_of_the_largest_size_fit_into_one_message() -> None:
    message = pb.GenerateRequest(
        prompt="ü" * 512,
        negative_prompt="ü" * 512,
        start_image=bytes(uploads.MAX_START_BYTES),
        mask=bytes(uploads.MAX_MASK_BYTES),
    )

    assert message.ByteSize() < client.MAX_MESSAGE_BYTES
