"""A model is made to fit its memory by the cheapest means that help, and what does not fit goes into its limits."""

import dataclasses
from typing import Any

import pytest

from services.gpu import errors
from services.gpu.card import Card
from services.gpu.checkpoints.anatomy import Anatomy
from services.gpu.models import memory
from services.gpu.models.memory import Economies, Fit
from tests.support import gpu_model

SIDE = 64
"""Pixels of the fake model's own size."""


@dataclasses.dataclass
class FakeMeter:
    """A device on which every pixel has a price; each economy brings it down, unless it is said to be of no use."""

    weights: int = 1000
    row_pixel: float = 0.1
    picture_pixel: float = 0.2
    useless: tuple[str, ...] = ()
    room: int = 10**12
    """More than this is out of memory, whatever the limit."""
    asked: list[Economies] = dataclasses.field(default_factory=list)

    def step(self, economies: Economies, *, width: int, height: int, rows: int) -> int:
        """Weights and rows."""
        self.asked.append(economies)
        share = self._share("half", economies) * self._share("sliced_attention", economies)
        return self._held(self._weights(economies) + width * height * rows * self.row_pixel * share)

    def decode(self, economies: Economies, *, width: int, height: int) -> int:
        """Weights and pictures."""
        share = self._share("half", economies)
        share *= self._share("sliced_vae", economies) * self._share("tiled_vae", economies)
        return self._held(self._weights(economies) + 4 * width * height * self.picture_pixel * share)

    def _weights(self, economies: Economies) -> float:
        return self.weights * self._share("half", economies)

    def _share(self, name: str, economies: Economies) -> float:
        return 0.5 if getattr(economies, name) and name not in self.useless else 1.0

    def _held(self, count: float) -> int:
        if count > self.room:
            raise errors.OutOfMemory
        return int(count)


def card(**limits: Any) -> Card:
    """A model of 64 × 64."""
    return gpu_model.card(**{"max_size": 256, **limits})


def fit(limit: int, *, meter: FakeMeter | None = None, told: Card | None = None, **options: Any) -> Fit:
    """How a model fits."""
    return memory.fit(meter or FakeMeter(), told or card(), limit=limit, **options)


# At 64 × 64 two rows take 819 and four pictures 3,277, beside 1,000 of weights.
OWN = 1000 + 3276


def test_where_there_is_room_nothing_is_switched_on_or_lowered() -> None:
    fitted = fit(100_000)

    assert fitted.economies == Economies()
    assert fitted.limits == card().limits
    assert fitted.peak == OWN


