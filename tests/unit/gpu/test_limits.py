"""Defaults are filled in, and everything the model cannot do is refused with every wrong field."""

import dataclasses
import math
import struct
from typing import Any

import pytest

from services.foundation.errors import InvalidInput
from services.gpu import errors, limits
from services.gpu.requests import Adapter, Request
from tests.support import gpu_model

CARD = gpu_model.card()
RICH = dataclasses.replace(gpu_model.card(max_clip_skip=2), adapters=("ink", "oil"))
"""A card with LoRAs, whose text encoder has three layers."""
REQUEST = Request(prompt="a red house")


def refused(**fields: Any) -> InvalidInput:
    """What a request with these fields is refused with."""
    with pytest.raises(InvalidInput) as caught:
        limits.settle(dataclasses.replace(REQUEST, **fields), CARD)
    return caught.value


def test_what_is_left_out_becomes_the_models_default() -> None:
    plan = limits.settle(REQUEST, CARD)

    assert (plan.model, plan.sampler, plan.steps, plan.guidance) == ("fake", "DPM++ 2M", 3, 2.0)
    assert (plan.width, plan.height, plan.samples, plan.preview_every) == (64, 64, 1, 0)


def test_what_is_given_stays() -> None:
    asked = Request(
        prompt="a", negative_prompt="b", model="fake", sampler="Euler", steps=9, guidance=0.0, width=128, height=72,
        seed=0, samples=10, preview_every=2, request_id="task-1", start_image=b"picture", mask=b"mask", strength=0.5,
        variation_seed=4, variation_strength=0.25, guidance_rescale=0.7, clip_skip=1, deadline=12.5,
        adapters=(Adapter(name="ink", weight=-0.5), Adapter(name="oil", weight=2.0)),
    )  # fmt: skip

    plan = limits.settle(asked, RICH)

    assert dataclasses.asdict(plan) == dataclasses.asdict(asked)


@pytest.mark.parametrize("seed", [None, -1])
def test_an_open_seed_is_drawn_anew_each_time_and_never_zero(seed: int | None) -> None:
    seeds = {limits.settle(dataclasses.replace(REQUEST, seed=seed), CARD).seed for _ in range(100)}

    assert len(seeds) == 100
    assert all(0 < each < 2**53 for each in seeds)


def test_a_model_that_is_not_here_is_not_found() -> None:
    with pytest.raises(errors.ModelNotFound) as caught:
        limits.settle(dataclasses.replace(REQUEST, model="other"), CARD)

    assert caught.value.metadata == {"model": "other"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("steps", value) for value in (0, -1, 101, 10**9)),
        *((side, value) for side in ("width", "height") for value in (0, -8, 56, 63, 65, 264, 513, 2**31)),
        *(("guidance", value) for value in (math.nan, math.inf, -math.inf, -0.1, 20.1, 1e308)),
        *(("seed", value) for value in (-2, 2**53, 2**64)),
        *(("samples", value) for value in (0, -1, 11, 1_000)),
        *(("prompt", value) for value in ("", " \n\t", "a" * 513, "a\0b", "a\x1b[31m", "a\x7f", "a\ud800b")),
        *(("negative_prompt", value) for value in ("a" * 513, "a\0b", "\ud800")),
        *(("sampler", value) for value in ("euler", "../DDIM", "DDIMScheduler")),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_its_name(field: str, value: Any) -> None:
    refusal = refused(**{field: value})

    assert {violation.field for violation in refusal.fields} == {field}
    assert refusal.message.endswith(".")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("steps", 101, "steps must be from 1 to 100."),
        ("width", 63, "width must be from 64 to 256 pixels, a multiple of 8."),
        ("guidance", math.nan, "guidance must be from 0 to 20."),
        ("samples", 11, "samples must be from 1 to 10."),
        ("prompt", "", "The prompt is empty; say what to draw."),
        ("prompt", "a" * 513, "The prompt has 513 characters; 512 are allowed."),
        ("seed", -2, "seed must be from 0 to 9007199254740991, or -1 to have one drawn."),
    ],
)
def test_a_refusal_names_the_limit(field: str, value: Any, sentence: str) -> None:
    refusal = refused(**{field: value})

    assert refusal.message == sentence


def test_a_text_that_is_too_long_is_not_read() -> None:
    refusal = refused(prompt="\0" * 513)

    assert refusal.message == "The prompt has 513 characters; 512 are allowed."


def test_the_largest_guidance_passes_as_it_comes_off_the_wire() -> None:
    card = gpu_model.card(max_guidance=7.1)
    (wired,) = struct.unpack("f", struct.pack("f", 7.3))
    at_most = gpu_model.card(max_guidance=7.3)
    assert wired > 7.3

    plan = limits.settle(dataclasses.replace(REQUEST, guidance=wired), at_most)

    assert plan.guidance == wired
    with pytest.raises(InvalidInput):
        limits.settle(dataclasses.replace(REQUEST, guidance=wired), card)


def test_every_wrong_field_is_named_at_once() -> None:
    refusal = refused(prompt="", steps=-5, width=1, samples=99, preview_every=-1)

    fields = [violation.field for violation in refusal.fields]
    assert fields == ["prompt", "steps", "width", "samples", "preview_every_steps"]


def test_the_last_images_seed_must_fit_too() -> None:
    largest = dataclasses.replace(REQUEST, seed=2**53 - 1)

    plan = limits.settle(largest, CARD)

    assert plan.seed == 2**53 - 1
    assert refused(seed=2**53 - 1, samples=2).fields[0].field == "seed"


def test_a_limit_on_pixels_holds_where_each_side_alone_would_pass() -> None:
    small = gpu_model.card(max_pixels=128 * 128)

    with pytest.raises(InvalidInput, match="width times height must be at most 16384"):
        limits.settle(dataclasses.replace(REQUEST, width=256, height=72), small)


@pytest.mark.parametrize(
    "prompt", ["a" * 512, "<script>alert(1)</script> {{7*7}} '; DROP TABLE", "two\nlines\tof it", "ein Häuschen 🏠"]
)
def test_odd_but_harmless_prompts_pass_unchanged(prompt: str) -> None:
    plan = limits.settle(dataclasses.replace(REQUEST, prompt=prompt), CARD)

    assert plan.prompt == prompt
