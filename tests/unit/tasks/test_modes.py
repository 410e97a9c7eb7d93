"""What a submission may ask for beside plain text to image, and what it then gets."""

from dataclasses import replace
from typing import Any

import pytest

from services.foundation.errors import InvalidInput
from services.tasks.asking import pricing
from services.tasks.asking.ingredients import Adapter, Parameters, Shape, Shapes, StartImage
from services.tasks.asking.modes import MAX_SEED
from services.tasks.asking.parameters import Asked, resolve
from tests.support.fake_parts import MODEL as PLAIN

MODEL = replace(PLAIN, adapters=("ink", "clay", "a", "b", "c"), limits=replace(PLAIN.limits, max_clip_skip=2))
FILLER = replace(MODEL, name="filler", inpainting_only=True)
UPLOAD = StartImage(upload_id="up-1")
SHAPES = Shapes(start=Shape(width=640, height=480), mask=Shape(width=320, height=240))


def settled(shapes: Shapes = SHAPES, **asked: Any) -> Parameters:
    return resolve(Asked(**{"prompt": "a house", **asked}), [MODEL, FILLER], shapes)


def test_plain_text_to_image_has_none_of_it() -> None:
    plain = settled()

    assert (plain.start_image, plain.mask_upload_id, plain.strength, plain.variation_seed) == (None, "", None, None)
    assert plain.steps_run == plain.steps


def test_a_start_image_brings_the_workers_usual_strength() -> None:
    assert settled(start_image=UPLOAD).strength == 0.8
    assert settled(start_image=UPLOAD, mask_upload_id="up-2").strength == 1.0
    assert settled(start_image=UPLOAD, strength=0.3).strength == 0.3


def test_a_variation_without_a_seed_gets_one_that_stays() -> None:
    drawn = settled(variation_strength=0.2, variation_seed=-1, samples=3).variation_seed

    assert drawn is not None
    assert 0 <= drawn <= MAX_SEED - 2
    assert settled(variation_strength=0.2, variation_seed=7).variation_seed == 7
    assert settled(variation_seed=7).variation_seed is None


def test_image_n_alone_has_every_seed_so_much_higher() -> None:
    asked = settled(seed=5, variation_strength=0.2, variation_seed=7, samples=3)

    assert (asked.from_image(2).seed, asked.from_image(2).variation_seed) == (7, 9)
    assert settled(samples=3).from_image(2) == settled(samples=3)


@pytest.mark.parametrize(
    "asked",
    [
        {"start_image": UPLOAD, "strength": 1.0},
        {"start_image": UPLOAD, "strength": 0.25},
        {"model": "filler", "start_image": UPLOAD, "mask_upload_id": "up-2"},
        {"variation_strength": 1.0, "variation_seed": MAX_SEED},
        {"guidance_rescale": 1.0},
        {"clip_skip": 2},
        {"adapters": (Adapter(name="ink", weight=-2.0), Adapter(name="clay", weight=2.0))},
    ],
    ids=str,
)
def test_the_bounds_themselves_are_allowed(asked: dict[str, Any]) -> None:
    resolved = settled(**asked)

    assert all(getattr(resolved, name) == value for name, value in asked.items())