@pytest.mark.parametrize(
    ("limit", "on"),
    [
        (OWN, ("sliced_vae",)),
        (OWN - 1, ("half", "sliced_vae")),
        (OWN // 2 - 1, ("half", "sliced_vae")),
        (1000, ("half", "sliced_vae", "tiled_vae")),
    ],
)
def test_economies_come_one_after_the_other_and_only_those_that_help(limit: int, on: tuple[str, ...]) -> None:
    fitted = fit(limit)

    assert fitted.economies == Economies(**dict.fromkeys(on, True))
    assert fitted.peak <= limit


def test_attention_is_sliced_where_the_denoiser_is_what_takes_the_memory() -> None:
    fitted = fit(6000, meter=FakeMeter(row_pixel=2.0, picture_pixel=0.01))

    assert fitted.economies == Economies(half=True, sliced_attention=True, sliced_vae=True)


def test_what_saves_nothing_here_is_left_off() -> None:
    fitted = fit(OWN - 500, meter=FakeMeter(useless=("half",)))

    assert fitted.economies == Economies(sliced_vae=True)


def test_what_is_not_allowed_is_not_tried() -> None:
    meter = FakeMeter()

    fitted = fit(OWN // 2, meter=meter, allowed=("sliced_vae", "tiled_vae"))

    assert fitted.economies == Economies(sliced_vae=True, tiled_vae=True)
    assert not any(each.half or each.sliced_attention for each in meter.asked)


def test_a_model_that_fits_by_no_means_is_a_sentence_with_both_figures() -> None:
    with pytest.raises(errors.ModelUnusable, match=r"takes 1\.3 GB for a picture of 64 × 64.*limit is 1\.0 GB"):
        fit(10**9, meter=FakeMeter(weights=2_500_000_000))


def test_a_device_that_is_full_before_the_limit_counts_as_too_much() -> None:
    fitted = fit(10**9, meter=FakeMeter(room=OWN - 1))

    assert fitted.economies.half
    assert fitted.peak < OWN


def test_on_a_full_device_economies_add_up_until_it_has_room() -> None:
    fitted = fit(10**9, meter=FakeMeter(room=1000))

    assert fitted.economies == Economies(half=True, sliced_attention=True, sliced_vae=True, tiled_vae=True)
    with pytest.raises(errors.ModelUnusable, match="takes more than there is for"):
        fit(10**9, meter=FakeMeter(room=10))


@pytest.mark.parametrize("limit", [5_000, 10_000, 20_000])
def test_the_largest_picture_that_fits_becomes_the_limit(limit: int) -> None:
    meter = FakeMeter()

    fitted = fit(limit, meter=meter)

    side = int(fitted.limits.max_pixels**0.5)
    assert meter.decode(fitted.economies, width=side, height=side) <= limit
    larger = side + 8
    assert meter.decode(fitted.economies, width=larger, height=larger) > limit
    assert side % 8 == 0


def test_pictures_are_decoded_one_by_one_where_larger_ones_fit_by_that() -> None:
    with_it = fit(10_000)
    without = fit(10_000, allowed=("half", "sliced_attention", "tiled_vae"))

    assert with_it.economies == Economies(sliced_vae=True)
    assert without.economies == Economies()
    assert with_it.limits.max_pixels > without.limits.max_pixels


def test_a_long_side_may_be_as_long_as_its_pixels_allow() -> None:
    limits = fit(10_000).limits

    assert limits.max_pixels < 256 * 256
    assert limits.max_size == min(256, limits.max_pixels // limits.min_size // 8 * 8)


def test_the_models_own_size_is_never_lost() -> None:
    limits = fit(OWN, told=card(min_size=64), allowed=()).limits

    assert (limits.max_pixels, limits.max_size) == (SIDE * SIDE, SIDE)


def test_a_limit_of_the_models_own_on_pixels_stays_when_it_is_the_lower_one() -> None:
    limits = fit(100_000, told=card(max_pixels=100 * 100)).limits

    assert (limits.max_pixels, limits.max_size) == (100 * 100, 256)


def test_so_many_rows_fit_as_their_measured_growth_leaves_room_for() -> None:
    fitted = fit(9192)

    assert fitted.rows == 20  # (9,192 − 1,000) ÷ 409.6


def test_fixed_rows_must_fit() -> None:
    fitted = fit(5000, rows=8)

    assert fitted.rows >= 8
    with pytest.raises(errors.ModelUnusable):
        fit(1500, rows=16)


STABLE_DIFFUSION = Anatomy(
    unet={"block_out_channels": [320, 640, 1280, 1280], "layers_per_block": 2, "sample_size": 64, "in_channels": 4},
    vae={"block_out_channels": [128, 256, 512, 512], "latent_channels": 4},
    text_encoder={"num_hidden_layers": 12},
    scheduler={},
    parameters=1_066_000_000,
    version=1,
)


def reckoning(bytes_each: int = 4) -> memory.Reckoning:
    """For Stable Diffusion 1.5."""
    return memory.Reckoning(STABLE_DIFFUSION, parameters=STABLE_DIFFUSION.parameters, bytes_each=bytes_each, decoded=4)


def test_what_is_reckoned_grows_with_rows_and_size_and_shrinks_with_each_economy() -> None:
    meter, plain = reckoning(), Economies()
    weights = 4 * STABLE_DIFFUSION.parameters

    one, two = (meter.step(plain, width=512, height=512, rows=rows) - weights for rows in (1, 2))
    large = meter.step(plain, width=1024, height=1024, rows=1) - weights

    assert two == pytest.approx(2 * one, rel=0.01)
    assert large == pytest.approx(4 * one, rel=0.01)
    assert meter.step(Economies(half=True), width=512, height=512, rows=2) == pytest.approx(
        meter.step(plain, width=512, height=512, rows=2) / 2, rel=0.01
    )
    decoded = [
        meter.decode(each, width=512, height=512)
        for each in (plain, Economies(sliced_vae=True), Economies(sliced_vae=True, tiled_vae=True))
    ]
    assert decoded == sorted(decoded, reverse=True)
    assert len(set(decoded)) == 3


def test_stable_diffusion_in_half_precision_is_reckoned_to_fit_six_gigabytes() -> None:
    own = dataclasses.replace(
        gpu_model.card(max_size=1024),
        defaults=gpu_model.card().defaults.model_copy(update={"width": 512, "height": 512}),
    )

    fitted = memory.fit(reckoning(2), own, limit=6_000_000_000, allowed=("sliced_vae", "tiled_vae"))

    assert fitted.peak < 6_000_000_000
    assert fitted.rows >= 8


@pytest.mark.parametrize(("count", "text"), [(999_000_000, "999 MB"), (6_000_000_000, "6.0 GB"), (1_000_000, "1 MB")])
def test_bytes_are_said_for_people(count: int, text: str) -> None:
    assert memory.said(count) == text
