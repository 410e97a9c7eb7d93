"""What a submission may ask for, and what it then gets."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from services.foundation.errors import InvalidInput
from services.tasks.asking import pricing
from services.tasks.asking.ingredients import Parameters
from services.tasks.asking.modes import MAX_SEED
from services.tasks.asking.parameters import Asked, check_request_id, resolve
from services.tasks.workers.capabilities import Defaults, Limits, Model, Sampler

MODEL = Model(
    name="mini",
    defaults=Defaults(steps=20, guidance=2.5, width=128, height=64),
    limits=Limits(
        min_size=64,
        max_size=256,
        size_multiple=8,
        max_steps=50,
        max_guidance=20.0,
        max_samples=4,
        max_prompt_chars=512,
        max_pixels=256 * 128,
    ),
    samplers=(Sampler(name="DDIM"), Sampler(name="Euler")),
)
LARGE = replace(MODEL, name="large", samplers=(Sampler(name="DPM++ 2M"),))


def test_what_is_left_out_takes_the_models_defaults() -> None:
    resolved = resolve(Asked(prompt="a house"), [MODEL, LARGE])

    assert resolved == Parameters(
        prompt="a house", negative_prompt="", model="mini", sampler="DDIM", steps=20, guidance=2.5, width=128,
        height=64, seed=None, samples=1,
    )  # fmt: skip


def test_a_named_model_brings_its_own_samplers() -> None:
    assert resolve(Asked(prompt="a house", model="large"), [MODEL, LARGE]).sampler == "DPM++ 2M"
    with pytest.raises(InvalidInput, match=r"choose one of: DPM\+\+ 2M"):
        resolve(Asked(prompt="a house", model="large", sampler="Euler"), [MODEL, LARGE])


@pytest.mark.parametrize(
    "asked",
    [
        {"steps": 1}, {"steps": 50}, {"width": 64}, {"width": 256}, {"guidance": 0.0}, {"guidance": 20.0}, {"seed": 0},
        {"seed": MAX_SEED}, {"samples": 4}, {"prompt": "x" * 512}, {"negative_prompt": "x" * 512}, {"seed": -1},
        {"prompt": "one\r\n\ttwo"}, {"guidance": 20.000001},
    ],
    ids=str,
)  # fmt: skip
def test_the_bounds_themselves_are_allowed(asked: dict[str, Any]) -> None:
    resolved = resolve(Asked(**{"prompt": "a house", **asked}), [MODEL])

    name, value = next(iter(asked.items()))
    assert getattr(resolved, name) == (None if value == -1 else value)


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("steps", {"steps": 0}),
        ("steps", {"steps": 51}),
        ("width", {"width": 257}),
        ("width", {"width": 65}),
        ("height", {"height": 0}),
        ("width", {"width": 256, "height": 256}),
        ("guidance", {"guidance": float("nan")}),
        ("guidance", {"guidance": 1e308}),
        ("seed", {"seed": -2}),
        ("seed", {"seed": MAX_SEED + 1}),
        ("seed", {"seed": MAX_SEED - 1, "samples": 3}),
        ("samples", {"samples": 0}),
        ("samples", {"samples": 5}),
        ("prompt", {"prompt": ""}),
        ("prompt", {"prompt": "\t "}),
        ("prompt", {"prompt": "x" * 513}),
        ("prompt", {"prompt": "half \ud83d of a pair"}),
        ("negative_prompt", {"negative_prompt": "\0"}),
        ("prompt", {"prompt": "a bell \a"}),
        ("prompt", {"prompt": "the next line \x85"}),
        ("negative_prompt", {"negative_prompt": "\x1b[31m"}),
        ("model", {"model": "none"}),
    ],
    ids=str,
)
def test_what_is_wrong_is_named_with_what_would_be_right(field: str, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve(Asked(**{"prompt": "a house", **asked}), [MODEL])

    assert [violation.field for violation in caught.value.fields] == [field]
    assert caught.value.fields[0].description.endswith(".")


def test_every_wrong_field_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve(Asked(prompt="", steps=0, samples=99), [MODEL])

    assert [violation.field for violation in caught.value.fields] == ["prompt", "steps", "samples"]


def test_no_model_allows_a_longer_prompt_than_the_ledger_can_keep() -> None:
    generous = replace(MODEL, limits=replace(MODEL.limits, max_prompt_chars=10_000))

    with pytest.raises(InvalidInput, match="at most 512 characters; it has 513"):
        resolve(Asked(prompt="x" * 513), [generous])


def test_the_last_images_seed_may_be_the_largest() -> None:
    assert resolve(Asked(prompt="a house", seed=MAX_SEED - 2, samples=3), [MODEL]).seed == MAX_SEED - 2


class Unread(str):
    """A text whose characters nobody may look at."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError

    def strip(self, *_: object) -> str:
        raise AssertionError


def test_a_text_that_is_too_long_is_refused_without_being_read() -> None:
    with pytest.raises(InvalidInput) as caught:
        resolve(Asked(prompt=Unread("x" * 513), negative_prompt=Unread("y" * 513)), [MODEL])

    assert [violation.field for violation in caught.value.fields] == ["prompt", "negative_prompt"]


@pytest.mark.parametrize("request_id", ["", "x" * 65, "a\nb", "a\0b"])
def test_a_request_id_that_cannot_be_a_key_is_refused(request_id: str) -> None:
    with pytest.raises(InvalidInput, match="1 to 64"):
        check_request_id(request_id)


def test_the_same_content_has_the_same_digest_and_any_other_another() -> None:
    assert Asked(prompt="a").digest() == Asked(prompt="a").digest()
    assert len({Asked(prompt="a").digest(), Asked(prompt="a", steps=0).digest(), Asked(prompt="b").digest()}) == 3


@pytest.mark.parametrize(
    ("samples", "steps", "width", "height", "tokens"),
    [(1, 20, 512, 512, 1), (1, 21, 512, 512, 2), (4, 20, 128, 128, 4), (2, 40, 1024, 1024, 16), (10, 1, 64, 64, 10)],
)
def test_the_price_is_whole_tokens_an_image(samples: int, steps: int, width: int, height: int, tokens: int) -> None:
    asked = replace(resolve(Asked(prompt="a house"), [MODEL]), samples=samples, steps=steps, width=width, height=height)

    assert pricing.price(asked) == tokens
    assert pricing.price(asked) == samples * pricing.price_per_image(asked)
