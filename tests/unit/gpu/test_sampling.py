"""Our loop gives what diffusers' own pipelines give for the same seed, and the comparison would notice a difference."""

from typing import Any

import numpy as np
import pytest
import torch

from services.gpu import limits, samplers
from services.gpu.diffusion import noise
from services.gpu.diffusion.pipeline import StableDiffusion
from services.gpu.diffusion.sampling import Rows, Trajectory
from services.gpu.requests import NO_PICTURES, Pictures, Plan, Request
from tests.support.gpu_modes import MODES, a_plan
from tests.support.reference import TOLERANCE, Values, difference
from tests.unit.gpu.conftest import Checkpoints

# diffusers 0.42 speaks to NumPy in an older way; its results are what is compared here.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array_wrap__:DeprecationWarning", "ignore::DeprecationWarning:diffusers"
)

SAMPLERS = [recipe.name for recipe in samplers.RECIPES]
ORDINARY = [recipe.name for recipe in samplers.RECIPES if not recipe.distilled]


def walked(model: StableDiffusion, plan: Plan, pictures: Pictures = NO_PICTURES, *, sample: int = 0) -> Trajectory:
    """The image's trajectory at its end."""
    trajectory = model.begin(plan, model.encode(plan, pictures), sample)
    while trajectory.done < trajectory.calls:
        assert model.step([trajectory]) == [None]
    return trajectory


def ours(
    model: StableDiffusion, plan: Plan, pictures: Pictures = NO_PICTURES, *, sample: int = 0
) -> tuple[Values, Values]:
    """Latents and picture (height × width × 3, from 0 to 1) as the engine's steps draw them."""
    trajectory = walked(model, plan, pictures, sample=sample)
    (picture,) = model.pictures([trajectory])
    assert isinstance(picture, torch.Tensor)
    return trajectory.latents.numpy(), picture.permute(1, 2, 0).numpy()


def assert_equal(reference: tuple[Values, Values], drawn: tuple[Values, Values]) -> None:
    """Latents and picture alike."""
    assert difference(reference[0], drawn[0]) <= TOLERANCE
    assert difference(reference[1], drawn[1]) <= TOLERANCE


@pytest.mark.rotating
@pytest.mark.parametrize(
    ("mode", "sampler"),
    [
        *(("text to image", sampler) for sampler in ORDINARY),
        # Every sampler with every mode is in the mixed batches.
        *(
            (mode, sampler)
            for mode in MODES
            if mode not in ("text to image", "guidance as an input")
            for sampler in ("Euler a", "DPM++ 2M", "Heun")
        ),
    ],
)
def test_one_picture_alone_is_what_diffusers_draws(checkpoints: Checkpoints, mode: str, sampler: str) -> None:
    model, reference = checkpoints.get(MODES[mode].checkpoint)
    plan, pictures = a_plan(model.card, mode, sampler=sampler)

    drawn = ours(model, plan, pictures)

    assert_equal(reference.draw(plan, pictures), drawn)


@pytest.mark.parametrize("sampler", ["LCM", "DDIM"])
@pytest.mark.parametrize(
    "fields", [{}, {"guidance": 1.0}, MODES["image to image"].fields, MODES["inpainting, in part"].fields]
)
def test_models_that_take_guidance_as_an_input_are_drawn_the_same(
    checkpoints: Checkpoints, sampler: str, fields: dict[str, Any]
) -> None:
    model, reference = checkpoints.get("distilled")
    plan, pictures = a_plan(model.card, "guidance as an input", sampler=sampler, **fields)

    drawn = ours(model, plan, pictures)

    assert_equal(reference.draw(plan, pictures), drawn)


@pytest.mark.parametrize(
    "fields",
    [
        {"width": 96, "height": 72},
        {"steps": 1},
        {"steps": 2, "sampler": "PNDM"},
        {"steps": 2, "sampler": "Heun"},
        {"steps": 1, "sampler": "DPM++ single-step"},
        {"steps": 7, "sampler": "DPM++ single-step"},
        {"prompt": "a red circle on a blue house"},
        {"prompt": "words it has never seen"},
        {"seed": 2**53 - 1},
    ],
)
def test_sizes_few_steps_and_odd_prompts_make_no_difference(checkpoints: Checkpoints, fields: dict[str, Any]) -> None:
    model, reference = checkpoints.get("tiny")
    plan, _ = a_plan(model.card, "text to image", **{"sampler": "DDIM", **fields})

    drawn = ours(model, plan)

    assert_equal(reference.draw(plan), drawn)


@pytest.mark.parametrize("mode", ["text to image", "variation", "image to image", "inpainting, in part"])
def test_later_images_of_a_request_use_the_following_seeds(checkpoints: Checkpoints, mode: str) -> None:
    model, reference = checkpoints.get("tiny")
    plan, pictures = a_plan(model.card, mode, sampler="Euler a", samples=3)

    drawn = ours(model, plan, pictures, sample=2)

    assert_equal(reference.draw(plan, pictures, sample=2), drawn)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": 12}, {"guidance": 7.0}, {"steps": 7}, {"prompt": "a blue circle"}, {"sampler": "Euler a"},
        {"guidance_rescale": 0.1}, {"variation_seed": 4, "variation_strength": 0.01},
    ],
)  # fmt: skip
def test_the_comparison_notices_another_request(checkpoints: Checkpoints, wrong: dict[str, Any]) -> None:
    model, reference = checkpoints.get("tiny")
    plan, _ = a_plan(model.card, "text to image", sampler="Euler")

    drawn = ours(model, a_plan(model.card, "text to image", **{"sampler": "Euler", **wrong})[0])

    assert difference(reference.draw(plan)[0], drawn[0]) > 10 * TOLERANCE
    assert difference(reference.draw(plan)[1], drawn[1]) > 10 * TOLERANCE