@pytest.mark.parametrize(
    ("field", "sentence", "asked"),
    [
        ("start_image", "no such upload", {"start_image": UPLOAD, "shapes": Shapes()}),
        ("start_image", "no such image", {"start_image": StartImage(image_id="x"), "shapes": Shapes()}),
        ("start_image", "fills holes", {"model": "filler", "mask_upload_id": "up-2"}),
        ("mask_upload_id", "fills holes", {"model": "filler", "start_image": UPLOAD}),
        ("mask_upload_id", "needs a start image", {"mask_upload_id": "up-2"}),
        (
            "mask_upload_id",
            "no such upload",
            {"start_image": UPLOAD, "mask_upload_id": "up-2", "shapes": replace(SHAPES, mask=None)},
        ),
        (
            "mask_upload_id",
            "another shape",
            {
                "start_image": UPLOAD,
                "mask_upload_id": "up-2",
                "shapes": replace(SHAPES, mask=Shape(width=330, height=240)),
            },
        ),
        ("strength", "above 0", {"start_image": UPLOAD, "strength": 0.0}),
        ("strength", "above 0", {"start_image": UPLOAD, "strength": -0.1}),
        ("strength", "at most 1", {"start_image": UPLOAD, "strength": 1.01}),
        ("strength", "at most 1", {"start_image": UPLOAD, "strength": float("nan")}),
        ("strength", "name one", {"strength": 0.5}),
        ("strength", "nothing would be drawn", {"start_image": UPLOAD, "strength": 0.24, "steps": 4}),
        ("variation_seed", "0 to", {"variation_strength": 0.5, "variation_seed": -2}),
        ("variation_seed", "0 to", {"variation_strength": 0.5, "variation_seed": MAX_SEED, "samples": 2}),
        ("variation_strength", "0 to 1", {"variation_strength": 1.1, "variation_seed": 1}),
        ("variation_strength", "0 to 1", {"variation_strength": float("nan")}),
        ("guidance_rescale", "0 to 1", {"guidance_rescale": -0.1}),
        ("clip_skip", "0 to 2", {"clip_skip": 3}),
        ("clip_skip", "0 to 2", {"clip_skip": -1}),
        ("adapters", "no adapter 'oil'", {"adapters": (Adapter(name="oil"),)}),
        ("adapters", "twice", {"adapters": (Adapter(name="ink"), Adapter(name="ink", weight=0.5))}),
        ("adapters", "-2 to 2", {"adapters": (Adapter(name="ink", weight=2.1),)}),
        ("adapters", "-2 to 2", {"adapters": (Adapter(name="ink", weight=float("nan")),)}),
        ("adapters", "At most 4", {"adapters": tuple(Adapter(name=name) for name in MODEL.adapters)}),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_with_what_would_be_right(field: str, sentence: str, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=sentence) as caught:
        settled(**asked)

    assert [violation.field for violation in caught.value.fields] == [field]
    assert caught.value.fields[0].description.endswith(".")


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        settled(Shapes(), steps=0, start_image=UPLOAD, clip_skip=9, guidance_rescale=2.0, strength=3.0)

    fields = [violation.field for violation in caught.value.fields]
    assert fields == ["steps", "start_image", "strength", "guidance_rescale", "clip_skip"]


@pytest.mark.parametrize(
    ("asked", "digest"),
    [
        (Asked(prompt="a house"), "e6e5b361cdddfe614749b6cb23eb2e8a4d0b16041c197a40ed0905eb39360d6a"),
        (
            Asked(
                prompt="a house", negative_prompt="rain", model="mini", sampler="DDIM", steps=20, guidance=7.3,
                width=128, height=64, seed=7, samples=2,
            ),
            "b500bc7f53d858902ca5cf1bfb411d5e05b80b513bee39c25f848e923d1253b4",
        ),
    ],
)  # fmt: skip
def test_what_is_asked_as_in_the_first_version_has_the_digest_it_had_then(asked: Asked, digest: str) -> None:
    assert asked.digest() == digest


@pytest.mark.parametrize(
    "more",
    [
        {"start_image": UPLOAD}, {"start_image": StartImage(image_id="up-1")}, {"mask_upload_id": "m"},
        {"strength": 0.8}, {"variation_seed": 0}, {"variation_strength": 0.1}, {"guidance_rescale": 0.1},
        {"clip_skip": 1}, {"adapters": (Adapter(name="ink"),)}, {"adapters": (Adapter(name="ink", weight=0.5),)},
    ],
    ids=str,
)  # fmt: skip
def test_everything_that_is_said_counts_for_the_digest(more: dict[str, Any]) -> None:
    assert Asked(prompt="a", **more).digest() == Asked(prompt="a", **more).digest()
    assert Asked(prompt="a", **more).digest() != Asked(prompt="a").digest()


@pytest.mark.parametrize(("strength", "run", "tokens"), [(1.0, 50, 3), (0.8, 40, 2), (0.41, 20, 1), (0.03, 1, 1)])
def test_only_steps_that_are_gone_are_paid_for(strength: float, run: int, tokens: int) -> None:
    asked = replace(settled(start_image=UPLOAD), steps=50, width=512, height=512, strength=strength, samples=2)

    assert asked.steps_run == run
    assert pricing.price(asked) == 2 * tokens
