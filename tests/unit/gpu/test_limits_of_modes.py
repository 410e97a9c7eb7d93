"""Pictures, masks, variations, LoRAs and the text encoder's layers: what goes together, and what is refused by name."""

import dataclasses
import math
from typing import Any

import pytest

from services.foundation.errors import InvalidInput
from services.gpu import limits
from services.gpu.card import Card
from services.gpu.requests import Adapter, Plan, Request
from tests.support import gpu_model

CARD = dataclasses.replace(gpu_model.card(max_clip_skip=2), adapters=("ink", "oil", "a", "b", "c"))
HOLES = dataclasses.replace(CARD, inpainting=True)
"""A card of a model that fills holes only."""
PICTURE, MASK = b"picture", b"mask"


def settled(card: Card = CARD, **fields: Any) -> Plan:
    """The plan of a request with these fields."""
    return limits.settle(Request(prompt="a red house", **fields), card)


def refused(card: Card = CARD, **fields: Any) -> list[str]:
    """The fields that such a request is refused for."""
    with pytest.raises(InvalidInput) as caught:
        settled(card, **fields)
    assert all(violation.description.endswith(".") for violation in caught.value.fields)
    return [violation.field for violation in caught.value.fields]


@pytest.mark.parametrize(
    ("fields", "strength"),
    [
        ({}, 1.0),
        ({"start_image": PICTURE}, 0.8),
        ({"start_image": PICTURE, "mask": MASK}, 1.0),
        ({"start_image": PICTURE, "strength": 0.4}, 0.4),
        ({"start_image": PICTURE, "mask": MASK, "strength": 0.4}, 0.4),
        ({"start_image": b"", "mask": b""}, 1.0),
    ],
)
def test_how_much_of_a_picture_is_drawn_anew_follows_from_what_is_sent(fields: Any, strength: float) -> None:
    assert settled(**fields).strength == strength


@pytest.mark.parametrize("strength", [0.0, -0.1, 1.01, math.nan, math.inf])
def test_a_strength_outside_its_range_is_refused(strength: float) -> None:
    assert refused(start_image=PICTURE, strength=strength) == ["strength"]


def test_a_strength_that_leaves_no_step_is_refused() -> None:
    assert refused(start_image=PICTURE, strength=0.3, steps=3) == ["strength"]
    assert settled(start_image=PICTURE, strength=0.3, steps=4).strength == 0.3


def test_what_needs_a_picture_is_refused_without_one() -> None:
    assert refused(mask=MASK) == ["mask"]
    assert refused(strength=0.5) == ["strength"]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, ["start_image", "mask"]),
        ({"start_image": PICTURE}, ["mask"]),
        ({"mask": MASK}, ["start_image"]),
    ],
)
def test_a_model_that_fills_holes_needs_a_picture_and_a_mask(fields: Any, wrong: list[str]) -> None:
    assert refused(HOLES, **fields) == wrong
    assert settled(HOLES, start_image=PICTURE, mask=MASK).mask == MASK


@pytest.mark.parametrize("field", ["variation_strength", "guidance_rescale"])
@pytest.mark.parametrize("value", [-0.01, 1.01, math.nan, math.inf])
def test_a_share_outside_zero_to_one_is_refused(field: str, value: float) -> None:
    fields: dict[str, Any] = {field: value}

    assert refused(**fields) == [field]


def test_a_variation_without_a_seed_gets_one_and_none_without_a_strength() -> None:
    seeds = {settled(variation_strength=0.1, variation_seed=seed).variation_seed for seed in (None, -1) for _ in "ab"}

    assert len(seeds) == 4
    assert settled(variation_strength=0.1, variation_seed=7).variation_seed == 7
    assert settled(variation_seed=7).variation_seed is None


def test_the_last_images_variation_seed_must_fit_too() -> None:
    assert refused(variation_strength=0.1, variation_seed=2**53 - 1, samples=2) == ["variation_seed"]


@pytest.mark.parametrize("value", [-1, 3, 10**6])
def test_more_layers_than_may_be_left_out_are_refused(value: int) -> None:
    assert refused(clip_skip=value) == ["clip_skip"]
    assert settled(clip_skip=2).clip_skip == 2


def loras(*names: str, weight: float = 1.0) -> tuple[Adapter, ...]:
    """LoRAs of these names."""
    return tuple(Adapter(name=name, weight=weight) for name in names)


@pytest.mark.parametrize(
    "adapters",
    [
        loras("ink", "oil", "a", "b", "c"),
        loras("nothing"),
        loras("../ink"),
        loras("ink", "ink"),
        *(loras("ink", weight=weight) for weight in (2.1, -2.1, math.nan, math.inf)),
    ],
)
def test_adapters_that_are_too_many_unknown_twice_or_too_strong_are_refused(adapters: tuple[Adapter, ...]) -> None:
    assert refused(adapters=adapters) == ["adapters"]


@pytest.mark.parametrize("adapters", [(), loras("ink", "oil", "a", "b"), loras("ink", weight=-2.0)])
def test_known_adapters_pass_in_their_order(adapters: tuple[Adapter, ...]) -> None:
    assert settled(adapters=adapters).adapters == adapters


def test_a_name_of_any_length_makes_a_short_sentence() -> None:
    with pytest.raises(InvalidInput) as caught:
        settled(adapters=loras("x" * 10_000))

    assert len(caught.value.message) < 200


def test_every_wrong_field_is_named_at_once() -> None:
    wrong = refused(
        variation_strength=2, guidance_rescale=-1, clip_skip=9, adapters=loras("nothing"), mask=MASK, strength=5
    )

    assert wrong == ["variation_strength", "guidance_rescale", "clip_skip", "adapters", "strength", "mask"]