class Wrong(StableDiffusion):
    """Feeds the denoiser timesteps that are not right."""

    def __init__(self, right: StableDiffusion, how: str) -> None:
        """Of the same parts."""
        super().__init__(right.parts)
        self._how = how

    def _predict(self, fed: Any, rows: int | None) -> Any:
        def bent(timesteps: torch.Tensor) -> torch.Tensor:
            return timesteps + 1 if self._how == "one later" else timesteps.bfloat16().float()

        return super()._predict(
            [
                Rows(
                    latents=each.latents,
                    timesteps=bent(each.timesteps),
                    embeddings=each.embeddings,
                    timestep_cond=each.timestep_cond,
                )
                for each in fed
            ],
            rows,
        )


@pytest.mark.parametrize("how", ["one later", "in sixteen bits"])
def test_the_comparison_notices_a_timestep_that_is_not_right(checkpoints: Checkpoints, how: str) -> None:
    model, reference = checkpoints.get("tiny")
    plan, _ = a_plan(model.card, "text to image", sampler="Euler")

    drawn = ours(Wrong(model, how), plan)

    assert difference(reference.draw(plan)[0], drawn[0]) > 10 * TOLERANCE


@pytest.mark.parametrize(("sampler", "calls"), [("DDIM", 6), ("PNDM", 7), ("Heun", 11), ("KDPM2 a", 11)])
def test_calls_are_counted_not_the_steps_asked_for(checkpoints: Checkpoints, sampler: str, calls: int) -> None:
    model, _ = checkpoints.get("tiny")
    plan, _ = a_plan(model.card, "text to image", sampler=sampler)

    trajectory = model.begin(plan, model.encode(plan), 0)

    assert trajectory.calls == calls


@pytest.mark.parametrize("sampler", ORDINARY)
def test_the_outlook_ends_where_the_image_does(checkpoints: Checkpoints, sampler: str) -> None:
    model, _ = checkpoints.get("tiny")
    plan, _ = a_plan(model.card, "text to image", sampler=sampler, steps=25, guidance=1.0)

    trajectory = walked(model, plan)

    # What the last call pointed at is all but the latents it led to.
    assert difference(trajectory.latents.numpy(), trajectory.outlook().numpy()) < 0.1


def test_a_sampler_that_needs_a_distilled_model_is_offered_by_those_alone(checkpoints: Checkpoints) -> None:
    ordinary, distilled = (checkpoints.get(name)[0].card for name in ("tiny", "distilled"))

    assert {sampler.name for sampler in ordinary.samplers} == set(ORDINARY)
    assert {sampler.name for sampler in distilled.samplers} == set(SAMPLERS)
    assert distilled.defaults.sampler == "LCM"


def test_what_the_mask_leaves_out_is_the_start_image_as_the_autoencoder_has_it(checkpoints: Checkpoints) -> None:
    model, _ = checkpoints.get("tiny")
    plan, pictures = a_plan(model.card, "inpainting", guidance=1.0)
    assert pictures.mask is not None
    untouched = Pictures(start=pictures.start, mask=np.zeros_like(pictures.mask))
    posterior = model.encode(plan, untouched).canvas.start
    begun = posterior.sample(torch.Generator().manual_seed(plan.seed)) * model.parts.vae.config.scaling_factor

    trajectory = walked(model, plan, untouched)

    assert difference(begun.numpy(), trajectory.latents.numpy()) < TOLERANCE


def test_noise_between_two_lies_on_the_circle_and_ends_at_both() -> None:
    one, other = (torch.randn(1, 4, 64, 64, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2))

    middle = noise.between(one, other, 0.5)

    assert torch.allclose(noise.between(one, other, 0.0), one, atol=1e-6)
    assert torch.allclose(noise.between(one, other, 1.0), other, atol=1e-6)
    assert abs(float(middle.norm() / one.norm()) - 1) < 0.02
    assert torch.allclose((middle * one).sum(), (middle * other).sum(), rtol=0.05)
    # A straight line between them would pass nearer to the middle of the circle.
    assert float(((one + other) / 2).norm() / one.norm()) < 0.75


def test_noise_between_a_seed_and_itself_is_that_seeds() -> None:
    one = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(1))

    assert torch.allclose(noise.between(one, one, 0.5), one, atol=1e-6)


def test_a_variation_of_no_strength_is_the_picture_itself(checkpoints: Checkpoints) -> None:
    model, _ = checkpoints.get("tiny")
    usual = {"prompt": "a red circle", "seed": 3, "steps": 3, "sampler": "Euler a"}
    plain = limits.settle(Request(**usual), model.card)  # type: ignore[arg-type]
    varied = limits.settle(Request(**usual, variation_seed=9, variation_strength=0.0), model.card)  # type: ignore[arg-type]

    assert np.array_equal(ours(model, plain)[0], ours(model, varied)[0])
